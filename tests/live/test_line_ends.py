"""What readers of events may take for the end of a line is escaped in every dialect.

``httpx.iter_lines`` and other readers go by ``str.splitlines`` (langgenius/dify#39008).
"""

from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

TEXT = "one\x85two\u2028three\u2029four\r\n"
MESSAGES = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "Hello"}]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/messages": MESSAGES | {"max_tokens": 99},
    "/v1/chat/completions": MESSAGES,
    "/v1/responses": {"model": "claude-sonnet-4-6", "input": "Hello"},
}


@pytest.mark.parametrize("path", BODIES)
def test_a_line_is_a_line(gateway: Gateway, upstream: Simulator, path: str) -> None:
    upstream.script({"text": [TEXT], "tools": [{"name": "f", "input": {"text": TEXT}}]})
    tool = {"name": "f", "description": TEXT}
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    tools: dict[str, dict[str, Any]] = {
        "/v1/messages": tool | {"input_schema": schema},
        "/v1/chat/completions": {"type": "function", "function": tool | {"parameters": schema}},
        "/v1/responses": tool | {"type": "function", "parameters": schema},
    }
    answer = requests.post(
        gateway.url + path,
        json=BODIES[path] | {"stream": True, "tools": [tools[path]]},
        headers={"x-api-key": KEY},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    lines = answer.content.decode().splitlines()
    assert lines == answer.content.decode().split("\n")[:-1]
    assert r"one\u0085two\u2028three\u2029four\r\n" in answer.text
