"""What the tests of this dialect share."""

from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.dialects.openai_chat.parse import ParsedRequest, parse_chat
from tests.dialects.doubles import FixedMeter


@pytest.fixture
def meter() -> FixedMeter:
    return FixedMeter()


@pytest.fixture
def parse():
    """Parses a body of one user message, with the given members put over it."""

    def parsed(headers: dict[str, str] | None = None, **members: Any) -> ParsedRequest:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        return parse_chat(msgspec.json.encode(body | members), Headers(headers or {}))

    return parsed


@pytest.fixture
def said(parse):
    """The turns that the given messages make."""

    def turns(*messages: Any) -> list[tuple[str, tuple[Any, ...]]]:
        conversation = parse(messages=list(messages)).conversation
        return [(message.role, message.parts) for message in conversation.messages]

    return turns


@pytest.fixture
def refused(parse):
    """Asserts that a body with the given members is refused with a message that begins so."""

    def check(problem: str, **members: Any) -> None:
        with pytest.raises(GatewayError) as failure:
            parse(**members)
        assert failure.value.kind is Kind.INVALID_REQUEST
        assert failure.value.message.startswith(problem)
        assert failure.value.field == problem.split(":")[0]

    return check
