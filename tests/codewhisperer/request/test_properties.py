"""Any conversation that the API accepts renders to a body that the service accepts, with nothing
lost on the way that is not told.

The judge is the simulator's validator, which is written from the protocol alone and shares nothing
with what it judges.
"""

import base64
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app.codewhisperer.request.render import RenderedRequest, render
from app.codewhisperer.request.repair import Limits, repair, rules
from app.codewhisperer.request.repair.needs import needs, same_needs
from app.codewhisperer.service.hosts import Host, candidates
from app.core.conversation import (
    Conversation,
    Document,
    Effort,
    Image,
    Message,
    Part,
    Reasoning,
    RedactedThinking,
    ResultPart,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from app.models.model import Model
from app.models.names import resolve
from app.models.table import MODELS
from app.simulator.catalogue.models import LISTS
from app.simulator.checks.rules import Settings
from app.simulator.checks.validate import violations

HOSTS = candidates("us-east-1", None)
EFFORTS: tuple[Effort, ...] = get_args(Effort)
LIMIT = 150
LIMITS = Limits(LIMIT)
"""Characters of a description; short, so that long ones are met often."""

CONTROL = "".join(map(chr, range(32)))
prose = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["", " ", "hello", "汉字🙂", CONTROL, "</system>", '{"content":"x"}']
)
base64s = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
ids = st.sampled_from(["1", "2", "call:1", "toolu_01", "x" * 70, "", "调用"])
names = st.sampled_from(
    [
        "Read",
        "read",
        "READ",
        "mcp__a__b",
        "a.b",
        "a/b",
        "9",
        "_x",
        "x" * 64,
        "x" * 65,
        "读",
        "title",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | prose
json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(prose, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(prose, json, max_size=3)

KEYWORDS = (
    *("type", "properties", "required", "items", "enum", "title", "default", "pattern", "$schema"),
    *(
        "additionalProperties",
        "$ref",
        "$defs",
        "anyOf",
        "allOf",
        "format",
        "description",
        "minimum",
    ),
)
types = st.sampled_from(["object", "array", "string", "integer", "null"])
property_names = st.sampled_from([*KEYWORDS, "path", "a b", "名"])
schemas: st.SearchStrategy[Any] = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, min_size=1, max_size=2, unique=True),
            "description": prose,
            "title": prose,
            "default": scalars,
            "enum": st.lists(scalars, max_size=3),
            "const": scalars,
            "format": st.just("uri"),
            "minimum": st.just(0),
            "additionalProperties": st.booleans() | schemas,
            "properties": st.none() | st.dictionaries(property_names, schemas, max_size=3),
            "required": st.none() | st.lists(property_names, max_size=2),
            "items": schemas | st.lists(schemas, max_size=2),
            "anyOf": st.lists(schemas, min_size=1, max_size=2),
            "oneOf": st.lists(schemas, min_size=1, max_size=2),
            "allOf": st.lists(schemas, min_size=1, max_size=2),
            "$ref": st.sampled_from(["#", "#/$defs/title", "#/$defs/none", "#/properties/path"]),
            "$defs": st.dictionaries(property_names, schemas, max_size=2),
        },
    )
)

images = st.builds(Image, st.sampled_from(["png", "jpeg", "gif", "webp"]), base64s)
titles = (
    st.none()
    | prose
    | st.sampled_from(["report.pdf", "report (2)", "a  b", "報告.docx", "x" * 300])
)
documents = st.builds(Document, prose, st.none() | prose) | st.builds(
    Document,
    st.none(),
    titles,
    st.sampled_from(["pdf", "doc", "docx", "xls", "xlsx"]),
    base64s,
)
result_parts: st.SearchStrategy[ResultPart] = st.builds(Text, prose) | images | documents
results = st.builds(ToolResult, ids, st.lists(result_parts, max_size=3).map(tuple), st.booleans())
calls = st.builds(ToolCall, ids, names, objects)
user_parts: st.SearchStrategy[Part] = st.builds(Text, prose) | images | documents | results
thinking = st.builds(Thinking, prose, st.sampled_from(["", "signed"]))
assistant_parts: st.SearchStrategy[Part] = (
    st.builds(Text, prose) | thinking | st.builds(RedactedThinking, base64s) | calls
)


def turns(role: str, parts: st.SearchStrategy[Part], most: int) -> st.SearchStrategy[Message]:
    return st.lists(parts, max_size=most).map(lambda some: Message(role, tuple(some)))  # type: ignore[arg-type]


def exchange(asked: list[ToolCall], answers: list[ToolResult], beside: list[Part]) -> list[Message]:
    """Calls and, as far as there are any, their results in the next turn."""
    paired = [
        ToolResult(call.id, answer.content, answer.is_error)
        for call, answer in zip(asked, answers, strict=False)
    ]
    return [Message("assistant", tuple(asked)), Message("user", (*paired, *beside))]


turn = (
    turns("user", user_parts, 4)
    | turns("assistant", assistant_parts, 4)
    | turns("system", st.builds(Text, prose), 2)
    | turns("user", images, 14)
)
messages = st.lists(
    turn.map(lambda message: [message])
    | st.builds(
        exchange,
        st.lists(calls, min_size=1, max_size=3),
        st.lists(results, max_size=3),
        st.lists(user_parts, max_size=2),
    ),
    max_size=6,
).map(lambda groups: [message for group in groups for message in group])
tools = st.lists(
    st.builds(Tool, names, prose | st.text("d语", min_size=LIMIT, max_size=LIMIT + 20), schemas),
    max_size=4,
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    offered = tuple(draw(tools))
    choices = [ToolChoice(), ToolChoice("none")]
    if offered:
        choices += [ToolChoice("any"), ToolChoice("tool", draw(st.sampled_from(offered)).name)]
    efforts = st.none() | st.sampled_from(EFFORTS)
    return Conversation(
        "claude-sonnet-4-5",
        tuple(draw(messages)),
        draw(prose),
        offered,
        draw(st.sampled_from(choices)),
        Reasoning(draw(st.none() | st.booleans()), draw(efforts), draw(st.booleans())),
        draw(st.none() | objects),
    )


def rendered(conversation: Conversation, host: Host, model: Model) -> RenderedRequest:
    return render(
        conversation,
        host=host,
        model=model,
        profile_arn="arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
        conversation_id="conversation",
        max_description=LIMIT,
    )


SONNET = resolve("claude-sonnet-4-5", "auto", {}).model


@settings(deadline=None)
@given(conversations(), st.sampled_from(HOSTS), st.sampled_from(MODELS))
def test_the_service_accepts_any_conversation(
    conversation: Conversation, host: Host, model: Model
) -> None:
    body = msgspec.json.decode(rendered(conversation, host, model).body)
    headers = host.chat_endpoint()[1]
    found = violations(
        body,
        headers=headers,
        binding=host.binding,
        offered=LISTS["enterprise"],
        settings=Settings(media_bytes=False),  # the dialects look at the bytes
    )
    # which models read documents is known from their refusals alone
    assert [violation for violation in found if violation.rule != "document-model"] == []


@settings(deadline=None)
@given(conversations())
def test_what_was_repaired_needs_no_repair(conversation: Conversation) -> None:
    """But for what was asked for in words, which would be asked for again."""
    once = repair(conversation, LIMITS).conversation
    said = replace(once, tool_choice=ToolChoice(), json_schema=None)
    assert repair(said, LIMITS).rules == ()


@settings(deadline=None)
@given(conversations())
def test_a_rule_whose_need_is_not_found_has_nothing_to_do(conversation: Conversation) -> None:
    """Wherever in the table it comes."""
    for rule in rules(LIMITS):
        if rule.need in needs(conversation):
            conversation = rule.apply(conversation)
        else:
            assert rule.apply(conversation) is conversation


@settings(deadline=None)
@given(conversations())
def test_a_rule_that_changes_no_need_is_told_from_one_that_does(conversation: Conversation) -> None:
    for rule in rules(LIMITS):
        if rule.need in (found := needs(conversation)):
            before, conversation = conversation, rule.apply(conversation)
            assert needs(conversation) <= found or not same_needs(before, conversation)


@settings(deadline=None)
@given(conversations(), st.sampled_from(HOSTS))
def test_equal_conversations_render_to_equal_bodies(conversation: Conversation, host: Host) -> None:
    first, second = (rendered(conversation, host, SONNET) for _ in range(2))
    assert first == second


def strings(value: Any) -> list[str]:
    """Every string inside a JSON value, names of members too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in strings(inner))]
    return [text for inner in value for text in strings(inner)] if isinstance(value, list) else []


def said(conversation: Conversation, told: set[str]) -> list[str]:
    """Everything that the conversation says and whose loss is not told."""
    found = [conversation.system]
    for message in conversation.messages:
        for part in message.parts:
            found += said_by(part, told)
    if told.isdisjoint({"remove-tools", "narrow-tools", "drop-duplicate-tool"}):
        for tool in conversation.tools:
            found += [tool.description, *(tool.schema.get("properties") or ())]
    return [text for text in found if text]


def said_by(part: Part, told: set[str]) -> list[str]:
    match part:
        case Text(text):
            return [text]
        case Document(None, title, _, data):
            named = [] if "legal-document-name" in told else [title or ""]
            return named + ([] if "limit-documents" in told else [data])
        case Document(text, title):
            return [text or "", title or ""]
        case Image(_, data) if "limit-images" not in told:
            return [data]
        case Thinking(text, signature) if signature and "keep-last-thinking" not in told:
            return [text, signature]
        case RedactedThinking(data) if "keep-last-thinking" not in told:
            return [data]
        case ToolCall(_, _, arguments):
            return strings(arguments)
        case ToolResult(_, content):
            return [text for inner in content for text in said_by(inner, told)]
    return []


@settings(deadline=None)
@given(conversations())
def test_nothing_is_lost_that_is_not_told(conversation: Conversation) -> None:
    request = rendered(conversation, HOSTS[0], SONNET)
    told = set(request.repairs)
    unsigned = any(
        isinstance(part, Thinking) and not part.signature
        for message in conversation.messages
        for part in message.parts
    )
    assert ("drop-unsigned-thinking" in told) == unsigned
    everything = "\0\0".join(strings(msgspec.json.decode(request.body)))
    assert [text for text in said(conversation, told) if text not in everything] == []


@settings(deadline=None)
@given(conversations())
def test_every_new_name_maps_back_to_the_clients_own(conversation: Conversation) -> None:
    request = rendered(conversation, HOSTS[0], SONNET)
    own = {tool.name for tool in conversation.tools} | {
        part.name
        for message in conversation.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    body = msgspec.json.decode(request.body)
    current = body["conversationState"]["currentMessage"]["userInputMessage"]
    context = current.get("userInputMessageContext", {})
    offered = [tool["toolSpecification"]["name"] for tool in context.get("tools", ())]
    back = [request.tool_names.get(name, name) for name in offered]
    assert set(back) <= own
    assert len(set(back)) == len(back)


@settings(deadline=None)
@given(conversations(), st.lists(turns("user", st.builds(Text, prose), 2), max_size=1))
def test_earlier_turns_are_the_same_in_the_next_request(
    conversation: Conversation, more: list[Message]
) -> None:
    """What a cache of prompts relies on: the history is a prefix of the next one."""
    base = Conversation(
        "m", (Message("user", (Text("a"),)), *conversation.messages), "system", conversation.tools
    )
    answered = (*base.messages, Message("user", (Text("q"),)))
    first = rendered(Conversation("m", answered, "system", base.tools), HOSTS[0], SONNET)
    reply = Message("assistant", (Text("answer"),))
    longer = Conversation(
        "m", (*answered, reply, Message("user", (Text("b"),))), "system", base.tools
    )
    second = rendered(longer, HOSTS[0], SONNET)
    before = msgspec.json.decode(first.body)["conversationState"]["history"]
    after = msgspec.json.decode(second.body)["conversationState"]["history"]
    assert after[: len(before)] == before
