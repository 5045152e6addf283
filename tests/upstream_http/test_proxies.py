"""Proxies of every kind: what they are sent, and what their failures become."""

import socket
import ssl
import threading
from time import monotonic

import pytest

from app.codewhisperer.client import Client
from app.common.errors import GatewayError, Kind
from tests.upstream_http.peers import (
    OK,
    Script,
    answering,
    peer,
    read_request,
    socks5,
    tunnelling,
)

PLAIN, SECURE = "http://upstream.test/chat?a=b", "https://127.0.0.1/chat"
NOT_USABLE = "The proxy KIRO_UPSTREAM_PROXY could not be used"


def ask(proxy: str, url: str, *, times: int = 1) -> None:
    client = Client(connections=2, connect_timeout=2, user_agent="test/1", proxy=proxy)
    try:
        for _ in range(times):
            answer = client.open(url, {}, b"{}", timeout=2)
            assert b"".join(answer) == b"hi"
            answer.close()
    finally:
        client.close()


def failure(proxy: str, url: str) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        ask(proxy, url)
    return failed.value


def test_a_plain_url_is_sent_whole_to_an_http_proxy() -> None:
    with peer(answering(OK)) as (port, seen):
        ask(f"http://me:p%3Aw@127.0.0.1:{port}", PLAIN, times=2)
    assert len(seen) == 2
    for request in seen:
        assert request.startswith(b"POST http://upstream.test/chat?a=b HTTP/1.1\r\n")
        assert b"\r\nHost: upstream.test\r\n" in request
        assert b"\r\nProxy-Authorization: Basic bWU6cDp3\r\n" in request


@pytest.mark.usefixtures("trusted")
def test_a_plain_url_by_a_proxy_that_speaks_tls(tls: ssl.SSLContext) -> None:
    with peer(answering(OK), tls=tls) as (port, seen):
        ask(f"https://127.0.0.1:{port}", PLAIN, times=2)
    assert seen[1].startswith(b"POST http://upstream.test/chat?a=b HTTP/1.1\r\n")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_https_url_by_a_tunnel(tls: ssl.SSLContext, scheme: str) -> None:
    """The second case is TLS inside TLS."""
    outer = tls if scheme == "https" else None
    with (
        peer(answering(OK), tls=tls) as (port, seen),
        peer(tunnelling(port), tls=outer) as (proxy, asked),
    ):
        ask(f"{scheme}://me:pw@127.0.0.1:{proxy}", SECURE, times=2)
    [connect] = asked
    assert connect.split(b"\r\n") == [
        b"CONNECT 127.0.0.1:443 HTTP/1.1",
        b"Host: 127.0.0.1:443",
        b"Proxy-Authorization: Basic bWU6cHc=",
        b"",
        b"",
    ]
    assert [request.split(b"\r\n")[0] for request in seen] == [b"POST /chat HTTP/1.1"] * 2
    assert b"Proxy-Authorization" not in b"".join(seen)


@pytest.mark.usefixtures("trusted")
def test_a_long_body_in_both_directions_by_tls_inside_tls(tls: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 2000
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with (
        peer(answering(wire), tls=tls) as (port, seen),
        peer(tunnelling(port), tls=tls) as (proxy, _),
    ):
        client = Client(
            connections=2, connect_timeout=2, user_agent="t", proxy=f"https://127.0.0.1:{proxy}"
        )
        answer = client.open(SECURE, {}, body, timeout=5)
        assert b"".join(answer) == body
        assert answer.complete
        answer.close()
        client.close()
    assert seen[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"502 Bad Gateway"])
def test_a_proxy_that_refuses_the_tunnel(status: bytes) -> None:
    with peer(tunnelling(0, b"HTTP/1.1 " + status + b"\r\n\r\n")) as (port, _):
        error = failure(f"http://127.0.0.1:{port}", SECURE)
    assert error.kind is Kind.CONNECTION
    assert NOT_USABLE in error.message


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nmore", b"HTTP/1.1 200"]
)
def test_a_proxy_that_answers_nonsense(answer: bytes) -> None:
    def script(connection: socket.socket, seen: list[bytes]) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with peer(script) as (port, _):
        error = failure(f"http://127.0.0.1:{port}", SECURE)
    assert error.kind is Kind.CONNECTION
    assert "broke off" in error.message


def test_the_origin_behind_a_tunnel_is_verified(tls: ssl.SSLContext) -> None:
    with peer(answering(OK), tls=tls) as (port, seen), peer(tunnelling(port)) as (proxy, _):
        error = failure(f"http://127.0.0.1:{proxy}", SECURE)
    assert error.kind is Kind.TLS
    assert seen == []


@pytest.mark.parametrize("url", [PLAIN, SECURE])
def test_a_proxy_is_verified(tls: ssl.SSLContext, url: str) -> None:
    with peer(answering(OK), tls=tls) as (port, seen):
        error = failure(f"https://127.0.0.1:{port}", url)
    assert NOT_USABLE in error.message
    assert seen == []


@pytest.mark.usefixtures("trusted")
def test_the_origin_inside_tls_is_verified(tls: ssl.SSLContext) -> None:
    with (
        peer(answering(OK), tls=tls) as (port, seen),
        peer(tunnelling(port), tls=tls) as (proxy, _),
    ):
        error = failure(f"https://127.0.0.1:{proxy}", "https://elsewhere.test/chat")
    assert error.kind is Kind.TLS
    assert seen == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("url", [PLAIN, SECURE])
def test_no_proxy_listens(scheme: str, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert NOT_USABLE in failure(f"{scheme}://127.0.0.1:{port}", url).message


def test_the_name_of_a_proxy_that_is_not_found() -> None:
    assert NOT_USABLE in failure("http://proxy.invalid:1", PLAIN).message


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("secure", [False, True])
def test_a_socks_proxy_that_resolves_names(tls: ssl.SSLContext, secure: bool) -> None:
    with (
        peer(answering(OK), tls=tls if secure else None) as (port, seen),
        peer(socks5(port)) as (proxy, asked),
    ):
        url = "https://auth.test/chat" if secure else PLAIN
        ask(f"socks5h://127.0.0.1:{proxy}", url, times=2)
    assert len(asked) == 2  # the greeting and the request of one connection
    assert (b"auth.test" if secure else b"upstream.test") in asked[1]
    assert seen[1].startswith(b"POST /chat")


def test_a_socks_proxy_that_gets_addresses() -> None:
    with peer(answering(OK)) as (port, _), peer(socks5(port)) as (proxy, asked):
        ask(f"socks5://127.0.0.1:{proxy}", "http://localhost:8080/chat")
    assert asked[1][:4] in (b"\x05\x01\x00\x01", b"\x05\x01\x00\x04")  # IPv4 or IPv6
    assert asked[1][-2:] == (8080).to_bytes(2, "big")


def test_a_socks_proxy_with_a_password() -> None:
    with peer(answering(OK)) as (port, _), peer(socks5(port, method=2)) as (proxy, asked):
        ask(f"socks5h://me:p%3Aw@127.0.0.1:{proxy}", PLAIN)
    assert asked[1] == b"\x01\x02me\x03p:w"


def test_a_socks_proxy_that_fails() -> None:
    with peer(socks5(0, reply=5)) as (port, _):
        error = failure(f"socks5h://127.0.0.1:{port}", PLAIN)
    assert (error.kind, error.code) == (Kind.CONNECTION, "unreachable")


def test_a_socks_proxy_that_says_nothing() -> None:
    def silent(connection: socket.socket, seen: list[bytes]) -> None:
        connection.recv(512)
        connection.recv(512)

    with peer(silent) as (port, _):
        error = failure(f"socks5h://127.0.0.1:{port}", PLAIN)
    assert "within KIRO_CONNECT_TIMEOUT" in error.message


def dripping(connection: socket.socket, seen: list[bytes]) -> None:
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK\r\nx: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)


def mute(connection: socket.socket, seen: list[bytes]) -> None:
    read_request(connection)
    connection.recv(1)


@pytest.mark.parametrize("script", [mute, dripping])
def test_an_http_proxy_that_does_not_answer_in_time(script: Script) -> None:
    began = monotonic()
    with peer(script) as (port, _):
        error = failure(f"http://127.0.0.1:{port}", SECURE)
    assert "within KIRO_CONNECT_TIMEOUT" in error.message
    assert monotonic() - began < 5


def dripping_socks(connection: socket.socket, seen: list[bytes]) -> None:
    connection.recv(512)
    connection.sendall(b"\x05\x00")
    connection.recv(512)
    for byte in b"\x05\x00\x00\x03\xff" + b"x" * 257:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)


def dripping_tls(connection: socket.socket, seen: list[bytes]) -> None:
    connection.recv(65536)
    for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 16384:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.1)


@pytest.mark.parametrize(
    ("script", "proxy", "url"),
    [
        (dripping_socks, "socks5h://127.0.0.1:%d", SECURE),
        (dripping_tls, "https://127.0.0.1:%d", SECURE),
        (dripping_tls, "", "https://127.0.0.1:%d/chat"),
    ],
    ids=["SOCKS", "TLS of a proxy", "TLS of the upstream"],
)
def test_a_negotiation_that_drips_ends_in_time(script: Script, proxy: str, url: str) -> None:
    began = monotonic()
    with peer(script) as (port, _):
        error = failure(*(text % port if "%d" in text else text for text in (proxy, url)))
    assert error.kind in (Kind.CONNECTION, Kind.TIMEOUT)
    assert "KIRO_CONNECT_TIMEOUT" in error.message
    assert monotonic() - began < 5
