"""Counts the usage of one answer while it arrives."""

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from .events import (
    MANY,
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolInput,
    ToolStart,
    Usage,
    only_texts,
)
from .tokens.counts import TokenCounts, resolve_usage
from .tokens.text import estimator, estimator_of

_MOST_PIECES = 64
"""Pieces of an answer that are kept until they are counted together."""


class Iteration(Struct, frozen=True):
    """The usage of one call. ``summary``: it made a summary of the conversation, and no answer."""

    summary: bool
    counts: TokenCounts


class Meter:
    """Takes every batch of events; :meth:`counts` may be called at any time. A call that has
    :meth:`failed` without an event has used nothing, as far as is known.

    ``input_estimate`` is what the prompt is expected to have, in tokens, and ``least`` what the
    upstream told of an earlier turn that it begins with. ``window`` is the context window of the
    model that was asked, in tokens, None if not known. ``window_of`` gives the context window for
    an upstream model id, since the upstream may name another model as the one that answered.
    """

    def __init__(
        self,
        input_estimate: int,
        window: int | None,
        window_of: Callable[[str | None], int | None],
        least: int = 0,
    ) -> None:
        self.input_estimate = input_estimate
        self.window = window
        self.estimator = estimator("claude-4.7")
        self._window_of = window_of
        self._least = least
        self._texts: list[str] = []  # not counted yet
        self._thoughts: list[str] = []
        self._output = self._thinking = 0  # thousandths of a token; the second is in the first
        self._usage = Usage()
        self._spent = 0.0  # credits of earlier attempts at this answer
        self._was_answered = False  # in any attempt
        self._failed = False
        self._counts: TokenCounts | None = None  # until something changes

    def answers(self, model: str, window: int | None) -> None:
        """From now on this model is asked, by the upstream's id, which has this window."""
        self.window = window
        self.estimator = estimator_of(model)
        self._counts = None

    def feed(self, events: Sequence[Event]) -> None:
        """Keep what the model wrote, and the upstream's figures."""
        if not events:
            return
        self._counts = None
        self._was_answered = True
        texts = self._texts
        if len(events) >= MANY and (together := only_texts(events)):
            texts += together
            events = ()
        for event in events:
            kind = type(event)
            if kind is TextDelta:
                texts.append(event.text)  # type: ignore[union-attr]
            elif kind is ThinkingDelta:
                self._thoughts.append(event.text)  # type: ignore[union-attr]
            elif kind is ToolInput:
                texts.append(event.fragment)  # type: ignore[union-attr]
            elif kind is ToolStart:
                texts.append(event.name)  # type: ignore[union-attr]
            elif kind is Usage:
                self._merge(event)  # type: ignore[arg-type]
            elif kind is Finish:  # the model wrote the sequence that ended its answer
                texts.append(event.stop_sequence or "")  # type: ignore[union-attr]
        if len(texts) + len(self._thoughts) > _MOST_PIECES:
            self._count()

    def _count(self) -> None:
        if self._texts:
            self._output += self.estimator.texts(self._texts)
            self._texts.clear()
        if self._thoughts:
            thinking = self.estimator.texts(self._thoughts)
            self._output += thinking
            self._thinking += thinking
            self._thoughts.clear()

    def restart(self) -> None:
        """Start over for a retry: discard the output counted so far, but keep its cost."""
        self._counts = None
        self._texts.clear()
        self._thoughts.clear()
        self._output = self._thinking = 0
        self._spent += self._usage.credits or 0.0
        self._usage = Usage()

    def failed(self) -> None:
        """The upstream refused the call, or it failed otherwise. Not for a client that left: the
        upstream was reading.
        """
        self._failed = True
        self._counts = None

    def counts(self) -> TokenCounts:
        """Tokens and credits so far."""
        if self._counts is None:
            in_vain = self._failed and not self._was_answered
            self._counts = TokenCounts(0, 0) if in_vain else self._resolved()
        return self._counts

    def _resolved(self) -> TokenCounts:
        self._count()
        usage = self._usage
        if self._spent:
            usage = structs.replace(usage, credits=self._spent + (usage.credits or 0.0))
        return resolve_usage(
            estimate=self.input_estimate,
            least=self._least,
            window=self._window_of(usage.model) or self.window,
            output_units=self._output,
            thinking_units=self._thinking,
            usage=usage,
        )

    def iterations(self) -> tuple["Iteration", ...]:
        """The calls behind the answer, if one of them made a summary; () for one plain call."""
        return ()

    def _merge(self, later: Usage) -> None:
        given = {name: value for name, value in structs.asdict(later).items() if value is not None}
        self._usage = structs.replace(self._usage, **given)


class SummedMeter(Meter):
    """The meters of the calls that make one answer, as one; each is fed by its own call. The input
    of every call that was not refused counts, as in the API's own usage.
    """

    def __init__(self, first: Meter) -> None:
        super().__init__(first.input_estimate, first.window, first._window_of)
        self.estimator = first.estimator
        self._meters = [first]

    def add(self, meter: Meter) -> None:
        """Count another call too."""
        self._meters.append(meter)

    def counts(self) -> TokenCounts:
        """Tokens and credits of all calls so far."""
        each = [meter.counts() for meter in self._meters]
        if len(each) == 1:
            return each[0]
        sums = {
            name: sum(getattr(counts, name) for counts in each)
            for name in TokenCounts.__struct_fields__
            if name.endswith("_tokens")
        }
        spent = [counts.credits for counts in each if counts.credits is not None]
        return structs.replace(each[-1], **sums, credits=sum(spent) if spent else None)


class CompactedMeter(SummedMeter):
    """The meters of calls that make a summary and, behind them, of one that answers."""

    def __init__(self, first: Meter) -> None:
        super().__init__(first)
        self._answers = False

    def add_answer(self, meter: Meter) -> None:
        """Count the call that answers too."""
        self.add(meter)
        self._answers = True

    def iterations(self) -> tuple[Iteration, ...]:
        """As in the base class."""
        last = len(self._meters) - 1 if self._answers else len(self._meters)
        return tuple(Iteration(at < last, meter.counts()) for at, meter in enumerate(self._meters))
