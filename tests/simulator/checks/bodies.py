"""Bodies of chat requests that the tests of the rules share."""

import base64
from typing import Any

from tests.simulator.client import assistant, call, chat_body, tool, user


def user_with(**context: Any) -> dict[str, Any]:
    return user(userInputMessageContext=context)


def offering(*tools: Any) -> dict[str, Any]:
    return chat_body(user_with(tools=list(tools)))


def schema(root: dict[str, Any]) -> dict[str, Any]:
    return offering(tool(schema=root))


def property_schema(inner: dict[str, Any]) -> dict[str, Any]:
    return schema({"type": "object", "properties": {"p": inner}})


ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR"
PDF = b"%PDF-1.7\n"


def source(data: bytes) -> dict[str, Any]:
    return {"bytes": base64.b64encode(data).decode()}


def image(size: int = 30, format: str = "png", side: int = 1) -> dict[str, Any]:
    head = PNG + side.to_bytes(4) * 2
    return {"format": format, "source": source(head.ljust(size, b"x")[:size])}


def paper(name: str = "Report 2026", format: str = "pdf", data: bytes = PDF) -> dict[str, Any]:
    return {"name": name, "format": format, "source": source(data)}


def documented(*documents: Any, model: str = "claude-sonnet-4.5", **members: Any) -> dict[str, Any]:
    return chat_body(user(documents=list(documents), modelId=model), **members)


def papers(count: int) -> list[dict[str, Any]]:
    return [paper(f"paper {number}") for number in range(count)]


def pictured(*images: Any) -> dict[str, Any]:
    return chat_body(user(images=list(images)))


def after_tool(results: list[Any], uses: list[Any] | None = None, **extra: Any) -> dict[str, Any]:
    """Return a conversation whose current message has tool results."""
    uses = [call()] if uses is None else uses
    tools = extra.pop("tools", [tool()])
    context = {"toolResults": results, "tools": tools}
    history = [user(), assistant(toolUses=uses)]
    return chat_body(user("", userInputMessageContext=context), history)


def with_model(model: str, **members: Any) -> dict[str, Any]:
    return {**chat_body(user(modelId=model)), **members}
