"""Every content block: to which parts it turns, or why it is refused."""

import pytest

from app.common.errors import GatewayError, Kind
from app.core.compaction import HEAD
from app.core.conversation import (
    Document,
    Image,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tests.media import DOCX, GIF, JPEG, PDF, PNG, WEBP, base64, jpeg, png


def text(words):
    return {"type": "text", "text": words}


def image(media_type="image/png", data=PNG):
    return {"type": "image", "source": {"data": data, "type": "base64", "media_type": media_type}}


def document(source, **members):
    return {"type": "document", "source": source, **members}


def pdf(data=PDF, media_type="application/pdf", **members):
    return document({"type": "base64", "media_type": media_type, "data": data}, **members)


def held(index, *path):
    """The place of a block in a message of :func:`said`."""
    return ".".join(map(str, ("messages", 0, "content", index, *path, "document")))


def result(*blocks, **members):
    return {"type": "tool_result", "tool_use_id": "t1", "content": list(blocks), **members}


IN_USER = [
    (text("a"), (Text("a"),)),
    (text(""), (Text(""),)),
    (image(), (Image("png", PNG),)),
    (image("image/jpeg", JPEG), (Image("jpeg", JPEG),)),
    (image("IMAGE/GIF", GIF), (Image("gif", GIF),)),
    (image("image/webp", WEBP), (Image("webp", WEBP),)),
    (image("image/jpeg", PNG), (Image("png", PNG),)),
    (image("image/svg+xml", PNG), (Image("png", PNG),)),
    (pdf(title="a.pdf"), (Document(None, "a.pdf", "pdf", PDF, held(0)),)),
    (
        pdf(context="from the wiki"),
        (Text("from the wiki"), Document(None, None, "pdf", PDF, held(0))),
    ),
    (pdf(DOCX), (Document(None, None, "docx", DOCX, held(0)),)),
    (pdf(PNG), (Image("png", PNG),)),
    (
        pdf(base64("grüß".encode()), "text/plain", title="T", context="C"),
        (Document("C\n\ngrüß", "T"),),
    ),
    (
        document({"type": "text", "media_type": "text/plain", "data": "d"}, title="T"),
        (Document("d", "T"),),
    ),
    (
        document({"type": "text", "data": "d"}, context="from the wiki"),
        (Document("from the wiki\n\nd"),),
    ),
    (document({"type": "content", "content": "d"}), (Document("d"),)),
    (
        document({"type": "content", "content": [text("a"), image(), text("b")]}),
        (Document("a\nb"), Image("png", PNG)),
    ),
    (
        {"type": "search_result", "source": "http://x", "title": "T", "content": [text("found")]},
        (Text("[Search result: T (http://x)]\nfound"),),
    ),
    ({"type": "tool_result", "tool_use_id": "t1"}, (ToolResult("t1"),)),
    ({"type": "tool_result", "tool_use_id": "t1", "content": None}, (ToolResult("t1"),)),
    (result(), (ToolResult("t1"),)),
    (
        {"tool_use_id": "t1", "type": "tool_result", "content": "ok", "is_error": None},
        (ToolResult("t1", (Text("ok"),)),),
    ),
    (result(text("no"), is_error=True), (ToolResult("t1", (Text("no"),), is_error=True),)),
    (result(text("a"), image()), (ToolResult("t1", (Text("a"), Image("png", PNG))),)),
    (
        result(pdf()),
        (ToolResult("t1", (Document(None, None, "pdf", PDF, held(0, "content", 0)),)),),
    ),
    (
        result(document({"type": "text", "data": "d"})),
        (ToolResult("t1", (Document("d"),)),),
    ),
    (
        result({"type": "tool_reference", "tool_name": "WebSearch"}),
        (ToolResult("t1", (Text("[Tool loaded: WebSearch]"),)),),
    ),
    (
        result({"type": "search_result", "source": "s", "title": "T", "content": []}),
        (ToolResult("t1", (Text("[Search result: T (s)]"),)),),
    ),
    (
        result({"type": "browser_state", "tabs": [{"url": "http://x", "active": True}]}),
        (
            ToolResult(
                "t1",
                (
                    Text(
                        '[Browser state: {"tabs":[{"url":"http://x","active":true}],'
                        '"state_changes":[]}]'
                    ),
                ),
            ),
        ),
    ),
]

FETCHED = {
    "type": "web_fetch_tool_result",
    "tool_use_id": "srvtoolu_2",
    "content": {"type": "web_fetch_result", "url": "http://x", "content": pdf()},
}
IN_ASSISTANT = [
    (
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        (Thinking("hm", "sig"),),
    ),
    ({"type": "thinking", "thinking": ""}, (Thinking(""),)),
    ({"type": "redacted_thinking", "data": "Eo8B"}, (RedactedThinking("Eo8B"),)),
    (
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}},
        (ToolCall("t1", "f", {"a": [1]}),),
    ),
    (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        (ToolCall("s", "web_search", {"query": "q"}),),
    ),
    (
        FETCHED,
        (
            Text(
                '[Result of server tool web_fetch: {"type":"web_fetch_result","url":"http://x",'
                '"content":{"type":"document","source":'
                '{"type":"base64","media_type":"application/pdf"}}}]'
            ),
        ),
    ),
    (
        {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "srv", "input": {}},
        (Text("[MCP tool f of srv: {}]"),),
    ),
    (
        {"type": "mcp_tool_result", "tool_use_id": "m", "content": "no", "is_error": True},
        (Text('[Result of server tool mcp (error): "no"]'),),
    ),
    ({"type": "compaction", "content": "So far."}, (Text(HEAD + "So far."),)),
    ({"type": "compaction", "content": None}, ()),
    ({"type": "fallback", "to": {"model": "x"}}, ()),
    ({"type": "mcp_tool_listing", "mcp_server_name": "srv", "tools": []}, ()),
]


@pytest.mark.parametrize(("block", "parts"), IN_USER)
def test_blocks_of_the_user(said, block, parts):
    assert said("user", block) == parts


@pytest.mark.parametrize(("block", "parts"), IN_ASSISTANT)
def test_blocks_of_the_assistant(said, block, parts):
    assert said("assistant", block) == parts


@pytest.mark.parametrize(
    "kind",
    [
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "advisor_tool_result",
    ],
)
def test_what_servers_did_becomes_text_and_is_told(parse, kind):
    block = {"type": kind, "tool_use_id": "s", "content": {"stdout": "42"}}
    conversation = parse(messages=[{"role": "assistant", "content": [block]}]).conversation
    (part,) = conversation.messages[0].parts
    assert '{"stdout":"42"}' in part.text
    assert conversation.notes == (f"{kind}_as_text",)


@pytest.mark.parametrize("kind", ["mcp_tool_listing", "fallback", "compaction"])
def test_blocks_that_carry_nothing_are_named(parse, kind):
    block = {"type": kind, "mcp_server_name": "srv", "tools": []}
    conversation = parse(messages=[{"role": "assistant", "content": [block]}]).conversation
    assert kind in conversation.ignored


NO_IMAGE = (
    "could not process image: its bytes are not those of a JPEG, PNG, GIF or WebP image; convert it"
    " to one of these"
)
NO_FILE = (
    "application/pdf files cannot be read: the bytes are not those of a PDF, doc, docx, xls or xlsx"
    " document, an image, or a text in UTF-8 or UTF-16; convert the file to one of these"
)
TOO_LARGE = "image exceeds 2.8 MB maximum: 2800001 bytes > 2800000 bytes; make it smaller"
TOO_WIDE = (
    "image dimensions exceed max allowed size: 8000 pixels a side, and it has 8001 x 20; scale it"
    " down"
)
BAD_IMAGES = [
    (base64(b"<svg/>"), NO_IMAGE),
    (base64(png(size=2_800_001)), TOO_LARGE),
    (base64(png(8001, 20)), TOO_WIDE),
    (base64(jpeg(8001, 20)), TOO_WIDE),
    ("ab!c", "Input should be valid standard base64, not empty"),
]
REFUSED = [
    (
        {"type": "image", "source": {"type": "url", "url": "ftp://x/a.png"}},
        "messages.0.content.0.source.url",
        "Input should be an http or https URL, or send the image as base64",
    ),
    (
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        "messages.0.content.0.source",
        "images by file are not supported by this gateway; send the image as base64",
    ),
    *(
        (image(data=data), "messages.0.content.0.image.source.base64.data", problem)
        for data, problem in BAD_IMAGES
    ),
    *(
        (
            image(data=data),
            "messages.0.content.0.image.source.base64.data",
            "Input should be valid standard base64, not empty",
        )
        for data in ("", "ab!c", "ab=c", "abcde", "data:image/png;base64," + PNG)
    ),
    (pdf(base64(b"\xff\0")), "messages.0.content.0.document.source.base64.data", NO_FILE),
    (pdf(base64(b"a\0b")), "messages.0.content.0.document.source.base64.data", NO_FILE),
    (
        pdf("?"),
        "messages.0.content.0.document.source.base64.data",
        "Input should be valid standard base64, not empty",
    ),
    (
        document({"type": "url", "url": "file:///a.pdf"}),
        "messages.0.content.0.source.url",
        "Input should be an http or https URL, or send the document as base64",
    ),
    (
        document({"type": "file", "file_id": "f"}),
        "messages.0.content.0.source",
        "documents by file are not supported by this gateway; send the document as base64",
    ),
    (
        document({"type": "content", "content": [text("a"), image(data="?")]}),
        "messages.0.content.0.source.content.1.image.source.base64.data",
        "Input should be valid standard base64, not empty",
    ),
    (
        {"type": "container_upload", "file_id": "f"},
        "messages.0.content.0",
        "container_upload is not supported by this gateway: it has no containers; send text",
    ),
    (
        result({"type": "tool_use"}),
        "messages.0.content.0.content.0.type",
        "'tool_use' is not supported here",
    ),
]


@pytest.mark.parametrize(("block", "field", "problem"), REFUSED)
def test_blocks_that_are_refused(said, block, field, problem):
    with pytest.raises(GatewayError) as failure:
        said("user", block)
    assert failure.value.kind is Kind.INVALID_REQUEST
    assert failure.value.field == field
    assert failure.value.message == f"{field}: {problem}"


@pytest.mark.parametrize(
    "form",
    [
        PNG + "\n",
        PNG.rstrip("="),
        PNG.replace("+", "-").replace("/", "_"),
        f"{PNG[:8]}\r\n{PNG[8:]}",
    ],
)
def test_an_image_may_come_in_any_form_of_base64(said, form):
    (part,) = said("user", image(data=form))
    assert part.data == PNG


def notes_and_content(parse, block):
    messages = [{"role": "user", "content": [result(block)]}]
    conversation = parse(messages=messages).conversation
    return conversation.notes, conversation.messages[0].parts[0].content


@pytest.mark.parametrize(("data", "problem"), BAD_IMAGES)
def test_an_image_of_a_tool_that_cannot_be_sent_is_told_to_the_model(parse, data, problem):
    """The client did not make it, and could not go on after a refusal.

    docs/upstream.md: Formats of images
    docs/upstream.md: How many images, and how large
    """
    told = (Text(f"[image left out: {problem}]"),)
    assert notes_and_content(parse, image(data=data)) == (("image_as_text",), told)


def test_an_image_inside_a_document_of_a_tool_is_told_to_the_model(parse):
    source = {"type": "content", "content": [text("a"), image(data=base64(b"<svg/>"))]}
    notes, (part,) = notes_and_content(parse, document(source))
    assert (notes, part.text) == (("image_as_text",), f"a\n[image left out: {NO_IMAGE}]")


def test_a_file_of_a_tool_that_cannot_be_sent_is_told_to_the_model(parse):
    told = (Text(f"[document 'a.pdf' left out: {NO_FILE}]"),)
    block = pdf(base64(b"a\0b"), title="a.pdf")
    assert notes_and_content(parse, block) == (("document_as_text",), told)
