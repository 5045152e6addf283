"""Files through the official SDKs and as Claude Code sends them: they reach the service as
documents of the message that holds them.
"""

from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
import requests
from anthropic import Anthropic, BadRequestError
from openai import OpenAI

from app.simulator import Simulator
from tests import media
from tests.live.openai_shared import MODEL, asked, chats, state
from tests.live.servers import KEY, Gateway
from tests.media import DOCX, PDF, PNG, base64

READ_A_PDF = Path(__file__).parents[1] / "corpus" / "client-requests" / "claude-code-73.json"
SENT = {"name": "report", "format": "pdf", "source": {"bytes": PDF}}
REFUSED = {
    "status": 400,
    "type": "ValidationException",
    "reason": "DOCUMENT_PASSWORD_PROTECTED",
    "message": "Document is password protected.",
}


def block(data: str = PDF, **members: Any) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"type": "document", "source": source, **members}


def user(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [*content, {"type": "text", "text": "Sum it up."}]}


@pytest.fixture
def anthropic(gateway: Gateway) -> Any:
    return Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)


@pytest.fixture
def client(gateway: Gateway) -> Any:
    return OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


def test_a_pdf_of_the_anthropic_sdk(anthropic: Any, upstream: Simulator) -> None:
    """docs/upstream.md: Documents of a message"""
    content = user(block(title="report.pdf"))
    answer = anthropic.messages.with_raw_response.create(
        model=MODEL, max_tokens=99, messages=[content]
    )
    assert asked(upstream)["documents"] == [SENT]
    assert asked(upstream)["content"] == "Sum it up."
    assert answer.headers["x-kiro-repairs"] == "legal-document-name"


def test_pages_are_counted(anthropic: Any) -> None:
    def count(*content: dict[str, Any]) -> int:
        tokens = anthropic.messages.count_tokens(model=MODEL, messages=[user(*content)])
        return int(tokens.input_tokens)

    three = count(block(base64(media.pdf(3))))
    assert three - count() == 7000


def test_a_pdf_that_claude_code_reads(gateway: Gateway, upstream: Simulator) -> None:
    """docs/upstream.md: Images and documents in tool results"""
    recorded = msgspec.json.decode(READ_A_PDF.read_bytes())
    answer = requests.post(
        f"{gateway.url}/v1/messages",
        data=msgspec.json.encode(recorded["body"]),
        headers={**dict(recorded["headers"]), "Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    chats(upstream)
    (sent,) = asked(upstream)["documents"]
    (result,) = recorded["body"]["messages"][5]["content"]
    assert sent["source"]["bytes"] == result["content"][1]["source"]["data"]
    assert (sent["name"], sent["format"]) == ("document", "pdf")
    told = asked(upstream)["userInputMessageContext"]["toolResults"][0]["content"]
    assert told[-1] == {"text": '[document "document": attached to this message]'}
    assert {"legal-document-name", "lift-result-document"} <= set(
        answer.headers["x-kiro-repairs"].split(",")
    )


def test_files_of_responses(client: Any, upstream: Simulator) -> None:
    def file(name: str, data: str) -> dict[str, str]:
        return {"type": "input_file", "filename": name, "file_data": data}

    call = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}
    made = file("report.docx", f"data:application/octet-stream;base64,{DOCX}")
    client.responses.create(
        model=MODEL,
        input=[
            {"role": "user", "content": [file("report.pdf", f"data:application/pdf;base64,{PDF}")]},
            call,
            {"type": "function_call_output", "call_id": "c1", "output": [made]},
        ],
        tools=[{"type": "function", "name": "read", "parameters": {"type": "object"}}],
    )
    assert state(upstream)["history"][0]["userInputMessage"]["documents"] == [SENT]
    assert asked(upstream)["documents"] == [
        {"name": "report (2)", "format": "docx", "source": {"bytes": DOCX}}
    ]


def test_files_of_chat_completions(client: Any, upstream: Simulator) -> None:
    def file(name: str, data: str) -> dict[str, Any]:
        return {"type": "file", "file": {"filename": name, "file_data": data}}

    pdf = file("report.pdf", f"data:application/pdf;base64,{PDF}")
    note = file("a.md", f"data:text/markdown;base64,{base64(b'# hi')}")
    client.chat.completions.create(model=MODEL, messages=[user(pdf, note)])
    assert asked(upstream)["documents"] == [SENT]
    assert asked(upstream)["content"] == "# a.md\n\n# hi\n\nSum it up."


def test_a_refused_document_is_named_to_anthropics_clients(
    anthropic: Any, upstream: Simulator
) -> None:
    """docs/upstream.md: Refusals of documents"""
    upstream.script({"fail": REFUSED})
    with pytest.raises(BadRequestError) as refused:
        anthropic.messages.create(
            model=MODEL, max_tokens=99, messages=[user(block(title="report.pdf"))]
        )
    message = refused.value.body["error"]["message"]  # type: ignore[index]
    assert message.endswith('Could not process pdf "report" (messages.0.content.0.document).')


def test_a_refused_document_is_named_to_openais_clients(client: Any, upstream: Simulator) -> None:
    """docs/upstream.md: Refusals of documents"""
    upstream.script({"fail": REFUSED})
    file = {"type": "input_file", "filename": "report.pdf", "file_data": PDF}
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input=[{"role": "user", "content": [file]}])
    assert refused.value.param == "input[0].content[0]"
    assert '"report" (input[0].content[0])' in refused.value.message


def test_an_image_that_a_tool_made_and_the_service_would_refuse(
    anthropic: Any, upstream: Simulator
) -> None:
    """docs/upstream.md: Formats of images"""

    def image(data: str) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/jpeg", "data": data}
        return {"type": "image", "source": source}

    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    pictures = [image(base64(b"<svg/>")), image(PNG)]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": pictures}
    answer = anthropic.messages.with_raw_response.create(
        model=MODEL,
        max_tokens=99,
        messages=[
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
        tools=[{"name": "look", "input_schema": {"type": "object"}}],
    )
    assert asked(upstream)["images"] == [{"format": "png", "source": {"bytes": PNG}}]
    assert "image_as_text" in answer.headers["x-kiro-repairs"]
    (told,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert told["content"][0]["text"].startswith("[image left out: could not process image: its")
    with pytest.raises(BadRequestError, match=r"messages\.0\.content\.0\.image"):
        anthropic.messages.create(model=MODEL, max_tokens=9, messages=[user(pictures[0])])
