"""``input_tokens`` of a conversation that grows: by what clients decide when to compact it.

The turns are those of captured conversations of real clients; what the upstream counts is another
count than the gateway's, as it is.
"""

import random
from typing import NamedTuple

import pytest

from app.core.conversation import Conversation, Message, Text
from app.core.events import TextDelta, Usage
from app.core.tokens.prompt import measure
from app.core.tokens.told import ToldPrompts
from app.core.usage import Meter
from tests.dialects.test_stable_prefix import ASKED, MULTI_TURN, cuts

MODEL, WINDOW = "claude-opus-4.8", 1_000_000


class Upstream(NamedTuple):
    """Counts ``per_byte`` tokens, and ``own`` for what it adds to each prompt itself. In a part of
    the turns it sends counts of tokens, in another nothing, else a percentage.
    """

    per_byte: float
    own: int
    counts: float = 0.0
    silent: float = 0.0

    def usage(self, prompt: Conversation, answer: str, chance: random.Random) -> Usage:
        sent = prompt.system, prompt.tools, prompt.messages
        asked = self.own + round(self.per_byte * len(repr(sent)))
        made = round(self.per_byte * len(answer.encode()))
        found = chance.random()
        if found < self.counts:
            return Usage(asked // 4, made, asked - asked // 4, 0)
        if found < self.counts + self.silent:
            return Usage()
        return Usage(context_percentage=100 * (asked + made) / WINDOW)


def answer_of(turn: Message) -> str:
    return "".join(part.text for part in turn.parts if isinstance(part, Text)) or "x" * 500


def reported(prompt: Conversation, answer: str, used: Usage, told: ToldPrompts) -> tuple[int, int]:
    """The input that the client is told at the start and at the end of the answer."""
    measured = measure(prompt, MODEL)
    meter: Meter = told.meter(measured, lambda _: WINDOW)
    meter.answers(MODEL, WINDOW)
    started = meter.input_estimate
    meter.feed([TextDelta(answer), used])
    counts = meter.counts()
    told.learn(measured, counts)
    return started, counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens


@pytest.mark.parametrize(
    "upstream",
    [
        Upstream(0.35, 3000),
        Upstream(0.25, 0),
        Upstream(0.2, 12_000),
        Upstream(0.3, 500, silent=0.5),
        Upstream(0.3, 500, counts=0.3, silent=0.3),
        Upstream(0.3, 500, silent=1.0),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", MULTI_TURN)
def test_the_input_of_a_growing_conversation_never_falls(name: str, upstream: Upstream) -> None:
    """From the first figure of the upstream on, or as long as there is none: an estimate that was
    too high gives way to it.
    """
    told, chance = ToldPrompts(), random.Random(name)
    last = 0
    for prompt in [*cuts(ASKED[name]), ASKED[name]]:
        messages = ASKED[name].messages[len(prompt.messages) :]
        answer = answer_of(messages[0]) if messages else "And this is the end."
        used = upstream.usage(prompt, answer, chance)
        started, ended = reported(prompt, answer, used, told)
        assert last <= started
        assert last <= ended
        if used != Usage() or upstream.silent == 1:
            last = ended


def test_a_conversation_that_was_compacted_may_fall() -> None:
    told, upstream = ToldPrompts(), Upstream(0.3, 500)
    text = "A long text. " * 2000
    long = Conversation(model="m", messages=(Message("user", (Text(text),)),))
    short = Conversation(model="m", messages=(Message("user", (Text("A summary."),)),))
    totals = [
        reported(prompt, "Yes.", upstream.usage(prompt, "Yes.", random.Random(1)), told)
        for prompt in (long, short)
    ]
    assert totals[1] < totals[0]
