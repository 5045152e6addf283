"""How the fields of each dialect are tried: the SDK's types, and a request that uses a field."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anthropic.types import message_create_params as messages
from anthropic.types.beta import message_create_params as beta
from openai.types.chat import completion_create_params as completions
from openai.types.responses import response_create_params as responses
from werkzeug.datastructures import Headers

from app.core.conversation import Conversation, Thinking
from app.dialects.anthropic.parse import parse_messages
from app.dialects.openai_chat.parse import parse_chat
from app.dialects.openai_responses.items import compaction, reasoning_content
from app.dialects.openai_responses.kept.references import Kept, Wanted
from app.dialects.openai_responses.parse import parse_responses
from tests.dialects.sdk_types import Field, fields, request
from tests.media import PDF, PNG

Body = dict[str, Any]


@dataclass(frozen=True)
class SdkTypes:
    """The request types of one dialect's SDK. ``samples`` as for :func:`.request`; ``complete``
    adds what the types do not say that a request needs, for the field at a path. ``older`` has
    members by the paths of fields that clients send although the newest types lack them.
    """

    name: str
    roots: Sequence[Any]
    samples: Mapping[str, Any]
    complete: Callable[[Body, str], Body]
    parse: Callable[[bytes], Conversation]
    older: Mapping[str, Body]

    def fields(self) -> Iterator[Field]:
        """Every field once."""
        yield from {field.path: field for root in self.roots for field in fields(root)}.values()

    def ask(self, field: Field) -> tuple[str, ...]:
        """What a request with the field has ignored. Raises GatewayError if it is refused."""
        return self.ask_for(request(field, self.samples), field.path)

    def ask_for(self, body: Body, path: str) -> tuple[str, ...]:
        """The same for a body that has the field at that path."""
        body = self.complete(body, path)
        try:
            return self.parse(json.dumps(body).encode()).ignored
        except Wanted:  # what is kept would be looked up now
            return ()


ROLES = {
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_use": "assistant",
    "tool_addition": "system",
    "tool_removal": "system",
}
"""The role of the message that may hold a block; the SDK's types allow every block to each."""

URL = f"data:image/png;base64,{PNG}"
SEALED = reasoning_content.encode(Thinking("a", "b"))
HELLO = [{"role": "user", "content": "a"}]
NEEDED: dict[str, Body] = {
    "compaction": {"content": "a", "encrypted_content": compaction.content("a")},
    "input_image": {"image_url": URL},
    "input_file": {"file_data": PDF},
    "reasoning": {"encrypted_content": SEALED},
    "function_call_output": {"call_id": "a"},
}
"""By the type of an object: members that it needs although the SDK's types do not say so."""
INSTEAD = {"file_id", "file_url"}
"""Members by which a request names what it could hold."""


def completed(value: Any) -> Any:
    """The value with the members that are :data:`NEEDED`."""
    if isinstance(value, list):
        return [completed(each) for each in value]
    if not isinstance(value, dict):
        return value
    needed = {} if INSTEAD & {*value} else NEEDED.get(str(value.get("type")), {})
    return needed | {name: completed(member) for name, member in value.items()}


def _messages(body: Body, path: str) -> Body:
    tools = body.setdefault("tools", [])
    for message in body["messages"]:
        first = message["content"][0] if message.get("content") else None
        if isinstance(first, dict):
            message["role"] = ROLES.get(first.get("type", ""), message["role"])
    if path.startswith("tool_choice") or "tool_addition" in path:
        tools.append({"name": "a", "input_schema": {"type": "object"}})
    if path.endswith("defer_loading"):
        name = "tool_search_tool_regex" if "bm25" in path else "tool_search_tool_bm25"
        tools.append({"type": name, "name": name})
    given = completed(body["messages"])
    assert given
    return body | {"messages": given}


def _completions(body: Body, path: str) -> Body:
    if path.startswith("tool_choice"):
        kind = "custom" if "custom" in path else "function"
        body["tools"] = [{"type": kind, kind: {"name": "a"}}]
    if path.startswith("function_call"):
        body["functions"] = [{"name": "a"}]
    if path.endswith("filename"):
        body["messages"][0]["content"][0]["file"]["file_data"] = PDF
    return body


def _responses(body: Body, path: str) -> Body:
    given = body.get("input", "a")
    if isinstance(given, list):
        given = [{"role": "user", "content": "a"}, *completed(given)]
    if path.startswith("tool_choice"):
        kind = "custom" if "custom" in path else "function"
        body["tools"] = [{"type": kind, "name": "a"}]
    body["input"] = given
    if not path.endswith("strict"):
        body = _lax(body)
    return body


def _lax(value: Any) -> Any:
    """Without a strict tool, since the types want a word on that of every tool."""
    if isinstance(value, dict):
        return {name: name != "strict" and _lax(member) for name, member in value.items()}
    return [_lax(member) for member in value] if isinstance(value, list) else value


_HELLO: Body = {"model": "a", "max_tokens": 99, "messages": HELLO}
_OLDER_MESSAGES: dict[str, Body] = {
    "temperature": _HELLO | {"temperature": 0.5},
    "top_p": _HELLO | {"top_p": 0.5},
    "top_k": _HELLO | {"top_k": 5},
    "output_format": _HELLO | {"output_format": {"type": "json_schema", "schema": {}}},
}
CASES = (
    SdkTypes(
        "Anthropic",
        (messages.MessageCreateParamsStreaming, beta.MessageCreateParamsStreaming),
        {
            "max_tokens": 4096,
            "content[image].source[base64].data": PNG,
            "content[document].source[base64].data": PDF,
            "budget_tokens": 1024,
            "edits[compact_20260112].trigger.value": 60_000,
            "edits[compact_20260112].trigger[input_tokens].value": 60_000,
            "source[url].url": "https://example.com/a",
            "effort": "low",
            "n": 2,
        },
        _messages,
        lambda raw: parse_messages(raw, Headers()).conversation,
        _OLDER_MESSAGES,
    ),
    SdkTypes(
        "Chat Completions",
        (completions.CompletionCreateParamsStreaming,),
        {
            "image_url.url": URL,
            "file.file_data": PDF,
            "content[file].file": {"file_data": PDF},
            "file.filename": "a.pdf",
            "service_tier": "flex",
            "reasoning_effort": "low",
            "logit_bias": {"50256": 1},
            "n": 2,
        },
        _completions,
        lambda raw: parse_chat(raw, Headers()).conversation,
        {
            "best_of": {"model": "a", "messages": HELLO, "best_of": 2},
            "functions.strict": {
                "model": "a",
                "messages": HELLO,
                "functions": [{"name": "a", "strict": True}],
            },
        },
    ),
    SdkTypes(
        "Responses",
        (responses.ResponseCreateParamsStreaming,),
        {
            "image_url": URL,
            "file_data": PDF,
            "file_url": "https://example.com/a.pdf",
            "max_output_tokens": 99,
            "effort": "low",
            "service_tier": "flex",
            "input": "a",
            "include": ["message.input_image.image_url"],
            "truncation": "auto",
            "parameters": {},
            "input[reasoning].encrypted_content": SEALED,
            "input[compaction].encrypted_content": compaction.content("a"),
            "context_management.type": "compaction",
        },
        _responses,
        lambda raw: parse_responses(raw, Headers(), "auto", Kept({}, 10**6)).conversation,
        {},
    ),
)
