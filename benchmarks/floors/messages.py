"""The floor: what a gevent worker of gunicorn must do at least to turn an answer of the service
into Anthropic Messages, written plainly with requests and msgspec.

    UPSTREAM=http://127.0.0.1:9001 gunicorn -k gevent benchmarks.floors.messages:app

It is a WSGI function: no framework, no log, no limits, no retries, no checks of a request or of the
sense of an answer, no tool calls in answers, and four characters are a token. It does verify the
checksums of each frame. What was read together is written together.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import requests
from requests.adapters import HTTPAdapter

KEY = os.environ.get("FLOOR_KEY", "key")
URL = os.environ.get("UPSTREAM", "http://127.0.0.1:9001") + "/generateAssistantResponse"
MODEL_ID = "claude-sonnet-4.6"
UPSTREAM_HEADERS = {
    "Authorization": "Bearer floor",
    "Content-Type": "application/json",
    "Accept": "application/vnd.amazon.eventstream",
    "User-Agent": "floor",
}
CONNECTIONS = 2000
TIMEOUT = (5, 300)

STREAM_HEADERS = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")]
BEFORE_TEXT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":'
)
AFTER_TEXT = b"}}\n\n"
OPEN_BLOCK = (
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
)
ENDING = (
    b"event: content_block_stop\n"
    b'data: {"type":"content_block_stop","index":0}\n\n'
    b"event: message_delta\n"
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":%d}}\n\n'
    b"event: message_stop\n"
    b'data: {"type":"message_stop"}\n\n'
)
_prelude = struct.Struct(">III").unpack_from
_checksum = struct.Struct(">I").unpack_from
_encode = msgspec.json.Encoder().encode


class TextEvent(msgspec.Struct):
    """The payload of an ``assistantResponseEvent``."""

    content: str


_text_of_event = msgspec.json.Decoder(TextEvent).decode


class NotAnswered(Exception):
    """The upstream refused, or sent what is no frame."""


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve POST /v1/messages; anything else is answered with "ok"."""
    if environ["REQUEST_METHOD"] != "POST":
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]
    if environ.get("HTTP_X_API_KEY") != KEY:
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return []
    asked = msgspec.json.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body, prompt_tokens = convert(asked)
    message = {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "stop_sequence": None,
    }
    reads = ask(_encode(body))
    if asked.get("stream"):
        start_response("200 OK", STREAM_HEADERS)
        return stream(reads, message, prompt_tokens)
    answer = whole(reads, message, prompt_tokens)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("FLOOR_CA", True)
    session.headers.clear()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS))
    return session


_upstream = _session()


def ask(body: bytes) -> Iterator[bytes]:
    """Send the request; yield what has arrived, each HTTP chunk by itself."""
    response = _upstream.post(
        URL, data=body, headers=UPSTREAM_HEADERS, stream=True, timeout=TIMEOUT
    )
    if response.status_code != 200:
        raise NotAnswered(response.status_code)
    try:
        yield from response.iter_content(chunk_size=None)
    finally:
        response.close()


def stream(reads: Iterator[bytes], message: dict[str, Any], prompt_tokens: int) -> Iterator[bytes]:
    """Yield the events of a stream, one piece of bytes for each read."""
    usage = {"input_tokens": prompt_tokens, "output_tokens": 1}
    started = {
        "type": "message_start",
        "message": {**message, "content": [], "stop_reason": None, "usage": usage},
    }
    written = [b"event: message_start\ndata: ", _encode(started), b"\n\n", OPEN_BLOCK]
    rest, characters = b"", 0
    for read in reads:
        payloads, rest = texts(rest + read if rest else read)
        for payload in payloads:
            text = _text_of_event(payload).content
            characters += len(text)
            written += (BEFORE_TEXT, _encode(text), AFTER_TEXT)
        if written:
            yield b"".join(written)
            written = []
    yield ENDING % (characters // 4 + 1)


def whole(reads: Iterator[bytes], message: dict[str, Any], prompt_tokens: int) -> bytes:
    """Return the answer as one JSON object."""
    rest, pieces = b"", []
    for read in reads:
        payloads, rest = texts(rest + read if rest else read)
        pieces += [_text_of_event(payload).content for payload in payloads]
    text = "".join(pieces)
    usage = {"input_tokens": prompt_tokens, "output_tokens": len(text) // 4 + 1}
    block = {"type": "text", "text": text}
    return _encode({**message, "content": [block], "stop_reason": "end_turn", "usage": usage})


def texts(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the payloads of the frames of text, and the beginning of a frame that is not whole.

    Raises :class:`NotAnswered` for a wrong checksum and for an exception of the service.
    """
    found, at, size = [], 0, len(data)
    while size - at >= 16:
        length, header_length, checksum = _prelude(data, at)
        if size - at < length:
            break
        end = at + length - 4
        if zlib.crc32(data[at : at + 8]) != checksum:
            raise NotAnswered("prelude")
        if zlib.crc32(data[at:end]) != _checksum(data, end)[0]:
            raise NotAnswered("checksum")
        payload = at + 12 + header_length
        if _is_text(data[at + 12 : payload]):
            found.append(data[payload:end])
        at = end + 4
    return found, data[at:] if at else data


_known: dict[bytes, bool] = {}


def _is_text(headers: bytes) -> bool:
    """Whether these are the headers of a frame of text; the service sends few different ones."""
    known = _known.get(headers)
    if known is None:
        if b":exception-type" in headers:
            raise NotAnswered(headers)
        known = _known[headers] = b"assistantResponseEvent" in headers
    return known


def convert(asked: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the service's request, and a guess at its tokens."""
    *earlier, last = asked["messages"]
    history = [_turn(message) for message in earlier]
    system = _text(asked.get("system") or "")
    context = {"tools": [_tool(tool) for tool in asked["tools"]]} if asked.get("tools") else {}
    current = _user(last)["userInputMessage"]
    if system:
        current["content"] = f"{system}\n\n{current['content']}"
    current.setdefault("userInputMessageContext", {}).update(context)
    state = {
        "chatTriggerType": "MANUAL",
        "conversationId": str(uuid4()),
        "currentMessage": {"userInputMessage": current},
        "history": history,
    }
    characters = sum(len(_text(message["content"])) for message in asked["messages"])
    return {"conversationState": state}, characters // 4 + 1


def _turn(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "user":
        return _user(message)
    content = message["content"]
    answer: dict[str, Any] = {"content": _text(content)}
    if not isinstance(content, str):
        uses = [
            {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
            for block in content
            if block["type"] == "tool_use"
        ]
        if uses:
            answer["toolUses"] = uses
    return {"assistantResponseMessage": answer}


def _user(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    said: dict[str, Any] = {"content": _text(content), "modelId": MODEL_ID, "origin": "AI_EDITOR"}
    if not isinstance(content, str):
        results = [
            {
                "toolUseId": block["tool_use_id"],
                "status": "success",
                "content": [{"text": _text(block.get("content") or "")}],
            }
            for block in content
            if block["type"] == "tool_result"
        ]
        if results:
            said["userInputMessageContext"] = {"toolResults": results}
    return {"userInputMessage": said}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    described = tool.get("description", "")[:10_000]
    specification = {
        "name": tool["name"],
        "description": described,
        "inputSchema": {"json": tool.get("input_schema", {})},
    }
    return {"toolSpecification": specification}


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")
