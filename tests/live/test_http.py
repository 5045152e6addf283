"""The HTTP surface, as curl, a browser and a load balancer see it."""

import json
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

AUTH = {"x-api-key": KEY}
BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hello"}],
}


def post(gateway: Gateway, path: str = "/v1/messages", **kwargs: Any) -> requests.Response:
    kwargs.setdefault("headers", AUTH)
    return requests.post(gateway.url + path, timeout=20, allow_redirects=False, **kwargs)


def error_of(answer: requests.Response) -> dict[str, str]:
    body = answer.json()
    assert body["type"] == "error"
    assert body["request_id"] == answer.headers["request-id"]
    return body["error"]


@pytest.mark.parametrize(
    "path",
    ["/v1/messages", "/messages", "/v1/v1/messages", "//v1//messages", "/v1/messages?beta=true"],
)
def test_the_base_urls_people_type(gateway: Gateway, simulator: Simulator, path: str) -> None:
    answer = post(gateway, path, json=BODY)
    assert answer.status_code == 200
    assert answer.json()["content"][0]["type"] == "text"


def test_a_stream_says_that_nothing_may_hold_it_back(
    gateway: Gateway, simulator: Simulator
) -> None:
    answer = post(gateway, json=BODY | {"stream": True})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.text.rstrip().endswith('data: {"type":"message_stop"}')


def test_events_leave_when_they_come(gateway: Gateway, simulator: Simulator) -> None:
    """The second delta is held back by the upstream; the first must be here by then."""
    simulator.reset()
    simulator.script({"text": ["first", "second"], "stall": {"after": 2, "seconds": 0.5}})
    with post(gateway, json=BODY | {"stream": True}, stream=True) as answer:
        pieces = answer.iter_content(chunk_size=None)
        arrived = b""
        while b"first" not in arrived:
            arrived += next(pieces)
        assert b"second" not in arrived
        rest = b"".join(pieces)
    assert b"second" in rest
    assert b"message_stop" in rest


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{nope", "JSON"),
        (b"[]", "JSON object"),
        (
            b'{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}',
            "model: Field required",
        ),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}',
            "max_tokens: Field required",
        ),
        (b'{"model": "m", "max_tokens": "9", "messages": []}', "max_tokens: "),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(
    gateway: Gateway, body: bytes, message: str
) -> None:
    answer = post(gateway, data=body)
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["type"] == "invalid_request_error"
    assert message in error["message"]


def test_nothing_there(gateway: Gateway) -> None:
    answer = post(gateway, "/v1/nothing", json={})
    assert answer.status_code == 404
    assert error_of(answer)["type"] == "not_found_error"


def test_the_wrong_method(gateway: Gateway) -> None:
    answer = requests.get(gateway.url + "/v1/messages", headers=AUTH, timeout=20)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert error_of(answer)["type"] == "invalid_request_error"


def test_health_needs_no_key(gateway: Gateway) -> None:
    plain = requests.get(gateway.url + "/health", timeout=20)
    assert (plain.status_code, plain.text) == (200, "OK")
    as_json = requests.get(
        gateway.url + "/health", headers={"Accept": "application/json"}, timeout=20
    )
    assert as_json.json()["status"] == "ok"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_the_root_answers_a_probe(gateway: Gateway, method: str) -> None:
    assert requests.request(method, gateway.url + "/", timeout=20).status_code == 200


def test_what_was_ignored_and_repaired_is_told(gateway: Gateway, simulator: Simulator) -> None:
    simulator.reset()
    cached = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    body = BODY | {
        "model": "gpt-4o mini",
        "temperature": 0.5,
        "brand_new": 1,
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": [cached]},
        ],
    }
    answer = post(gateway, json=body)
    assert answer.status_code == 200
    ignored = answer.headers["x-kiro-ignored"].split(",")
    assert {"temperature", "brand_new", "cache_control"} <= set(ignored)
    repairs = answer.headers["x-kiro-repairs"].split(",")
    assert "model%3Agpt-4o%20mini" in repairs
    assert "merge-turns" in repairs


def test_the_clients_request_id_is_kept_if_it_is_sane(gateway: Gateway) -> None:
    kept = requests.get(gateway.url + "/health", headers={"X-Request-ID": "abc-1.2_3"}, timeout=20)
    assert kept.headers["x-request-id"] == "abc-1.2_3"
    made = requests.get(gateway.url + "/health", headers={"X-Request-ID": "a b"}, timeout=20)
    assert made.headers["x-request-id"].startswith("req_")


def test_one_line_for_a_request_without_its_words(gateway: Gateway, simulator: Simulator) -> None:
    secret = "PROMPT-THAT-NOBODY-MAY-READ"
    body = BODY | {"messages": [{"role": "user", "content": secret}], "stream": True}
    answer = post(gateway, json=body)
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert line["status"] == 200
    assert line["streamed"] is True
    assert line["model"] == "claude-sonnet-4-6"
    assert line["input_tokens"] > 0
    assert line["output_tokens"] > 0
    assert line["credits"] > 0
    assert 0 < line["first_event_ms"] <= line["total_ms"]
    log = gateway.log_text()
    assert secret not in log
    assert KEY not in log
    assert "sim-access" not in log
    assert "test-refresh-token" not in log


def test_a_line_is_short_however_much_was_ignored(gateway: Gateway, simulator: Simulator) -> None:
    unknown = {f"member {number}": 1 for number in range(5000)}
    answer = post(gateway, json=BODY | {"model": "x" * 256} | unknown)
    assert answer.status_code == 200
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert line["ignored"][0] == "member 0"
    assert line["ignored"][-1].startswith("+4")
    assert len(str(line)) < 3000


def test_the_line_of_a_refusal_names_the_upstreams_request(
    gateway: Gateway, simulator: Simulator
) -> None:
    simulator.reset()
    simulator.script({"fail": "improperly_formed"})
    refused = post(gateway, json=BODY)
    assert refused.status_code == 400
    answered = post(gateway, json=BODY)
    for answer in (refused, answered):
        line = gateway.wait_for_line(answer.headers["request-id"])
        assert len(line["upstream_id"]) == 36


@pytest.fixture(scope="module")
def default_key(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """As one starts it without any setting, and with a page's origin let in."""
    gateway = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("default-key"),
        WEB_CONCURRENCY="1",
        KIRO_CLIENT_TOKEN="",
        KIRO_CORS_ORIGINS="https://chat.example.com",
        MAX_BODY_BYTES="2000",
    )
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_the_default_key_is_not_for_web_pages(default_key: Gateway, name: str) -> None:
    headers = {
        "x-api-key": "123456",
        name: "evil.example" if name == "Host" else "https://e.example",
    }
    answer = post(default_key, json=BODY, headers=headers)
    assert answer.status_code == 403
    assert "KIRO_CLIENT_TOKEN" in error_of(answer)["message"]
    assert post(default_key, json=BODY, headers={"x-api-key": "123456"}).status_code == 200


def test_a_body_over_the_limit(default_key: Gateway) -> None:
    body = BODY | {"system": "x" * 3000}
    answer = post(default_key, json=body, headers={"x-api-key": "123456"})
    assert answer.status_code == 413
    assert error_of(answer)["type"] == "request_too_large"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_a_chunked_body_over_the_limit(default_key: Gateway, path: str) -> None:
    pieces = iter([json.dumps(BODY).encode()[:-1], b',"system":"', b"x" * 3000, b'"}'])
    answer = post(default_key, path, data=pieces, headers={"x-api-key": "123456"})
    assert answer.status_code == 413, answer.text


def test_browsers_may_ask_first(default_key: Gateway) -> None:
    wanted = "x-api-key,anthropic-version,anthropic-dangerous-direct-browser-access,x-stainless-os"
    answer = requests.options(
        default_key.url + "/v1/messages",
        headers={
            "Origin": "https://chat.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": wanted,
        },
        timeout=20,
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://chat.example.com"
    allowed = {name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert set(wanted.split(",")) <= allowed
