"""Bodies with a Content-Encoding, through the real gateway."""

import base64
import gzip
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
import requests

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.bombs import zeros
from tests.live.large_bodies import beside
from tests.live.processes import children
from tests.live.servers import KEY, Gateway
from tests.zstandard import zstd

REPORT = Path(__file__).parents[1] / "corpus" / "reports" / "02-zstd-body.json"
CODINGS = "zstd, gzip, deflate, br"
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstd.compress(data),
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "identity, gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "identity": bytes,
    "": bytes,
}
ASKED = "How are you?"
MESSAGES = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": ASKED}]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/messages": MESSAGES | {"max_tokens": 9},
    "/v1/messages/count_tokens": MESSAGES,
    "/v1/chat/completions": MESSAGES,
    "/v1/responses": {"model": "claude-sonnet-4-6", "input": ASKED},
}
MAX_BODY = 32 * 1024 * 1024
LONGEST, GROWTH, TRIES = 0.1, 64 * 1024 * 1024, 4


def post(
    gateway: Gateway, body: bytes | Iterator[bytes], coding: str, path: str = "/v1/messages"
) -> requests.Response:
    headers = {"x-api-key": KEY, "Content-Encoding": coding}
    return requests.post(gateway.url + path, data=body, headers=headers, timeout=60)


def whole(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def in_chunks(body: bytes, size: int = 7) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("coding", ENCODERS)
def test_every_coding_for_every_path(
    gateway: Gateway, upstream: Simulator, coding: str, path: str, chunked: bool
) -> None:
    encoded = ENCODERS[coding](whole(BODIES[path]))
    answer = post(gateway, in_chunks(encoded) if chunked else encoded, coding, path)
    assert answer.status_code == 200, answer.text
    asked = [seen for seen in upstream.requests if seen.operation == CHAT]
    assert len(asked) == (not path.endswith("count_tokens"))
    assert all(ASKED in json.dumps(seen.body) for seen in asked)


def test_what_codex_sends(gateway: Gateway, upstream: Simulator) -> None:
    """Codex compresses with zstd (openai/codex#8767)."""
    report = json.loads(REPORT.read_bytes())
    body = base64.b64decode(report["body_base64"])
    answer = post(gateway, body, report["headers"]["content-encoding"], report["path"])
    assert answer.status_code == 200, answer.text


def test_bodies_far_above_256_kib(gateway: Gateway, upstream: Simulator) -> None:
    """They are decoded in the native thread."""
    system = "words and words. " * 30_000
    body = whole(BODIES["/v1/messages"] | {"system": system})
    for coding, encode in ENCODERS.items():
        answer = post(gateway, encode(body), coding)
        assert answer.status_code == 200, answer.text
        asked = [seen for seen in upstream.requests if seen.operation == CHAT]
        assert system in json.dumps(asked[-1].body)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("header", ["compress", "gzip, zstd", "gzip, gzip", "\xff", "x" * 5000])
def test_what_is_not_known_is_refused_by_name(gateway: Gateway, header: str, path: str) -> None:
    answer = requests.post(
        gateway.url + path,
        data=b"anything",
        headers={"x-api-key": KEY, "Content-Encoding": header.encode("latin-1")},
        timeout=20,
    )
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == CODINGS
    assert answer.headers["x-should-retry"] == "false"
    message = answer.json()["error"]["message"]
    assert repr(header)[1:20].rstrip("'") in message
    assert CODINGS in message
    if path in ("/v1/responses", "/v1/chat/completions"):
        assert answer.json()["error"]["code"] == "unsupported_content_encoding"


@pytest.mark.parametrize(
    ("coding", "spoil", "said"),
    [
        (coding, spoil, said)
        for coding in ("zstd", "gzip", "deflate", "br")
        for spoil, said in (
            (lambda body: body[:-3], "breaks off before its end"),
            (lambda body: body + b"\xff garbage", ""),
            (lambda body: b"\xff" + body, ""),
        )
    ],
)
def test_what_is_damaged_is_refused(
    gateway: Gateway, coding: str, spoil: Callable[[bytes], bytes], said: str
) -> None:
    sent = spoil(ENCODERS[coding](whole(BODIES["/v1/messages"])))
    answer = post(gateway, sent, coding)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert f"is not valid {coding}" in message
    assert said in message
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert (line["error"], line["error_code"]) == ("invalid_request", "damaged_coding")


@pytest.mark.parametrize("coding", ["zstd", "gzip", "deflate", "br"])
def test_a_body_that_is_not_encoded_is_told_so(gateway: Gateway, coding: str) -> None:
    answer = post(gateway, whole(BODIES["/v1/messages"]), coding)
    assert answer.status_code == 400
    assert f"is not valid {coding}, which its Content-Encoding says" in answer.text


def test_the_limit_is_of_what_comes_out(simulator: Simulator, tmp_path: Path) -> None:
    simulator.reset()
    limit = 2048
    gateway = Gateway(simulator.url, tmp_path, WEB_CONCURRENCY="1", MAX_BODY_BYTES=str(limit))
    body = whole(BODIES["/v1/messages"])
    try:
        for coding, encode in ENCODERS.items():
            assert post(gateway, encode(body.ljust(limit)), coding).status_code == 200
            answer = post(gateway, encode(body.ljust(limit + 1)), coding)
            assert answer.status_code == 413
            assert "MAX_BODY_BYTES" in answer.text
    finally:
        gateway.stop()


ZEROS = 10 * 1000**3


@pytest.fixture(scope="module")
def worker(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(simulator.url, tmp_path_factory.mktemp("bombs"), WEB_CONCURRENCY="1")
    yield running
    running.stop()


def beside_others(worker: Gateway, body: bytes, coding: str, chunked: bool) -> requests.Response:
    """The answer, after one of several tries has kept the limits of time and memory."""
    (pid,) = children(worker.process.pid)
    seen = []
    for _ in range(TRIES):
        began = time.monotonic()
        with beside(worker.port, pid) as found:
            answer = post(worker, in_chunks(body, 65536) if chunked else body, coding)
        took = time.monotonic() - began
        seen.append((found, took))
        if found.worst < LONGEST and found.memory - found.before < MAX_BODY + GROWTH and took < 5:
            return answer
    pytest.fail(f"the limits are {LONGEST} s and {MAX_BODY + GROWTH} B more, in 5 s: {seen}")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("coding", CODINGS.split(", "))
def test_a_bomb_is_refused_early(worker: Gateway, coding: str, chunked: bool) -> None:
    bomb = zeros(coding, ZEROS)
    assert len(bomb) < MAX_BODY
    answer = beside_others(worker, bomb, coding, chunked)
    assert answer.status_code == 413
    assert f"decoded from {coding}" in answer.text


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_the_longest_body_is_decoded_beside_others(worker: Gateway, coding: str) -> None:
    text = base64.b64encode(random.Random(1).randbytes(24_000_000)).decode()
    body = whole(BODIES["/v1/messages"] | {"system": text})
    encoded = gzip.compress(body, 1) if coding == "gzip" else zstd.compress(body, 1)
    assert len(encoded) > 20_000_000
    answer = beside_others(worker, encoded, coding, False)
    assert answer.status_code == 400
    assert "prompt is too long" in answer.text
