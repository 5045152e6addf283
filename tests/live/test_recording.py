"""Exchanges are recorded, without their texts, if the owner asks for it; and replayed."""

import gzip
import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.recording.replay import Replay, ReplayError, read
from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

PROMPT = "the launch code is swordfish"
ANSWER = "no submarine may dive"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings") / "kept"


@pytest.fixture(scope="module")
def recording(
    simulator: Simulator, directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("recorder"),
        KIRO_RECORD_DIR=str(directory),
        KIRO_RECORD_MAX="3",
    )
    yield running
    running.stop()


def ask(gateway: Gateway, *, stream: bool = True, model: str = "claude-sonnet-4-5") -> str:
    answer = requests.post(
        f"{gateway.url}/v1/messages",
        headers={"x-api-key": KEY},
        json={
            "model": model,
            "max_tokens": 100,
            "stream": stream,
            "messages": [{"role": "user", "content": PROMPT}],
        },
        timeout=30,
    )
    return answer.text


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.json"))


def wait_for(count: int, directory: Path, after: Path | None = None) -> list[Path]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = [path for path in files(directory) if after is None or path > after]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{len(files(directory))} recordings, expected {count}")


@pytest.fixture
def failed(recording: Gateway, upstream: Simulator, directory: Path) -> tuple[Path, str]:
    """The recording of a stream that broke off, and what the client got."""
    last = files(directory)[-1] if files(directory) else None
    upstream.script({"text": [ANSWER, ANSWER], "cut": {"after": 3}})
    got = ask(recording)
    return wait_for(1, directory, last)[-1], got


def test_a_failure_is_kept_without_its_texts(failed: tuple[Path, str]):
    path, got = failed
    assert ANSWER in got
    content = path.read_text()
    for word in ("launch", "swordfish", "submarine", KEY, "arn:", "test-refresh-token"):
        assert word not in content
    document = json.loads(content)
    assert document["request"]["path"] == "/v1/messages"
    assert document["request"]["body"]["model"] == "claude-sonnet-4-5"
    [attempt] = document["attempts"]
    assert attempt["status"] == 200
    assert attempt["end"] == "broken off"
    assert attempt["frames"]
    assert document["answer"]["status"] == 200
    assert "event: error" in "".join(write["text"] for write in document["answer"]["writes"])
    assert document["facts"]["error"] == "truncated"


def test_a_compressed_body_is_kept_as_it_was_read(
    recording: Gateway, upstream: Simulator, directory: Path
):
    last = files(directory)[-1] if files(directory) else None
    upstream.script({"fail": "too_long"})
    body = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": PROMPT}]}
    refused = requests.post(
        f"{recording.url}/v1/messages",
        headers={"x-api-key": KEY, "content-encoding": "gzip"},
        data=gzip.compress(json.dumps(body | {"max_tokens": 9}).encode()),
        timeout=30,
    )
    assert refused.status_code == 400
    [path] = wait_for(1, directory, last)
    assert json.loads(path.read_text())["request"]["body"]["max_tokens"] == 9


def test_the_second_call_of_an_answer_is_kept_too(
    recording: Gateway, upstream: Simulator, directory: Path
):
    last = files(directory)[-1] if files(directory) else None
    upstream.script({"text": [ANSWER]}, {"text": [ANSWER, ANSWER]})
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": PROMPT}],
        "tools": [{"name": "dive", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
    }
    headers = {"x-api-key": KEY}
    refused = requests.post(f"{recording.url}/v1/messages", headers=headers, json=body, timeout=30)
    assert refused.status_code == 502
    [path] = wait_for(1, directory, last)
    first, second = json.loads(path.read_text())["attempts"]
    assert (first["status"], first["end"]) == (second["status"], second["end"]) == (200, "whole")
    assert second["at"] > first["at"]
    assert len(second["frames"]) > len(first["frames"])


def test_only_its_owner_can_read_it(failed: tuple[Path, str]):
    path, _ = failed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_oldest_are_removed(recording: Gateway, upstream: Simulator, directory: Path):
    for _ in range(5):
        upstream.script({"fail": "too_long"})
        assert "invalid_request_error" in ask(recording, stream=False)
    time.sleep(0.5)
    assert len(files(directory)) == 3
    newest = json.loads(files(directory)[-1].read_text())
    assert newest["attempts"][0]["status"] == 400
    assert newest["attempts"][0]["refusal"]["reason"] == "CONTENT_LENGTH_EXCEEDS_THRESHOLD"


def test_what_succeeds_is_not_kept_and_nobody_without_a_key_is(
    recording: Gateway, upstream: Simulator, directory: Path
):
    before = files(directory)
    upstream.script({"text": [ANSWER]})
    assert ANSWER in ask(recording)
    refused = requests.post(f"{recording.url}/v1/messages", data=b"{}", timeout=10)
    assert refused.status_code == 401
    time.sleep(0.3)
    assert files(directory) == before


@pytest.fixture
def replayed(
    tmp_path: Path,
) -> Iterator[Callable[[Path], Gateway]]:
    running: list[Any] = []

    def start(path: Path) -> Gateway:
        server = Replay(("127.0.0.1", 0), read(path), at_once=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        gateway = Gateway(server.url, tmp_path, WEB_CONCURRENCY="1")
        running.extend([gateway.stop, server.shutdown, server.server_close])
        return gateway

    yield start
    for stop in running:
        stop()


def test_a_recording_fails_in_the_same_way_again(
    failed: tuple[Path, str], replayed: Callable[[Path], Gateway]
):
    path, got = failed
    again = ask(replayed(path))
    names = [line for line in got.split("\n") if line.startswith("event: ")]
    assert [line for line in again.split("\n") if line.startswith("event: ")] == names
    assert "event: error" in names
    assert ANSWER not in again


def test_what_is_no_recording_is_refused(tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(ReplayError, match="is not a recording"):
        read(path)


def test_a_warning_at_start_while_texts_are_kept(
    simulator: Simulator, upstream: Simulator, tmp_path: Path
):
    directory = tmp_path / "kept"
    gateway = Gateway(
        simulator.url,
        tmp_path,
        KIRO_RECORD_DIR=str(directory),
        KIRO_RECORD="all",
        KIRO_RECORD_TEXT="1",
    )
    try:
        upstream.script({"text": [ANSWER]})
        ask(gateway)
        assert "KIRO_RECORD_TEXT=1: recordings hold prompts and answers" in gateway.log_text()
        [path] = wait_for(1, directory)
        assert PROMPT in path.read_text()
    finally:
        gateway.stop()


def test_every_call_of_an_answer_with_searches_is_kept(
    recording: Gateway, upstream: Simulator, directory: Path
) -> None:
    last = files(directory)[-1] if files(directory) else None
    search = {"tool": {"name": "web_search", "input": {"query": PROMPT}}}
    upstream.script({"say": [search]}, {"text": [ANSWER, ANSWER], "cut": {"after": 3}})
    requests.post(
        f"{recording.url}/v1/messages",
        headers={"x-api-key": KEY},
        json={
            "model": "claude-sonnet-4-5",
            "max_tokens": 100,
            "stream": True,
            "messages": [{"role": "user", "content": PROMPT}],
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        },
        timeout=30,
    )
    path = wait_for(1, directory, last)[-1]
    assert "swordfish" not in path.read_text(), "nor in what was searched for"
    first, second = read(path)
    assert (first["end"], second["end"]) == ("whole", "broken off")
    with Replay(("127.0.0.1", 0), [first, second], at_once=True) as replay:
        assert [replay.next_attempt() for _ in range(2)] == [first, second]
