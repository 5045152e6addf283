"""A client and a frame decoder for the tests of the simulator, independent of the simulator."""

import http.client
import json
import socket
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from app.simulator import Simulator

TOKEN = "tok-for-tests"
STREAMING = "AmazonCodeWhispererStreamingService.GenerateAssistantResponse"


class DamagedFrame(Exception):
    """A checksum is wrong, or the bytes end inside a frame."""


def raw_frames(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Decode a body: the headers, which must be strings, and the payload of each frame."""
    found = []
    while data:
        if len(data) < 16:
            raise DamagedFrame("cut in a prelude")
        total, headers_length, prelude_crc = struct.unpack_from(">III", data)
        if zlib.crc32(data[:8]) != prelude_crc:
            raise DamagedFrame("prelude")
        if len(data) < total:
            raise DamagedFrame("cut in a frame")
        if zlib.crc32(data[: total - 4]) != struct.unpack_from(">I", data, total - 4)[0]:
            raise DamagedFrame("message")
        found.append(
            (_headers(data[12 : 12 + headers_length]), data[12 + headers_length : total - 4])
        )
        data = data[total:]
    return found


def _headers(block: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at < len(block):
        name_end = at + 1 + block[at]
        name = block[at + 1 : name_end].decode()
        kind, length = struct.unpack_from(">BH", block, name_end)
        assert kind == 7
        at = name_end + 3 + length
        found[name] = block[name_end + 3 : at].decode()
    return found


def events(data: bytes) -> list[tuple[str, Any]]:
    """Decode a body: the name of the event, exception or error, and the payload of each frame."""
    found = []
    for headers, payload in raw_frames(data):
        kind = headers[":message-type"]
        if kind == "error":
            found.append((headers[":error-code"], headers[":error-message"]))
        else:
            found.append((headers[f":{kind}-type"], json.loads(payload)))
    return found


def text_of(data: bytes) -> str:
    """Return the text of a body."""
    return "".join(
        payload["content"] for kind, payload in events(data) if kind == "assistantResponseEvent"
    )


def user(content: Any = "Hello", **members: Any) -> dict[str, Any]:
    """Return a user message."""
    return {"userInputMessage": {"content": content, "origin": "AI_EDITOR", **members}}


def assistant(content: str = "Hi", **members: Any) -> dict[str, Any]:
    """Return an assistant message."""
    return {"assistantResponseMessage": {"content": content, **members}}


def call(name: str = "read", id: str = "tooluse_1", input: Any = None) -> dict[str, Any]:
    """Return a toolUse."""
    return {"toolUseId": id, "name": name, "input": {} if input is None else input}


def result(id: str = "tooluse_1", text: str = "ok") -> dict[str, Any]:
    """Return a toolResult."""
    return {"toolUseId": id, "content": [{"text": text}], "status": "success"}


def tool(name: str = "read", schema: Any = None, description: str = "Reads.") -> dict[str, Any]:
    """Return a tool as currentMessage offers it."""
    schema = {"type": "object", "properties": {}} if schema is None else schema
    specification = {"name": name, "description": description, "inputSchema": {"json": schema}}
    return {"toolSpecification": specification}


def chat_body(
    current: dict[str, Any] | None = None, history: Any = None, **members: Any
) -> dict[str, Any]:
    """Return a GenerateAssistantResponse body; `members` go into conversationState."""
    state = {
        "chatTriggerType": "MANUAL",
        "currentMessage": user() if current is None else current,
        **members,
    }
    if history is not None:
        state["history"] = history
    return {"conversationState": state}


@dataclass
class ClientResponse:
    """A complete response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client with one keep-alive connection to the simulator."""

    def __init__(self, simulator: Simulator, token: str = TOKEN, context: Any = None) -> None:
        self.token = token
        host = "127.0.0.1"
        self.connection = (
            http.client.HTTPSConnection(host, simulator.port, timeout=10, context=context)
            if context
            else http.client.HTTPConnection(host, simulator.port, timeout=10)
        )

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> ClientResponse:
        """Send one request, by default with a JSON content type and without a token."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self.connection.request(
            method, path, data, {"content-type": "application/json", **(headers or {})}
        )
        response = self.connection.getresponse()
        return ClientResponse(response.status, _lower(response.headers), response.read())

    def chat(self, body: Any = None, binding: str = "rest", **headers: str) -> ClientResponse:
        """Send a chat request over one of the bindings."""
        path, own = _chat_head(binding, self.token)
        body = chat_body() if body is None else body
        return self.send("POST", path, body, {**own, **headers})

    def close(self) -> None:
        self.connection.close()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _chat_head(binding: str, token: str) -> tuple[str, dict[str, str]]:
    headers = {"authorization": f"Bearer {token}"}
    if binding == "rest":
        return "/generateAssistantResponse", headers
    kind = "application/x-amz-json-1.0"
    return "/", {**headers, "x-amz-target": STREAMING, "content-type": kind}


def open_chat(simulator: Simulator, body: dict[str, Any] | None = None) -> socket.socket:
    """Send a chat request on a plain socket. Return the socket without reading the answer."""
    path, headers = _chat_head("rest", TOKEN)
    data = json.dumps(body or chat_body()).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\nhost: sim\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", simulator.port), timeout=10)
    connection.sendall(f"POST {path} HTTP/1.1\r\n{head}".encode() + data)
    return connection


def read_to_end(connection: socket.socket) -> tuple[bytes, str]:
    """Read until the peer closes the connection. Return the bytes, and "fin" or "rst"."""
    data = bytearray()
    with connection:
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return bytes(data), "rst"
            if not piece:
                return bytes(data), "fin"
            data += piece


def split_head(data: bytes) -> tuple[bytes, bytes]:
    """Split a response into its head and the rest."""
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def chunks_of(data: bytes) -> tuple[list[bytes], bool]:
    """Return the chunks of a chunked body, and whether the last chunk (of size 0) arrived."""
    found: list[bytes] = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return found, True
        found.append(data[:length])
        data = data[length + 2 :]
    return found, False
