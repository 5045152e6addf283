"""Every request of a real client, sent as it was to the gateway, under the simulator's rules."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

CORPUS = Path(__file__).parents[1] / "corpus" / "client-requests"
CASES = sorted(CORPUS.glob("*.json"))
CHAT_PATHS = {"/v1/messages", "/v1/chat/completions", "/v1/responses"}
NOT_HERE = {"/v1/completions", "/v1/embeddings"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_real_clients_request(case: Path, gateway: Gateway, simulator: Simulator) -> None:
    recorded = msgspec.json.decode(case.read_bytes())
    simulator.reset()
    path, body = recorded["path"], recorded["body"]
    answer = requests.post(
        f"{gateway.url}{path}?{recorded.get('query') or ''}",
        data=msgspec.json.encode(body),
        headers={**dict(recorded["headers"]), "Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    chats = [seen for seen in simulator.requests if seen.operation == CHAT]
    if path in NOT_HERE:
        assert answer.status_code == 404
        assert answer.json()["error"]["type"]
    elif "thread" in body:
        assert answer.status_code == 400
        assert answer.json()["error"]["details"]["error_code"] == "thread_unsupported_request"
    else:
        assert answer.status_code == 200, answer.text
        assert len(chats) == (1 if path in CHAT_PATHS else 0)
        assert [violation for seen in chats for violation in seen.violations] == []
        _check_whole(body, answer)


def _check_whole(body: dict[str, Any], answer: requests.Response) -> None:
    if not body.get("stream"):
        assert answer.json()
    else:
        last = answer.text.rstrip("\n").rpartition("\n\n")[2]
        assert last.startswith(("event: message_stop", "data: [DONE]", "event: response.completed"))
        assert "error" not in [
            line.removeprefix("event: ")
            for line in answer.text.splitlines()
            if line[:6] == "event:"
        ]
