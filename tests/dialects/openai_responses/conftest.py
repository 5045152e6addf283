"""What the tests of this dialect share."""

from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.dialects.openai_responses.parse import ParsedRequest, parse_responses
from tests.dialects.doubles import FixedMeter


@pytest.fixture
def meter() -> FixedMeter:
    return FixedMeter()


@pytest.fixture
def parse():
    """Parses a body of one user message, with the given members put over it."""

    def parsed(headers: dict[str, str] | None = None, **members: Any) -> ParsedRequest:
        body = {"model": "m", "input": "hi"} | members
        return parse_responses(msgspec.json.encode(body), Headers(headers or {}), "default")

    return parsed


@pytest.fixture
def said(parse):
    """The turns that the given items make."""

    def turns(*items: Any) -> list[tuple[str, tuple[Any, ...]]]:
        conversation = parse(input=list(items)).conversation
        return [(message.role, message.parts) for message in conversation.messages]

    return turns


@pytest.fixture
def refused(parse):
    """The error for a body with the given members."""

    def error(**members: Any) -> GatewayError:
        with pytest.raises(GatewayError) as failure:
            parse(**members)
        assert failure.value.kind is Kind.INVALID_REQUEST
        assert failure.value.status == 400
        return failure.value

    return error
