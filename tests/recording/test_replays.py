"""Recordings, most of them made by hand, each replayed to a real gateway through every API.

``facts`` of a recording says how the exchange ends: ``error`` is the kind of its failure.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from app.recording.replay import Replay, read
from tests.live.servers import KEY, Gateway

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))

REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "/v1/responses": {"input": "Hello"},
}
ENDS = {
    "/v1/messages": "message_stop",
    "/v1/chat/completions": "[DONE]",
    "/v1/responses": "response.completed",
}


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def gateway(recording: Path, tmp_path: Path) -> Iterator[Gateway]:
    server = Replay(("127.0.0.1", 0), read(recording), at_once=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    running = Gateway(server.url, tmp_path, WEB_CONCURRENCY="1", KIRO_QUIET_END="0.5")
    yield running
    running.stop()
    server.shutdown()
    server.server_close()


def test_an_exchange_ends_as_it_did(recording: Path, gateway: Gateway) -> None:
    wanted = _error(recording)
    for path, body in REQUESTS.items():
        answer = requests.post(
            gateway.url + path,
            json={"model": "claude-sonnet-4-6", "stream": True, **body},
            headers={"x-api-key": KEY},
            timeout=30,
        )
        line = gateway.wait_for_line(answer.headers["request-id"])
        assert line.get("error") == wanted, f"{path}: {line}"
        assert (ENDS[path] in answer.text) == (wanted is None), answer.text


def _error(recording: Path) -> str | None:
    found: str | None = msgspec.json.decode(recording.read_bytes())["facts"].get("error")
    return found
