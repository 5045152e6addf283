"""Images and documents by URL: what each dialect makes of them, and where it says they stand."""

import json
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError
from app.core.conversation import Document, Remote, Text, ToolResult
from app.dialects.anthropic.parse import parse_messages
from app.dialects.openai_chat.parse import parse_chat
from app.dialects.openai_responses.parse import parse_responses
from app.fetching.fetcher import refuse

URL = "HTTPS://example.com/a.png?signed=secret"
IMAGE = {"type": "image", "source": {"type": "url", "url": URL}}


def messages(*content: Any) -> Any:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [*content]}]}
    return parse_messages(json.dumps(body).encode(), Headers()).conversation


def chat(*content: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": [*content]}]}
    return parse_chat(json.dumps(body).encode(), Headers()).conversation


def responses(*items: Any) -> Any:
    body = {"model": "m", "input": [*items]}
    return parse_responses(json.dumps(body).encode(), Headers(), "auto").conversation


def test_the_messages_api() -> None:
    document = {"type": "document", "source": IMAGE["source"], "title": "t", "context": "c"}
    inside = {
        "type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": "a"}, IMAGE]},
    }
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [IMAGE]}
    parts = messages(IMAGE, document, inside, result).messages[0].parts
    place = "messages.0.content."
    assert parts == (
        Remote(URL, "image", place + "0.image.source.url"),
        Remote(URL, "document", place + "1.document.source.url", "t", "c"),
        Document("a"),
        Remote(URL, "image", place + "2.source.content.1.image.source.url"),
        ToolResult("t1", (Remote(URL, "image", place + "3.content.0.image.source.url"),)),
    )


def test_chat_completions() -> None:
    part = {"type": "image_url", "image_url": {"url": URL}}
    assert chat({"type": "text", "text": "a"}, part, IMAGE).messages[0].parts == (
        Text("a"),
        Remote(URL, "image", "messages[0].content[1].image_url.url"),
        Remote(URL, "image", "messages[0].content[2].source.url"),  # as Cursor sends it
    )


def test_responses() -> None:
    image = {"type": "input_image", "image_url": URL}
    file = {"type": "input_file", "file_url": URL, "filename": "a.pdf"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": [image]}
    asked = responses({"role": "user", "content": [image, file]}, call, output)
    assert asked.messages[0].parts == (
        Remote(URL, "image", "input[0].content[0].image_url"),
        Remote(URL, "document", "input[0].content[1].file_url", "a.pdf"),
    )
    (result,) = asked.messages[2].parts
    assert result.content == (Remote(URL, "image", "input[2].output[0].image_url"),)


@pytest.mark.parametrize("asked", [messages(IMAGE), chat(IMAGE)])
def test_a_refusal_names_the_field_and_not_the_url(asked: Any) -> None:
    with pytest.raises(GatewayError) as failure:
        refuse(asked)
    assert failure.value.field.endswith("source.url")
    assert failure.value.message.startswith(failure.value.field + ": images by URL are not")
    assert "secret" not in failure.value.message


def test_what_has_no_url_stays_as_it_is() -> None:
    asked = chat({"type": "text", "text": "a"})
    assert refuse(asked) is asked
