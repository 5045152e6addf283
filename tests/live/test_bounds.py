"""What a client names and the gateway repeats has a bounded length."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, ROOT, Gateway

LONG = "m" * 5_000_000
USER = [{"role": "user", "content": "Hello"}]
MODEL = "claude-sonnet-4-6"
ASKS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": MODEL, "max_tokens": 9, "messages": USER},
    "/v1/chat/completions": {"model": MODEL, "messages": USER},
    "/v1/responses": {"model": MODEL, "input": "Hello"},
}
LONGEST_LINE = 16 * 1024
"""Bytes of a log line."""


def ask(
    gateway: Gateway, path: str, body: dict[str, Any], **headers: str
) -> tuple[requests.Response, str]:
    """The answer, and what it says of the failure."""
    answer = requests.post(
        gateway.url + path, json=body, headers={"x-api-key": KEY, **headers}, timeout=30
    )
    return answer, answer.json()["error"]["message"] if answer.status_code != 200 else ""


def test_a_limit_in_superscript(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("GET", "/v1/models?limit=%C2%B2", headers={"x-api-key": KEY})
    answer = connection.getresponse()
    assert (answer.status, b"limit: must be between" in answer.read()) == (400, True)
    connection.close()


@pytest.mark.parametrize("key", ["cl\xe9", "two\nlines", "tab\there"])
def test_a_key_that_no_header_can_bring_is_refused_at_the_start(key: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "KIRO_CLIENT_TOKEN": key,
        "PORT": "0",
    }
    ended = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode != 0
    assert "KIRO_CLIENT_TOKEN: found" in ended.stderr
    assert "printable ASCII characters" in ended.stderr
    assert key not in ended.stderr


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_long_name_of_a_model(
    gateway: Gateway, upstream: Simulator, path: str, stream: bool
) -> None:
    answer, message = ask(gateway, path, ASKS[path] | {"model": LONG, "stream": stream})
    assert answer.status_code == 400
    assert message == "model: Input should have a length of at most 256"


def _tool(path: str, name: str) -> dict[str, Any]:
    if path == "/v1/messages":
        return {"name": name, "input_schema": {"type": "object"}}
    function = {"name": name, "parameters": {"type": "object"}}
    return {"type": "function"} | (function if "responses" in path else {"function": function})


@pytest.mark.parametrize("path", ASKS)
def test_a_long_name_of_a_tool(gateway: Gateway, path: str) -> None:
    answer, message = ask(gateway, path, ASKS[path] | {"tools": [_tool(path, "t" * 300)]})
    assert (answer.status_code, "name: Input should have a length of at most 256" in message) == (
        400,
        True,
    )


@pytest.mark.parametrize(
    ("path", "members", "field"),
    [
        ("/v1/messages", {"metadata": {"user_id": LONG}}, "metadata.user_id"),
        ("/v1/chat/completions", {"prompt_cache_key": LONG}, "prompt_cache_key"),
        ("/v1/responses", {"prompt_cache_key": LONG}, "prompt_cache_key"),
        ("/v1/responses", {"metadata": {"a": LONG}}, "metadata"),
        ("/v1/responses", {"metadata": {LONG: "a"}}, "metadata"),
        ("/v1/responses", {"metadata": {str(n): "a" for n in range(65)}}, "metadata"),
        ("/v1/responses", {"reasoning": {"summary": LONG}}, "reasoning.summary"),
        ("/v1/responses", {"tool_choice": {"type": "file_search", "a": LONG}}, "tool_choice"),
        ("/v1/messages", {"tool_choice": {"type": "tool", "name": LONG}}, "tool_choice.name"),
        (
            "/v1/chat/completions",
            {"messages": [*USER, {"role": "tool", "tool_call_id": LONG, "content": ""}]},
            "messages[1].tool_call_id",
        ),
    ],
)
def test_other_long_names(gateway: Gateway, path: str, members: dict[str, Any], field: str) -> None:
    answer, message = ask(gateway, path, ASKS[path] | members)
    assert (answer.status_code, message.partition(":")[0]) == (400, field)
    assert len(answer.content) < 1000


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("header", ["X-Conversation-ID", "X-Session-ID"])
def test_a_long_session(gateway: Gateway, path: str, header: str) -> None:
    answer, message = ask(gateway, path, ASKS[path], **{header: "s" * 1025})
    assert answer.status_code == 400
    assert message == f"{header}: Input should have a length of at most 1024"


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/v1/messages", {"system": [{"type": LONG}]}),
        ("/v1/messages", {"messages": [{"role": LONG}]}),
        ("/v1/messages", {"tools": [{"type": LONG, "name": "a"}], LONG: 1}),
        ("/v1/messages", {"output_config": {"effort": LONG}}),
        ("/v1/chat/completions", {"tools": [{"type": LONG}]}),
        ("/v1/responses", {"include": [LONG], "tools": [{"type": LONG}]}),
        ("/v1/responses", {"input": [{"role": "user", "content": "a"}, {"type": LONG}]}),
        (
            "/v1/responses",
            {
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_file", "filename": "a", "file_data": f"data:{LONG}"}
                        ],
                    }
                ]
            },
        ),
    ],
)
def test_whatever_is_quoted_is_short(
    gateway: Gateway, upstream: Simulator, path: str, members: dict[str, Any]
) -> None:
    """In the answer, its headers, and the log."""
    answer, _ = ask(gateway, path, ASKS[path] | members)
    assert len(answer.content) < LONGEST_LINE
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) < LONGEST_LINE
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert len(json.dumps(line)) < LONGEST_LINE


def test_references_that_expand_to_gigabytes(gateway: Gateway, upstream: Simulator) -> None:
    large = {"type": "object", "description": "d" * 900_000}
    repeated = {f"p{number}": {"$ref": "#/properties/a"} for number in range(2000)}
    schema = {"type": "object", "properties": {"a": large} | repeated}
    tools = [{"name": "bomb", "input_schema": schema}]
    answer, message = ask(gateway, "/v1/messages", ASKS["/v1/messages"] | {"tools": tools})
    assert answer.status_code == 400
    assert message.startswith("The input schema of tool 'bomb': its references expand to more than")
    assert upstream.requests == []


def test_unknown_events_without_end(gateway: Gateway, upstream: Simulator) -> None:
    unknown = [{"event": {"type": f"{number}{'e' * 60}"}} for number in range(2000)]
    upstream.script({"say": [*unknown, {"text": "Hello"}]})
    answer, _ = ask(gateway, "/v1/messages", ASKS["/v1/messages"])
    assert answer.status_code == 200
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert line["skipped"]["others"] == 2000 - 32
    assert len(json.dumps(line)) < LONGEST_LINE


@pytest.mark.parametrize("path", ASKS)
def test_a_character_that_two_events_cut_apart(
    gateway: Gateway, upstream: Simulator, path: str
) -> None:
    upstream.script({"text": ["a\ud83d", "\ude00b", "\ud83d"]})
    answer, _ = ask(gateway, path, ASKS[path])
    assert answer.status_code == 200
    assert "a😀b\ufffd" in json.dumps(answer.json(), ensure_ascii=False)
    assert gateway.wait_for_line(answer.headers["request-id"])["skipped"] == {
        "half of a surrogate pair": 1
    }
