"""What every captured request of a real client becomes is accepted by every generation of hosts."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.codewhisperer.request.render import render
from app.codewhisperer.service.hosts import Host, candidates
from app.core.conversation import Conversation
from app.dialects.anthropic.parse import parse_count_tokens, parse_messages
from app.dialects.openai_chat.parse import parse_chat
from app.dialects.openai_responses.parse import parse_responses
from app.models.names import resolve
from app.simulator.checks.validate import violations

REQUESTS = Path(__file__).parents[1] / "corpus/client-requests"
HOSTS = candidates("us-east-1", None)
PARSERS = {
    "/v1/messages": lambda raw, headers: parse_messages(raw, headers).conversation,
    "/v1/messages/count_tokens": lambda raw, headers: parse_count_tokens(raw, headers).conversation,
    "/v1/chat/completions": lambda raw, headers: parse_chat(raw, headers).conversation,
    "/v1/responses": lambda raw, headers: parse_responses(raw, headers, "auto").conversation,
}


def corpus() -> list[Any]:
    """The requests that ask for something of a model; threads are refused (see the dialect)."""
    recorded = [(path.stem, json.loads(path.read_text())) for path in REQUESTS.glob("*.json")]
    return [
        pytest.param(request, id=name)
        for name, request in sorted(recorded, key=lambda one: one[0])
        if request["path"] in PARSERS and "thread" not in request["body"]
    ]


def conversation(request: dict[str, Any]) -> Conversation:
    raw = json.dumps(request["body"], ensure_ascii=False).encode()
    return PARSERS[request["path"]](raw, Headers(request["headers"]))


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.generation)
@pytest.mark.parametrize("request_", corpus())
def test_the_service_accepts_it(request_: dict[str, Any], host: Host) -> None:
    asked = conversation(request_)
    rendered = render(
        asked,
        host=host,
        model=resolve(asked.model, "claude-sonnet-4-5", {}).model,
        profile_arn="arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
        conversation_id="conversation",
        max_description=10_000,
    )
    body = msgspec.json.decode(rendered.body)
    assert violations(body, headers=host.chat_endpoint()[1], binding=host.binding) == []


def test_all_of_them_are_there() -> None:
    assert len(corpus()) > 160
