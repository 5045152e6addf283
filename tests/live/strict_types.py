"""Strict reading of answers with the types of the official SDKs.

``strict=True`` is what the SDKs' own suites demand of the services: no member is missing, none has
a value of another type or outside its enumeration. The SDKs' clients themselves are lenient.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pydantic
from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.shared import ErrorObject


def by_type(union: Any) -> dict[str, type[pydantic.BaseModel]]:
    """Return the models of a union by the value of their member ``type``."""
    members = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in members}


MESSAGE_EVENTS = {**by_type(RawMessageStreamEvent), "error": ErrorResponse}
RESPONSE_EVENTS = by_type(ResponseStreamEvent)
WHOLE: dict[str, type[pydantic.BaseModel]] = {
    "messages": Message,
    "chat": ChatCompletion,
    "responses": Response,
}


def check_whole(api: str, body: Any) -> None:
    """Read a whole answer. Raises pydantic.ValidationError."""
    WHOLE[api].model_validate(body, strict=True)


def check_failure(api: str, body: Any) -> None:
    """Read the body of a refused request. Raises pydantic.ValidationError."""
    if api == "messages":
        ErrorResponse.model_validate(body, strict=True)
    else:
        ErrorObject.model_validate(body["error"], strict=True)


def check_event(api: str, name: str, payload: Any) -> None:
    """Read one event of a stream. Raises pydantic.ValidationError, KeyError for an unknown type."""
    if api == "chat":
        if "error" in payload:
            ErrorObject.model_validate(payload["error"], strict=True)
        else:
            ChatCompletionChunk.model_validate(payload, strict=True)
        return
    assert name == payload["type"]
    if (api, name) != ("messages", "ping"):  # the SDK skips it, and so has no type for it
        known: Mapping[str, Any] = MESSAGE_EVENTS if api == "messages" else RESPONSE_EVENTS
        known[name].model_validate(payload, strict=True)


def events(text: str) -> Iterator[tuple[str, Any]]:
    """Yield name and payload of the events of a stream, without Chat's end mark."""
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        if fields and fields["data"] != "[DONE]":
            yield fields.get("event", ""), json.loads(fields["data"])
