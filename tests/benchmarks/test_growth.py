"""Nothing that a client or the upstream can make long costs more than in proportion to its length.

Every case is run at two sizes and its CPU time compared. With ``FACTOR`` times as much to do, work
in proportion takes ``FACTOR`` times as long and quadratic work ``FACTOR`` squared; the limit lies
between the two, far from both, so that neither a slow machine nor a busy one is a failure.
"""

import gc
from collections.abc import Callable
from itertools import count
from time import thread_time
from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.request.render import render
from app.codewhisperer.request.repair import Limits, repair
from app.codewhisperer.request.schema import normalised
from app.codewhisperer.service.hosts import candidates
from app.core.conversation import (
    CitedText,
    Conversation,
    Document,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    WebPage,
)
from app.core.events import Event, TextDelta, ThinkingDelta, ToolEnd, ToolInput, ToolStart
from app.core.fold import ReplyBuilder
from app.core.hosted import as_text
from app.core.tokens.prompt import measure
from app.core.usage import Meter
from app.eventstream.frames import FrameDecoder
from app.hosted.citations import Citations
from app.models import names
from app.models.table import context_window
from app.simulator.wire import frames
from app.upstream_http.chunked import ChunkedDecoder
from benchmarks import samples
from benchmarks.dialects import CHAT, DIALECTS, MESSAGES, MODEL, RESPONSES, Dialect

FACTOR = 32
LIMIT = 6 * FACTOR
ATTEMPTS = 3

KB = 1024
PIECE = "x" * 200
"""Long enough for copying what was before to be seen."""
[HOST] = candidates("us-east-1", "codewhisperer")

Make = Callable[[int], Callable[[], object]]
"""Of a size: the work of that size, ready to be done any number of times."""


def growth(make: Make, size: int) -> float:
    """How many times as long ``FACTOR`` times as much takes; the least disturbed of some runs."""
    small, large = make(size), make(size * FACTOR)
    gc.disable()  # what it costs depends on all that is alive in this process
    try:
        least = [min(seconds(work) for _ in range(ATTEMPTS)) for work in (small, large)]
    finally:
        gc.enable()
    return least[1] / least[0]


def seconds(work: Callable[[], object]) -> float:
    started = thread_time()
    work()
    return thread_time() - started


def check(make: Make, size: int) -> None:
    grew = growth(make, size)
    assert grew < LIMIT, f"{FACTOR} times as much took {grew:.0f} times as long"


def test_growth_is_seen() -> None:
    """Of a loop in a loop, which a few microseconds of anything else do not hide."""

    def make(size: int) -> Callable[[], object]:
        return lambda: sum(1 for _ in range(size) for _ in range(size))

    assert growth(make, 40) > LIMIT


def each(take: Callable[[Any], object], items: list[Any]) -> None:
    for item in items:
        take(item)


# From the upstream's bytes to the client's


def small_chunks(size: int) -> Callable[[], object]:
    data = samples.chunked([PIECE.encode()] * size)
    return lambda: ChunkedDecoder().feed(data)


def one_chunk(size: int) -> Callable[[], object]:
    pieces = samples.pieces_of(samples.chunked([bytes(size * KB)]), KB)
    return lambda: each(ChunkedDecoder().feed, pieces)


def whole_frames(size: int) -> Callable[[], object]:
    data = b"".join(samples.text_frames(size))
    return lambda: FrameDecoder().feed(data)


def torn_frames(size: int) -> Callable[[], object]:
    pieces = samples.pieces_of(b"".join(samples.text_frames(size)), 7)
    return lambda: each(FrameDecoder().feed, pieces)


def one_frame(size: int) -> Callable[[], object]:
    pieces = samples.pieces_of(frames.event("codeEvent", "x" * size * KB), KB)
    return lambda: each(FrameDecoder().feed, pieces)


def fragment(call: str, **members: Any) -> bytes:
    return frames.event("toolUseEvent", {"toolUseId": call, "name": "read", **members})


def event_decoder(sent: list[bytes]) -> Callable[[], object]:
    batches = [[frame] for frame in FrameDecoder().feed(b"".join(sent))]
    return lambda: each(EventDecoder().feed, batches)


def fragments_of_one_call(size: int) -> Callable[[], object]:
    return event_decoder(
        [fragment("id"), *[fragment("id", input=PIECE)] * size, fragment("id", stop=True)]
    )


def calls_in_a_row(size: int) -> Callable[[], object]:
    return event_decoder([fragment(f"id{n}", input="{}", stop=True) for n in range(size)])


def calls_at_a_time(size: int) -> Callable[[], object]:
    """All begin before any of them ends."""
    begun = [fragment(f"id{n}", input="{") for n in range(size)]
    return event_decoder(begun + [fragment(f"id{n}", input="}", stop=True) for n in range(size)])


def text_in_a_call(size: int) -> Callable[[], object]:
    return event_decoder([fragment("id"), *samples.text_frames(size), fragment("id", stop=True)])


ANSWERS = (
    (small_chunks, 500),
    (one_chunk, 200),
    (whole_frames, 500),
    (torn_frames, 50),
    (one_frame, 100),
    (fragments_of_one_call, 500),
    (calls_in_a_row, 200),
    (calls_at_a_time, 200),
    (text_in_a_call, 500),
)


@pytest.mark.parametrize(
    ("make", "size"), ANSWERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_an_answer(make: Make, size: int) -> None:
    check(make, size)


CITED = '<cite n="1-1">words</cite> and '
MARKED: dict[str, Callable[[int], list[Event]]] = {
    "many small deltas": lambda size: [TextDelta(CITED)] * size,
    "one delta": lambda size: [TextDelta(CITED * size)],
    "marks of no page": lambda size: [TextDelta('<cite n="9">a</cite>' * size)],
    "a citation without an end": lambda size: [
        TextDelta('<cite n="1-1">'),
        *[TextDelta(PIECE)] * size,
    ],
    "ends alone": lambda size: [
        *[TextDelta(f'<cite n="1-1">{PIECE * 30}')] * size,
        TextDelta("</cite>" * size),
    ],
    "what is no mark": lambda size: [TextDelta("<" * size), *[TextDelta("<cite")] * size],
}


@pytest.mark.parametrize("told", MARKED.values(), ids=MARKED)
def test_citations_are_read(told: Callable[[int], list[Event]]) -> None:
    page = WebPage("https://a.example", "A", mark="1-1")

    def make(size: int) -> Callable[[], object]:
        events = told(size)
        return lambda: each(Citations({"1-1": page}).read, [[event] for event in events])

    check(make, 200)


def test_cited_text_is_joined() -> None:
    def make(size: int) -> Callable[[], object]:
        parts: list[Part] = [CitedText(PIECE, ()), Text(PIECE)] * size
        return lambda: as_text(parts)

    check(make, 100)


PAGE = WebPage("https://a.example", "A")


def call(*pieces: str) -> list[Event]:
    return [ToolStart("id", "read"), *map(ToolInput, pieces), ToolEnd()]


TOLD: dict[str, Callable[[int], list[Event]]] = {
    "text": lambda size: [TextDelta(PIECE)] * size,
    "thinking": lambda size: [ThinkingDelta(PIECE)] * size,
    "a tool's input": lambda size: call('{"a":"', *[PIECE] * size, '"}'),
    "tool calls": lambda size: call("{}") * (size // 4),
    "cited text": lambda size: [TextDelta(PIECE), CitedText(PIECE, (PAGE,))] * (size // 4),
}
each_told = pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


@each_told
@each_dialect
def test_a_stream(dialect: Dialect, told: Callable[[int], list[Event]]) -> None:
    meter = Meter(1, None, context_window)

    def make(size: int) -> Callable[[], object]:
        batches = [[event] for event in told(size)]
        return lambda: each(dialect.encoder(meter).feed, batches)

    check(make, 500)


@each_told
def test_a_whole_answer(told: Callable[[int], list[Event]]) -> None:
    def make(size: int) -> Callable[[], object]:
        batches = [[event] for event in told(size)]
        return lambda: each(ReplyBuilder().feed, batches)

    check(make, 500)


# From the client's request to the upstream's


def messages(size: int) -> bytes:
    return samples.text_request(size * 4 * KB)


def chat(size: int) -> bytes:
    said = []
    for number in range(size):
        call = {"id": f"c{number}", "type": "function"}
        said += [
            {"role": "user", "content": "What is in it?"},
            {"role": "assistant", "tool_calls": [
                {**call, "function": {"name": f"tool_{number}", "arguments": '{"path": "/a"}'}}
            ]},
            {"role": "tool", "tool_call_id": f"c{number}", "content": "nothing"},
        ]  # fmt: skip
    tools = [
        {"type": "function", "function": {"name": f"tool_{number}", "parameters": SCHEMA}}
        for number in range(size)
    ]
    return msgspec.json.encode({"model": MODEL, "messages": said, "tools": tools})


def responses(size: int) -> bytes:
    said = []
    for number in range(size):
        call = {"type": "function_call", "call_id": f"c{number}", "name": f"tool_{number}"}
        said += [
            {"role": "user", "content": "What is in it?"},
            {**call, "arguments": '{"path": "/a"}'},
            {"type": "function_call_output", "call_id": f"c{number}", "output": "nothing"},
        ]
    tools = [
        {"type": "function", "name": f"tool_{number}", "parameters": SCHEMA, "strict": None}
        for number in range(size)
    ]
    return msgspec.json.encode({"model": MODEL, "input": said, "tools": tools})


SCHEMA = {"type": "object", "properties": {"path": {"type": "string", "minLength": 1}}}
REQUESTS = {MESSAGES: messages, CHAT: chat, RESPONSES: responses}


@each_dialect
def test_a_request_is_read(dialect: Dialect) -> None:
    def make(size: int) -> Callable[[], object]:
        body = REQUESTS[dialect](size)
        return lambda: dialect.parse(body, Headers())

    check(make, 30)


@each_dialect
def test_a_request_is_written(dialect: Dialect) -> None:
    model = names.resolve(MODEL, MODEL, {}).model

    def make(size: int) -> Callable[[], object]:
        conversation = dialect.parse(REQUESTS[dialect](size), Headers())

        def work() -> None:
            measure(conversation, model.current_id)
            render(
                conversation, host=HOST, model=model, profile_arn=None, conversation_id="id",
                max_description=10_000,
            )  # fmt: skip

        return work

    check(make, 30)


ANSWER = {"role": "tool", "tool_call_id": "c", "content": "nothing"}
ITEM = {"type": "function_call", "call_id": "c", "name": "read", "arguments": ""}
RUNS = {CHAT: ("messages", ANSWER), RESPONSES: ("input", ITEM)}
"""What becomes one turn, however much of it there is."""


@pytest.mark.parametrize("dialect", RUNS, ids=lambda dialect: dialect.name)
def test_a_run_of_one_turn_is_read(dialect: Dialect) -> None:
    member, said = RUNS[dialect]

    def make(size: int) -> Callable[[], object]:
        body = msgspec.json.encode({"model": MODEL, member: [said] * size})
        return lambda: dialect.parse(body, Headers())

    check(make, 600)


@pytest.mark.parametrize("suffix", ["-v1", "-latest", ":1", "-high", "/", "-20250101"])
def test_a_models_name_is_taken_apart(suffix: str) -> None:
    def make(size: int) -> Callable[[], object]:
        return lambda: names.resolve("claude" + suffix * size, "auto", {})

    check(make, 2000)


def option(number: int) -> dict[str, Any]:
    return {"properties": {"a": {"enum": [number]}}, "required": [f"r{number}"]}


WIDE: dict[str, Callable[[int], dict[str, Any]]] = {
    "any of many": lambda n: {"anyOf": [option(i) for i in range(n)]},
    "all of many": lambda n: {"allOf": [option(i) for i in range(n)]},
    "many required by both": lambda n: {"anyOf": [{"required": [f"r{i}" for i in range(n)]}] * 2},
}


@pytest.mark.parametrize("schema", WIDE.values(), ids=WIDE)
def test_a_tools_schema_is_reduced(schema: Callable[[int], dict[str, Any]]) -> None:
    def make(size: int) -> Callable[[], object]:
        given, number = schema(size), count()
        return lambda: normalised({**given, "title": next(number)})  # each time one not seen yet

    check(make, 600)


def user(*parts: Any) -> Message:
    return Message("user", parts)


def assistant(*parts: Any) -> Message:
    return Message("assistant", parts)


def talk(*messages: Message, tools: tuple[Tool, ...] = ()) -> Conversation:
    return Conversation(MODEL, messages, tools=tools)


def turns(size: int, *said: Callable[[int], Message]) -> list[Message]:
    return [make(number) for number in range(size) for make in said]


MESS: dict[str, Callable[[int], Conversation]] = {
    "turns of one role": lambda n: talk(*turns(n, lambda _: user(Text("again")))),
    "system messages": lambda n: talk(
        *turns(n, lambda _: user(Text("hi")), lambda _: Message("system", (Text("be brief"),)))
    ),
    "system messages in a row": lambda n: talk(*[Message("system", (Text("be brief"),))] * n * 10),
    "parts of one turn": lambda n: talk(user(*[Text("part")] * n)),
    "unanswered calls": lambda n: talk(
        *turns(n, lambda i: user(Text("go")), lambda i: assistant(ToolCall(f"c{i}", "read", {})))
    ),
    "unanswered calls of one turn": lambda n: talk(
        user(Text("go")), assistant(*[ToolCall(f"c{i}", "read", {}) for i in range(n)])
    ),
    "results without a call": lambda n: talk(
        *turns(n, lambda i: user(ToolResult(f"c{i}", (Text("x"),))), lambda _: assistant(Text("")))
    ),
    "results of one turn without a call": lambda n: talk(
        user(*[ToolResult(f"c{i}", (Text("x"),)) for i in range(n)])
    ),
    "calls of one id": lambda n: talk(
        *turns(
            n,
            lambda _: user(Text("go")),
            lambda _: assistant(ToolCall("c", "read", {})),
            lambda _: user(ToolResult("c", (Text("x"),))),
        )
    ),
    "illegal ids": lambda n: talk(
        *turns(
            n,
            lambda i: assistant(ToolCall(f"c {i}", "read", {})),
            lambda i: user(ToolResult(f"c {i}", (Text("x"),))),
        )
    ),
    "illegal names": lambda n: talk(
        user(Text("go")), tools=tuple(Tool(f"my tool {i}") for i in range(n))
    ),
    "names that become one": lambda n: talk(
        user(Text("go")), tools=tuple(Tool("x" * 100 + f"{i}") for i in range(n))
    ),
    "names that differ in case": lambda n: talk(
        user(Text("go")),
        tools=tuple(Tool(f"{i:016b}".translate({48: "a", 49: "A"})) for i in range(n)),
    ),
    "one tool offered again": lambda n: talk(user(Text("go")), tools=(Tool("read"),) * n),
    "long descriptions": lambda n: talk(
        user(Text("go")), tools=tuple(Tool(f"t{i}", "x" * 200) for i in range(n))
    ),
    "images": lambda n: talk(
        *turns(n, lambda _: user(Image("png", "AAAA")), lambda _: assistant(Text("ok")))
    ),
    "images of one turn": lambda n: talk(user(*[Image("png", "AAAA")] * n)),
    "images in results": lambda n: talk(
        *turns(
            n,
            lambda i: assistant(ToolCall(f"c{i}", "read", {})),
            lambda i: user(ToolResult(f"c{i}", (Image("png", "AAAA"),))),
        )
    ),
    "documents of one name": lambda n: talk(
        *turns(
            n,
            lambda _: user(Document(None, "a.pdf", "pdf", "AAAA")),
            lambda _: assistant(Text("ok")),
        )
    ),
    "documents in results": lambda n: talk(
        *turns(
            n,
            lambda i: assistant(ToolCall(f"c{i}", "read", {})),
            lambda i: user(ToolResult(f"c{i}", (Document(None, None, "pdf", "AAAA"),))),
        )
    ),
    "thinking": lambda n: talk(
        *turns(n, lambda _: user(Text("hi")), lambda _: assistant(Thinking("hm", "signed")))
    ),
    "thinking of one turn": lambda n: talk(
        user(Text("hi")), assistant(*[Thinking("hm", "signed")] * n)
    ),
    "empty turns": lambda n: talk(*turns(n, lambda _: user(), lambda _: assistant())),
}
"""Conversations with more and more of something that has to be mended."""


@pytest.mark.parametrize("mess", MESS.values(), ids=MESS)
def test_a_conversation_is_repaired(mess: Callable[[int], Conversation]) -> None:
    def make(size: int) -> Callable[[], object]:
        conversation = mess(size)
        return lambda: repair(conversation, Limits(100))

    check(make, 200)
