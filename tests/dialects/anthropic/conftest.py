"""What the tests of this dialect share."""

from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.dialects.anthropic.parse import ParsedRequest, parse_messages
from tests.dialects.doubles import FixedMeter


@pytest.fixture
def meter() -> FixedMeter:
    return FixedMeter()


@pytest.fixture
def parse():
    """Parses a body of one user message, with the given members put over it."""

    def parsed(headers: dict[str, str] | None = None, **members: Any) -> ParsedRequest:
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        return parse_messages(msgspec.json.encode(body | members), Headers(headers or {}))

    return parsed


@pytest.fixture
def said(parse):
    """The parts of one message of the given role and blocks."""

    def parts(role: str, *blocks: Any) -> tuple[Any, ...]:
        messages = [{"role": role, "content": list(blocks)}]
        return parse(messages=messages).conversation.messages[0].parts

    return parts
