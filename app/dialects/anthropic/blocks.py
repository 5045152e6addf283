"""Content blocks into parts of the conversation: one row for each block type but plain text.

A block without a counterpart upstream becomes readable text if it carries something that the model
should know (search results, documents, what Anthropic's servers did in earlier turns), is ignored
by name if it carries nothing, and is refused if the model would miss what the user gave it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from app.core.conversation import (
    CitedText,
    Document,
    HostedKind,
    Image,
    Part,
    RedactedThinking,
    Remote,
    SearchError,
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSearchResult,
)
from app.core.hosted import WEB_SEARCH, as_text, result_of
from app.core.media import MediaError, file, image
from app.core.typed_json import FieldError, Path, Record

from . import block_types as types
from . import web_search

TOOL_SEARCHES: dict[str, HostedKind] = {
    "tool_search_tool_regex": "tool_search_regex",
    "tool_search_tool_bm25": "tool_search_bm25",
}
"""The kinds of hosted tools, by the names that the API gives them."""

SEARCH_ERRORS: dict[Any, SearchError] = {code: code for code in get_args(SearchError) if code}

Parts: TypeAlias = tuple[Part, ...]
Converter: TypeAlias = Callable[[Any, Record], Parts]


def _image(block: types.ImageBlock, record: Record) -> Parts:
    if isinstance(block.source, types.UrlSource):
        return (_remote(block, "image", record),)
    return (image(_inline(block.source, "image").data),)


def _remote(block: Any, kind: Literal["image", "document"], record: Record) -> Remote:
    """What is at the URL of a block. Raises :class:`FieldError` for one that is not of HTTP."""
    url = block.source.url
    if not url[:8].lower().startswith(("http://", "https://")):
        problem = f"Input should be an http or https URL, or send the {kind} as base64"
        raise FieldError(("source", "url"), problem)
    place = dotted((*record.place, *_type_of(block), "source", "url"))
    told = getattr(block, "title", None), getattr(block, "context", None)
    return Remote(url, kind, place, *told)


def _image_in_result(block: types.ImageBlock, record: Record) -> Parts:
    """As elsewhere, but the model is told of an image that cannot be sent: a tool made it, so the
    client could not go on after a refusal.
    """
    try:
        return _image(block, record)
    except MediaError as error:
        record.note("image_as_text")
        return (Text(f"[image left out: {error}]"),)


def _inline(source: Any, what: str) -> Any:
    """The source, if its content is in the request; refused otherwise."""
    if isinstance(source, types.FileSource):
        raise FieldError(
            ("source",),
            f"{what}s by file are not supported by this gateway; send the {what} as base64",
        )
    return source


def _document(block: types.DocumentBlock, record: Record, in_result: bool = False) -> Parts:
    if isinstance(block.source, types.UrlSource):
        return (_remote(block, "document", record),)
    source = _inline(block.source, "document")
    if isinstance(source, types.TextSource):
        return (Document(_with_context(block, source.data), block.title),)
    if isinstance(source, types.Base64Source):
        return _file(block, source, record)
    table = _IN_RESULT if in_result else _IN_MESSAGE
    try:
        inside = parts(source.content, record, table, (*record.place, "source"))
    except FieldError as error:
        raise error.under("source") from None
    texts = [part.text for part in inside if isinstance(part, Text)]
    images = tuple(part for part in inside if isinstance(part, Image | Remote))
    return (Document(_with_context(block, "\n".join(texts)), block.title), *images)


def _document_in_result(block: types.DocumentBlock, record: Record) -> Parts:
    """As elsewhere, but the model is told of a file that cannot be sent, as of an image."""
    try:
        return _document(block, record, in_result=True)
    except MediaError as error:
        record.note("document_as_text")
        named = f"document {block.title!r}" if block.title else "document"
        return (Text(f"[{named} left out: {error}]"),)


def _file(block: types.DocumentBlock, source: types.Base64Source, record: Record) -> Parts:
    place = dotted((*record.place, *_type_of(block)))
    found = file(source.data, source.media_type.lower(), block.title, place)
    if isinstance(found, Document) and found.text is not None:
        return (Document(_with_context(block, found.text), found.title),)
    return (Text(block.context), found) if block.context else (found,)


def _with_context(block: types.DocumentBlock, text: str) -> str:
    return f"{block.context}\n\n{text}" if block.context else text


def _search_result(block: types.SearchResultBlock, _: Record) -> Parts:
    lines = [f"[Search result: {block.title} ({block.source})]"]
    lines += [text.text for text in block.content]
    return (Text("\n".join(lines)),)


def _thinking(block: types.ThinkingBlock, _: Record) -> Parts:
    return (Thinking(block.thinking, block.signature),)


def _redacted_thinking(block: types.RedactedThinkingBlock, _: Record) -> Parts:
    return (RedactedThinking(block.data),)


def _tool_use(block: types.ToolUseBlock, _: Record) -> Parts:
    return (ToolCall(block.id, block.name, block.input),)


def _tool_result(block: types.ToolResultBlock, record: Record) -> Parts:
    content: Any = ()
    if block.content is not None:
        content = parts(block.content, record, _IN_RESULT, record.place)
    return (ToolResult(block.tool_use_id, content, bool(block.is_error)),)


def _tool_reference(block: types.ToolReferenceBlock, record: Record) -> Parts:
    return _as_text(block, f"[Tool loaded: {block.tool_name}]", record)


def _browser_state(block: types.BrowserStateBlock, record: Record) -> Parts:
    state = {"tabs": block.tabs, "state_changes": block.state_changes or []}
    return _as_text(block, f"[Browser state: {_readable(state)}]", record)


def _server_tool_use(block: types.ServerToolUseBlock, record: Record) -> Parts:
    if block.name in TOOL_SEARCHES and isinstance(block.input, dict):
        return (ToolCall(block.id, block.name, block.input),)
    if block.name == WEB_SEARCH:
        return (web_search.call(block),)
    return _as_text(block, f"[Server tool {block.name}: {_readable(block.input)}]", record)


def _mcp_tool_use(block: types.McpToolUseBlock, record: Record) -> Parts:
    called = f"{block.name} of {block.server_name}"
    return _as_text(block, f"[MCP tool {called}: {_readable(block.input)}]", record)


def _server_tool_result(block: Any, record: Record) -> Parts:
    kind = str(block.__struct_config__.tag).removesuffix("_tool_result")
    failed = " (error)" if getattr(block, "is_error", None) else ""
    text = f"[Result of server tool {kind}{failed}: {_readable(block.content)}]"
    return _as_text(block, text, record)


def _tool_search_result(block: types.ToolSearchResultBlock, record: Record) -> Parts:
    return (result_of(block.tool_use_id, search_result(block.content)),)


def _web_search_result(block: types.WebSearchResultBlock, record: Record) -> Parts:
    return (web_search.result(block, record),)


def search_result(content: Any) -> ToolSearchResult:
    """What a ``tool_search_tool_result`` says."""
    if not isinstance(content, dict):
        return ToolSearchResult(error="unavailable")
    references = content.get("tool_references")
    if not isinstance(references, list):
        code = str(content.get("error_code"))
        return ToolSearchResult(error=SEARCH_ERRORS.get(code, "unavailable"))
    names = [each.get("tool_name") for each in references if isinstance(each, dict)]
    return ToolSearchResult(tuple(name for name in names if isinstance(name, str)))


def _as_text(block: Any, text: str, record: Record) -> Parts:
    record.note(f"{block.__struct_config__.tag}_as_text")
    return (Text(text),)


def _readable(content: Any) -> str:
    """JSON for the model to read, without the members that only Anthropic's servers can read."""
    return msgspec.json.encode(_without_opaque(content)).decode()


def _without_opaque(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_opaque(item) for item in value]
    if not isinstance(value, dict):
        return value
    binary = value.get("type") == "base64"
    return {
        key: _without_opaque(member)
        for key, member in value.items()
        if not key.startswith("encrypted_") and not (binary and key == "data")
    }


def _compaction(block: types.CompactionBlock, record: Record) -> Parts:
    """Empty content means that a compaction failed, and carries nothing."""
    if not block.content:
        return _ignored(block, record)
    record.summarized = True
    return (Summary(block.content),)


def _ignored(block: Any, record: Record) -> Parts:
    record.ignore(str(block.__struct_config__.tag))
    return ()


def _container_upload(block: types.ContainerUploadBlock, record: Record) -> Parts:
    raise FieldError(
        (), "container_upload is not supported by this gateway: it has no containers; send text"
    )


def _tool_change(block: Any, record: Record) -> Parts:
    """Not a part: :mod:`~app.dialects.anthropic.tools` applies it to the tools."""
    return ()


_IN_MESSAGE: dict[type, Converter] = {
    types.ImageBlock: _image,
    types.DocumentBlock: _document,
    types.SearchResultBlock: _search_result,
    types.ThinkingBlock: _thinking,
    types.RedactedThinkingBlock: _redacted_thinking,
    types.ToolUseBlock: _tool_use,
    types.ToolResultBlock: _tool_result,
    types.ServerToolUseBlock: _server_tool_use,
    types.McpToolUseBlock: _mcp_tool_use,
    types.WebSearchResultBlock: _web_search_result,
    types.WebFetchResultBlock: _server_tool_result,
    types.CodeExecutionResultBlock: _server_tool_result,
    types.BashExecutionResultBlock: _server_tool_result,
    types.EditorExecutionResultBlock: _server_tool_result,
    types.ToolSearchResultBlock: _tool_search_result,
    types.AdvisorResultBlock: _server_tool_result,
    types.McpToolResultBlock: _server_tool_result,
    types.McpToolListingBlock: _ignored,
    types.CompactionBlock: _compaction,
    types.FallbackBlock: _ignored,
    types.ContainerUploadBlock: _container_upload,
    types.ToolAdditionBlock: _tool_change,
    types.ToolRemovalBlock: _tool_change,
}
_IN_RESULT: dict[type, Converter] = _IN_MESSAGE | {
    types.ImageBlock: _image_in_result,
    types.DocumentBlock: _document_in_result,
    types.ToolReferenceBlock: _tool_reference,
    types.BrowserStateBlock: _browser_state,
}


def _type_of(block: Any) -> Path:
    """The step by which the API's messages name the type of a block. Claude Code looks for it after
    a refusal, and sends the conversation again without the image or document.
    """
    return (str(block.__struct_config__.tag),)


def dotted(path: Path) -> str:
    """``("messages", 0, "content")`` as ``messages.0.content``."""
    return ".".join(map(str, path))


def parts(
    content: str | Sequence[Any],
    record: Record,
    table: Mapping[type, Converter] = _IN_MESSAGE,
    place: Path = (),
) -> Parts:
    """The parts of a message, which stands at ``place`` in the body. Raises :class:`FieldError`
    with the path inside the message.
    """
    if isinstance(content, str):
        return (Text(content),)
    found: list[Part] = []
    has_cited = False
    for index, block in enumerate(content):
        if type(block) is types.TextBlock:  # half of all blocks: saves a call
            found.append(Text(block.text))
            continue
        if type(block) is types.SaidBlock:
            has_cited |= bool(block.citations)
            found.append(CitedText(block.text, ()) if block.citations else Text(block.text))
            continue
        record.place = (*place, "content", index)
        try:
            found += table[type(block)](block, record)
        except MediaError as error:
            where = ("content", index, *_type_of(block), "source", "base64", "data")
            raise FieldError(where, str(error)) from None
        except FieldError as error:
            raise error.under("content", index) from None
    return tuple(as_text(found) if has_cited else found)
