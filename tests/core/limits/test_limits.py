"""The limits of a request together, and how they end an answer."""

from collections.abc import Iterator, Sequence

import pytest

from app.core.conversation import Conversation, Reasoning, Tool
from app.core.events import Event, Finish, TextDelta, ThinkingDelta, ToolEnd, ToolStart, Usage
from app.core.limits import Limits, limited
from app.core.limits.one_call import OneCall
from app.core.limits.output_tokens import OutputTokens
from app.core.limits.stop_sequences import StopSequences
from app.core.tokens.text import estimator

PLAIN = Conversation(model="m", messages=())
TOOLS = (Tool("f", "", {}),)


ESTIMATOR = estimator("claude")


class Upstream:
    """Batches that note by which limits they are cancelled; ``error`` breaks them at their end."""

    def __init__(self, *batches: Sequence[Event], error: Exception | None = None) -> None:
        self._batches, self._error = batches, error
        self.cancelled: list[str] = []

    def __iter__(self) -> Iterator[Sequence[Event]]:
        yield from self._batches
        if self._error:
            raise self._error

    def cancel(self, limit: str) -> None:
        self.cancelled.append(limit)


def ask(upstream: Upstream, **members: object) -> list[Sequence[Event]]:
    conversation = Conversation(model="m", messages=(), **members)  # type: ignore[arg-type]
    machines = Limits(conversation).machines(ESTIMATOR, bounded=False)
    return list(limited(upstream, machines, upstream.cancel))


def test_a_request_without_limits_has_no_machines() -> None:
    assert Limits(PLAIN).machines(ESTIMATOR, bounded=False) == []


@pytest.mark.parametrize(
    ("members", "bounded", "kinds"),
    [
        ({"max_tokens": 5}, False, [OutputTokens]),
        ({"max_tokens": 5}, True, []),
        ({"stop_sequences": ("a",)}, True, [StopSequences]),
        ({"parallel_calls": False, "tools": TOOLS}, False, [OneCall]),
        ({"parallel_calls": False}, False, []),
    ],
)
def test_the_machines_of_a_request(
    members: dict[str, object], bounded: bool, kinds: object
) -> None:
    conversation = Conversation(model="m", messages=(), **members)  # type: ignore[arg-type]
    limits = Limits(conversation)
    machines = limits.machines(ESTIMATOR, bounded=bounded)
    assert [type(one) for one in machines] == kinds
    enforced = [one.name for one in limits.described(bounded=bounded) if one.by == "gateway"]
    assert enforced == [one.name for one in machines]


def test_the_call_is_cancelled_once_at_the_end_and_nothing_more_is_read() -> None:
    upstream = Upstream([TextDelta("a st")], [TextDelta("op b")], [TextDelta("c")])
    out = ask(upstream, stop_sequences=("stop",))
    assert out == [[TextDelta("a ")], [Finish("stop_sequence", None, "stop")]]
    assert upstream.cancelled == ["stop_sequence"]


def test_a_normal_end_is_not_cancelled() -> None:
    upstream = Upstream([TextDelta("a st")], (), [Finish("end_turn")])
    out = ask(upstream, stop_sequences=("stop",), max_tokens=50)
    assert out == [[TextDelta("a ")], [], [TextDelta("st"), Finish("end_turn")]]
    assert upstream.cancelled == []


def test_figures_behind_the_cut_are_told_as_far_as_they_are_of_the_prompt() -> None:
    used = Usage(input_tokens=7, output_tokens=99, context_percentage=5.0, credits=0.5)
    upstream = Upstream([TextDelta("a stop b"), used, Finish("end_turn")])
    [[text, costs, end]] = ask(upstream, stop_sequences=("stop",))
    assert (text, end) == (TextDelta("a "), Finish("stop_sequence", None, "stop"))
    assert costs == Usage(input_tokens=7, credits=0.5)


def test_what_is_held_back_comes_before_a_break() -> None:
    upstream = Upstream([TextDelta("a st")], error=ValueError("broke"))
    conversation = Conversation(model="m", messages=(), stop_sequences=("stop",))
    out = limited(
        upstream, Limits(conversation).machines(ESTIMATOR, bounded=False), upstream.cancel
    )
    assert [next(out), next(out)] == [[TextDelta("a ")], [TextDelta("st")]]
    with pytest.raises(ValueError, match="broke"):
        next(out)


def test_the_limit_of_tokens_is_kept_before_sequences_are_sought() -> None:
    upstream = Upstream([TextDelta("12st")], [TextDelta("op")])
    out = ask(upstream, stop_sequences=("stop",), max_tokens=2)
    assert out == [[TextDelta("12"), TextDelta("s"), Finish("max_tokens")]]
    assert upstream.cancelled == ["max_tokens"]


def test_thinking_counts_for_a_client_that_asked_for_it() -> None:
    batch: list[Event] = [ThinkingDelta("12345678"), Finish("end_turn")]
    assert ask(Upstream(batch), max_tokens=1) == [batch]
    thinks = Reasoning(enabled=True)
    [[_, end]] = ask(Upstream(batch), max_tokens=1, reasoning=thinks)
    assert end == Finish("max_tokens")


def test_a_second_call_is_not_begun() -> None:
    batch: list[Event] = [
        ToolStart("t", "f"), ToolEnd(), ToolStart("u", "f"), ToolEnd(), Finish("tool_use"),
    ]  # fmt: skip
    [out] = ask(Upstream(batch), parallel_calls=False, tools=TOOLS)
    assert out == [*batch[:2], Finish("tool_use")]
