"""The parts without IO, one by one. ``python -m benchmarks`` runs them, ``make test`` does not.

A benchmark times a call that does many units of work (events, requests); the report has the cost of
one unit. Streams are fed in batches of ``BATCH`` events, as they arrive from a fast upstream.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from werkzeug.datastructures import Headers

from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.request.render import render
from app.codewhisperer.request.repair import Limits, repair, rules
from app.codewhisperer.service.hosts import candidates
from app.core.conversation import Conversation
from app.core.events import Event
from app.core.tokens import prompt
from app.core.tokens.text import estimator_of
from app.core.usage import Meter
from app.eventstream.frames import FrameDecoder
from app.models.names import resolve
from app.models.table import context_window
from app.upstream_http.chunked import ChunkedDecoder
from benchmarks import samples
from benchmarks.cases import KB
from benchmarks.dialects import DIALECTS, MESSAGES, MODEL, Dialect

EVENTS, BATCH, READ = 512, 8, 64 * KB
MAX_DESCRIPTION = 10_000
ESTIMATED = "claude-opus-4.7"
[HOST] = candidates("us-east-1", "codewhisperer")
KINDS = {
    "text": samples.text_frames(EVENTS),
    "thinking": samples.thinking_frames(EVENTS),
    "a tool's input": samples.tool_frames(EVENTS),
}

Measure = Callable[..., None]


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Measure:
    """Time a call. ``part`` and ``what`` name it in the report; it does ``count`` units of work."""

    def timed(part: str, what: str, unit: str, count: int, call: Callable[[], Any]) -> None:
        benchmark.extra_info |= {"part": part, "what": what, "unit": unit, "count": count}
        assert benchmark(call), "a call without a result was not measured"

    return timed


def batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + BATCH] for at in range(0, len(items), BATCH)]


def test_chunks(measure: Measure) -> None:
    reads = samples.pieces_of(samples.chunked(KINDS["text"]), READ)

    def dechunk() -> list[bytes]:
        decoder = ChunkedDecoder()
        return [decoder.feed(read) for read in reads]

    measure("HTTP chunks", "one frame in each", "event", EVENTS, dechunk)


def test_frames(measure: Measure) -> None:
    reads = samples.pieces_of(b"".join(KINDS["text"]), READ)

    def decode() -> list[Any]:
        decoder = FrameDecoder()
        return [decoder.feed(read) for read in reads]

    measure("frames", "text", "event", EVENTS, decode)


@pytest.mark.parametrize("kind", KINDS)
def test_events(measure: Measure, kind: str) -> None:
    frames = batches(FrameDecoder().feed(b"".join(KINDS[kind])))

    def decode() -> list[Any]:
        decoder = EventDecoder()
        return [decoder.feed(batch) for batch in frames]

    measure("events", kind, "event", len(KINDS[kind]), decode)


def test_meter(measure: Measure) -> None:
    events = batches(samples.events_of(KINDS["text"]))

    def count() -> Meter:
        meter = Meter(1, None, context_window)
        for batch in events:
            meter.feed(batch)
        meter.counts()
        return meter

    measure("token counts", "text", "event", EVENTS, count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_encoders(measure: Measure, dialect: Dialect, kind: str) -> None:
    events: list[Sequence[Event]] = batches(samples.events_of(KINDS[kind]))
    meter = Meter(1, None, context_window)

    def encode() -> list[bytes]:
        encoder = dialect.encoder(meter)
        return [encoder.feed(batch) for batch in events]

    measure(f"encoder, {dialect.name}", kind, "event", sum(map(len, events)), encode)


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


@pytest.fixture(params=["all captured", "the largest"])
def sent(request: pytest.FixtureRequest, dialect: Dialect) -> tuple[str, list[samples.Captured]]:
    """Requests of real clients, and their name in the report."""
    if request.param == "the largest":
        one = samples.largest(dialect)
        return f"{one.name}, {len(one.body) / KB:.0f} KB", [one]
    found = samples.captured(dialect)
    return f"{len(found)} captured, {sum(len(each.body) for each in found) / KB:.0f} KB", found


def conversations(dialect: Dialect, sent: list[samples.Captured]) -> list[Conversation]:
    return [dialect.parse(each.body, each.headers) for each in sent]


Sent = tuple[str, list[samples.Captured]]


def test_parsers(measure: Measure, dialect: Dialect, sent: Sent) -> None:
    what, requests = sent
    measure(
        f"parser, {dialect.name}", what, "request", len(requests),
        lambda: conversations(dialect, requests),
    )  # fmt: skip


@pytest.mark.parametrize("part", ["token estimate", "token estimate of the next turn"])
def test_estimates(measure: Measure, dialect: Dialect, sent: Sent, part: str) -> None:
    """Long texts are counted once: the next turn of a conversation has those of the turn before."""
    parsed, counted = conversations(dialect, sent[1]), estimator_of(ESTIMATED)

    def estimates() -> list[prompt.Prompt]:
        if part == "token estimate":
            counted._known.clear()
        return [prompt.measure(each, ESTIMATED) for each in parsed]

    measure(part, f"{dialect.name}: {sent[0]}", "request", len(parsed), estimates)


def test_repairs(measure: Measure, dialect: Dialect, sent: Sent) -> None:
    parsed = conversations(dialect, sent[1])
    measure(
        "all repair rules", f"{dialect.name}: {sent[0]}", "request", len(parsed),
        lambda: [repair(each, Limits(MAX_DESCRIPTION)) for each in parsed],
    )  # fmt: skip


def test_rendering(measure: Measure, dialect: Dialect, sent: Sent) -> None:
    """Rendering includes the repair rules, as for every request."""
    model = resolve(MODEL, MODEL, {}).model

    def rendered(conversation: Conversation) -> Any:
        return render(
            conversation,
            host=HOST,
            model=model,
            profile_arn=None,
            conversation_id="bench",
            max_description=MAX_DESCRIPTION,
        )

    parsed = conversations(dialect, sent[1])
    measure(
        "rendering, repairs included", f"{dialect.name}: {sent[0]}", "request", len(parsed),
        lambda: [rendered(each) for each in parsed],
    )  # fmt: skip


LONG = MESSAGES.parse(samples.text_request(64 * KB), Headers())
RULES = rules(Limits(MAX_DESCRIPTION))


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_each_repair_rule(measure: Measure, name: str) -> None:
    """The input of a rule is the conversation after all rules before it."""
    conversation = LONG
    for rule in RULES:
        if rule.name == name:
            break
        conversation = rule.apply(conversation)
    what = f"{name}: 64 KB, {len(LONG.messages)} messages, {len(LONG.tools)} tools"
    measure("one repair rule", what, "request", 1, lambda: rule.apply(conversation))
