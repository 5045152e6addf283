"""What is not HTTP, over real sockets: its answer, its line in the log, and what that may hold."""

import json
import socket
from typing import Any

import pytest

from tests.live.servers import KEY, Gateway

SECRET = "sk-secret-4711"
POST = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {KEY}\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"


def exchange(gateway: Gateway, request: str) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and read one answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(request.encode("latin-1"))
        data = b""
        while b"\r\n\r\n" not in data and (piece := client.recv(65536)):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = {
            name.lower(): value for name, value in (field.split(": ", 1) for field in fields)
        }
        while len(body) < int(headers["content-length"]) and (piece := client.recv(65536)):
            body += piece
    return int(line.split()[1]), headers, body


def refusal(gateway: Gateway, request: str) -> tuple[int, Any]:
    """The status and the error of a refused request, which has a line in the log."""
    status, headers, body = exchange(gateway, request)
    answer = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert answer["request_id"] == headers["request-id"]
    line = gateway.wait_for_line(headers["request-id"])
    assert line["status"] == status
    assert SECRET not in gateway.log_text()
    assert SECRET not in str(answer)
    assert "Traceback" not in gateway.log_text()
    return status, answer["error"]


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (f'{{"text": "{SECRET}"}}\r\n\r\n', 400),
        (f"GET / HTTP/1.1\r\nHost: a\r\n{SECRET}\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nHost: a\r\nx-api-key: {SECRET}\x01\r\n\r\n", 400),
        (f"GET /{'a' * 9000}{SECRET} HTTP/1.1\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nExpect: {SECRET}\r\n\r\n", 417),
        (f"GET / HTTP/1.1\r\na: {'b' * 66_000}{SECRET}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\n" + "a: b\r\n" * 201 + "\r\n", 431),
        ("GET / HTTP/1.1\r\n" + f"a: {'b' * 600}\r\n" * 150 + "\r\n", 431),
        (f"GET / HTTP/1.1\r\nTransfer-Encoding: {SECRET}\r\n\r\n", 501),
        (f"{POST}Content-Length: {'9' * 5000}\r\n\r\n", 400),
        (f"{POST}Content-Length: \xb2\r\n\r\n", 400),
        (f"{POST}Content-Length: -1\r\n\r\n", 400),
        (f"{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (f"{POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_a_head_that_is_refused(gateway: Gateway, request_text: str, status: int) -> None:
    got, error = refusal(gateway, request_text)
    assert (got, error["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize("digits", [16, 20, 400, 4000])
def test_a_length_beyond_all_limits(gateway: Gateway, digits: int) -> None:
    status, error = refusal(gateway, f"{POST}Content-Length: {'9' * digits}\r\n\r\n")
    assert (status, error["type"]) == (413, "request_too_large")


def test_a_body_longer_than_its_length(gateway: Gateway) -> None:
    """The length was counted in characters: the rest of the prompt is no request."""
    body = json.dumps({"prompt": "ä" * 100 + SECRET}, ensure_ascii=False)
    request = f"{POST}Content-Length: {len(body)}\r\n\r\n".encode() + body.encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(request + b"\r\n\r\n")
        answers = b""
        while piece := client.recv(65536):
            answers += piece
    assert answers.count(b"HTTP/1.1 400") == 2
    assert SECRET not in gateway.log_text()
    assert SECRET.encode() not in answers


@pytest.mark.parametrize(
    "body",
    [
        "zz\r\n\r\n",
        "\r\nabc\r\n",
        "-1\r\nab",
        "0x5\r\nHello\r\n0\r\n\r\n",
        "5\r\nHello you\r\n0\r\n\r\n",
        "5;\x01\r\nHello\r\n0\r\n\r\n",
        f"5;{'a' * 9000}\r\nHello\r\n0\r\n\r\n",
        "f" * 6000 + "\r\nab",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\na: b\nc\r\n\r\n",
    ],
)
def test_a_malformed_chunked_body(gateway: Gateway, body: str) -> None:
    status, error = refusal(gateway, CHUNKED + body)
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert "chunk" in error["message"]


def test_a_chunked_body(gateway: Gateway) -> None:
    body = '{"model":"claude-sonnet-4-6","max_tokens":9,"messages":[{"role":"user","content":"a"}]}'
    chunks = "".join(f"1;a=b\r\n{character}\r\n" for character in body)
    assert exchange(gateway, CHUNKED + chunks + "0\r\nx-sum: 1\r\n\r\n")[0] == 200


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO", "X_Forwarded_For"])
def test_headers_that_would_be_variables_are_ignored(gateway: Gateway, name: str) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: a\r\n{name}: /nonsense\r\n\r\n"
    assert exchange(gateway, request)[0] == 200


def test_headers_as_a_front_may_send_them(gateway: Gateway) -> None:
    fields = "".join(f"a{number}: {'b' * 300}\r\n" for number in range(190))
    assert exchange(gateway, f"GET /health HTTP/1.1\r\nHost: a\r\n{fields}\r\n")[0] == 200


LINE = "GET /health HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Host: a\r\n" + "a: b\r\n" * 199, 200),
        ("Host: a\r\n" + "a: b\r\n" * 200, 431),
        (f"Host: a\r\na: {'b' * (65_536 - len(LINE) - 16)}\r\n", 200),
        (f"Host: a\r\na: {'b' * (65_536 - len(LINE) - 15)}\r\n", 431),
        (f"Host: a\r\na: {'b' * 33_000}\r\nc: {'d' * 33_000}\r\n", 431),
    ],
)
def test_a_head_may_have_200_fields_and_64_kb(gateway: Gateway, head: str, status: int) -> None:
    assert exchange(gateway, f"{LINE}{head}\r\n")[0] == status


def test_a_refused_upload_is_read_on_until_its_client_has_read_the_answer(gateway: Gateway) -> None:
    """A close would reset the connection, and the client might lose the answer."""
    head = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: {10**7}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode())
        for _ in range(10):
            client.sendall(bytes(10**6))
        assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
