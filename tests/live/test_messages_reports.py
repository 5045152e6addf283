"""Public reports about streams of other gateways, tried on this one: each file of the corpus names
the reports that it was made from.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

REPORTS = Path(__file__).parents[1] / "corpus/reports"
TEXT = "one\u2028two\u2029three\u0085four"
ASKS: dict[str, dict[str, Any]] = {
    "/v1/messages": {"max_tokens": 100, "messages": [{"role": "user", "content": "q"}]},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "q"}]},
    "/v1/responses": {"input": "q"},
}


def data(line: str) -> bool:
    return line.startswith("data: {")


@pytest.mark.parametrize("path", ASKS)
def test_a_reader_that_splits_at_every_line_end_of_unicode(
    gateway: Gateway, upstream: Simulator, path: str
) -> None:
    report = json.loads((REPORTS / "20-u2028.json").read_text(encoding="utf-8"))
    upstream.script({"text": [TEXT[:8], TEXT[8:]]})
    body = report["body"] if path == report["path"] else ASKS[path] | {"stream": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx2.stream(
        "POST",
        gateway.url + path,
        json={"model": "claude-sonnet-4-5", **body},
        headers=headers,
        timeout=20,
    ) as answer:
        events = [json.loads(line[6:]) for line in answer.iter_lines() if data(line)]
    assert "one\u2028two\u2029" in json.dumps(events, ensure_ascii=False)
    assert "three\u0085four" in json.dumps(events, ensure_ascii=False)
