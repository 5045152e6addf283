"""One answer of at most two calls: the second asks for what the first one lacks.

A client gets what fulfils its demands (:mod:`app.core.demands`) or an error, never a part of it
under the name of the whole. Of an answer that lacks something, what the client has not seen is
thrown away, and the model is asked once more. What a stream has passed on stays, and the next
answer goes on behind it; where it cannot, the stream ends with the error. The costs of both calls
are told.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from itertools import chain
from time import monotonic
from typing import Any, NamedTuple

import gevent
from gevent.queue import Empty
from msgspec.structs import replace

from app import calls
from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation, Part, Text, Thinking
from app.core.demands.follow_up import asked_again
from app.core.demands.json_schema import Mismatch, checker
from app.core.demands.plan import Plan
from app.core.demands.watch import Lack, Watch
from app.core.events import COMMITTING, Event, Finish, Refusal, TextDelta
from app.core.limits import Limits, limited
from app.core.limits.output_tokens import OutputTokens
from app.core.tokens.text import UNIT
from app.core.usage import SummedMeter
from app.gateway import Open

from .failures import Tried, failure
from .pump import Pump

ASKED_AGAIN: dict[Lack, str] = {
    "call": "forced_call_asked_again",
    "json": "json_asked_again",
    "arguments": "strict_arguments_asked_again",
    "tool": "unoffered_call_asked_again",
}
"""The name of the repair that a second call is."""
BETWEEN = TextDelta("\n\n")
"""Between the text that a stream has passed on and the text of the next answer."""


class Times(NamedTuple):
    """In seconds. ``ping_interval``: the silence after which a client is due a sign of life.
    ``patience``: how long, from the first content on, the text of a stream is held back for a
    forced call.
    """

    ping_interval: float
    patience: float


class WatchedCall:
    """What the web side needs of a call (:class:`app.web.gateway_call.GatewayCall`). A stream that
    may have to be held back is read by a greenlet of its own up to the first event for the client,
    so that what fails before can still be an HTTP error.
    """

    def __init__(
        self,
        open_call: Open,
        plan: Plan,
        tap: Any,
        times: Times,
        apart: Callable[..., Any],
        unchecked: tuple[str, ...] = (),
    ) -> None:
        self._open = open_call
        self._plan = plan
        self._tap = tap
        self._times = times
        self._apart = apart
        self._unchecked = unchecked
        self._call = open_call(plan.asked, tap)
        self._calls = [self._call]
        self.meter = SummedMeter(self._call.meter)
        self._notes: dict[str, None] = {}
        self._held: list[Event] = []
        self._rest: Iterator[Sequence[Event]] = iter(())
        self._failure: Exception | None = None
        self._closed = False
        self._cut_by = ""
        self._is_held = plan.asked.streamed and plan.holds
        self._pump: Pump | None = None
        self._beginning: gevent.Greenlet[..., None] | None = None

    @property
    def repairs(self) -> tuple[str, ...]:
        """Of both calls, and what was done to the answer."""
        return tuple(dict.fromkeys((*calls.repairs(self._calls), *self._notes)))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Of both calls, and the keywords of schemas that are not checked."""
        return tuple(dict.fromkeys((*calls.ignored(self._calls), *self._unchecked)))

    @property
    def has_asked_again(self) -> bool:
        """Whether this answer has cost a second call."""
        return len(self._calls) > 1

    def wait(self, seconds: float) -> bool:
        """Wait for the first content; for the first that passes, if it may have to be held back.
        Raises GatewayError.
        """
        if not self._is_held:
            return self._call.wait(seconds)
        if self._beginning is None:
            self._beginning = gevent.spawn(copy_context().run, self._begin)
        self._beginning.join(seconds)
        if self._failure is not None:
            raise self._failure
        return bool(self._beginning.ready())

    def retry(self, error: GatewayError) -> bool:
        """Only a first call is repeated, for a client that has waited for the whole answer."""
        if self._plan.asked.streamed or self.has_asked_again:
            return False
        return self._call.retry(error)

    def facts(self) -> dict[str, Any]:
        """Of both calls (:func:`app.calls.facts`)."""
        facts = calls.facts(self._calls)
        if self._cut_by:
            facts["cut_by"] = self._cut_by
        return facts

    def close(self) -> None:
        """End the call that is under way. Idempotent."""
        self._closed = True
        # what refers to this call again: a cycle would keep the request until a collection
        self._failure = None
        self._rest = iter(())
        if self._beginning is not None:
            self._beginning.kill(block=False)
        if self._pump is not None:
            self._pump.close()
        if self._beginning is None or self._beginning.ready():  # or it closes on its way out
            self._call.close()

    def batches(self) -> Iterator[Sequence[Event]]:
        """The events that fulfil the demands. Raises GatewayError."""
        if self._is_held:
            batches: Iterator[Sequence[Event]] = chain([self._held], self._rest)
        else:
            batches = self._streamed() if self._plan.asked.streamed else self._whole()
        if self._plan.stop_sequences:
            asked = Conversation("", (), stop_sequences=self._plan.stop_sequences)
            batches = limited(
                batches, Limits(asked).machines(self.meter.estimator, bounded=True), self._cut
            )
        return batches

    def _cut(self, limit: str) -> None:
        """A limit has ended the answer before the upstream did."""
        self._cut_by = limit
        self._call.close()

    def _begin(self) -> None:
        """Read up to the first content for the client."""
        try:
            self._rest = self._streamed()
            for batch in self._rest:
                self._held += batch
                if any(type(event) in COMMITTING for event in batch):
                    break
        except Exception as error:  # wait() raises it in the request's greenlet
            self._failure = error
        except gevent.GreenletExit:  # if it propagated, its traceback would keep a socket open
            self._failure = GatewayError(Kind.SHUTTING_DOWN, "The gateway was stopped; try again.")
        finally:
            if self._closed:  # a second call may have been opened while close() ran
                self._failure = None
                self._call.close()

    def _streamed(self) -> Iterator[Sequence[Event]]:
        """What passes of each answer, as it comes."""
        while True:
            watch = self._watch()
            while not self._call.wait(self._times.ping_interval):
                yield ()
            if self._plan.forced:
                yield from self._forced(watch)
            else:
                for batch in self._call.batches():
                    yield watch.feed(batch)
            if watch.shortfall is None:
                return
            if not watch.can_go_on:
                raise failure(watch.shortfall, self._tried or "partly_sent")
            spoken = () if self._plan.holds_text else watch.said
            if not self._ask_again(watch, spoken):
                self._cut_by = OutputTokens.name
                yield [Finish("max_tokens")]
                return
            if self._separates and any(isinstance(part, Text) for part in spoken):
                yield [BETWEEN]

    def _forced(self, watch: Watch) -> Iterator[Sequence[Event]]:
        end = monotonic() + self._times.patience
        pump = self._pump = Pump(self._call.batches())
        try:
            while True:
                left = end - monotonic() if watch.waits_for_call else None
                try:
                    batch = pump.take(left)
                except Empty:
                    yield watch.give_up()
                    continue
                if batch is None:
                    return
                yield watch.feed(batch)
        finally:
            pump.close()

    def _whole(self) -> Iterator[Sequence[Event]]:
        """What passes of the answer that fulfils the demands, in one batch."""
        while True:
            watch, passed = self._watch(), list[Event]()
            while not self._call.wait(self._times.ping_interval):
                yield ()
            for batch in self._call.batches():
                passed += watch.feed(batch)
            lack = watch.shortfall
            if lack is None:
                yield passed
                return
            if lack.lack == "json" and not self._may_ask_again:
                why = failure(lack, self._tried or "used_up").message
                yield [Finish("refusal", Refusal(explanation=why))]
                return
            self._ask_again(watch)

    def _watch(self) -> Watch:
        return Watch(self._plan, self._check, lambda name: self._notes.update({name: None}))

    def _check(self, tool: str, value: Any) -> Mismatch | None:
        found: Mismatch | None = self._apart(_mismatch, self._plan.schemas[tool], value)
        return found

    @property
    def _may_ask_again(self) -> bool:
        """Once in an answer, its hosted turns included."""
        return self._plan.asked.asks_again and not self.has_asked_again

    @property
    def _tried(self) -> Tried | None:
        return "asked_again" if self.has_asked_again else None

    @property
    def _separates(self) -> bool:
        """Whether a line of nothing may stand between two answers: the client's stop sequences must
        not be in its text.
        """
        return not any("\n" in sequence for sequence in self._plan.asked.stop_sequences)

    def _ask_again(self, watch: Watch, spoken: Sequence[Part] = ()) -> bool:
        """Open the second call, behind what the client has heard; False if its limit lets nothing
        follow that. Raises GatewayError if this is its answer.
        """
        lack = watch.shortfall
        if lack is None:
            return True
        if not self._may_ask_again:
            raise failure(lack, self._tried or "used_up")
        self._call.close()
        asked = asked_again(self._plan, watch.said, lack)
        if asked.max_tokens is not None and spoken:
            left = asked.max_tokens - self._tokens(spoken)
            if left <= 0:
                return False
            asked = replace(asked, max_tokens=left)
        self._notes[ASKED_AGAIN[lack.lack]] = None
        self._call = self._open(asked, self._tap)
        self._calls.append(self._call)
        self.meter.add(self._call.meter)
        return True

    def _tokens(self, spoken: Sequence[Part]) -> int:
        """What these parts take of the client's limit, by the count that enforces it."""
        estimator, reasoning = self._call.meter.estimator, self._plan.asked.reasoning
        kinds = (Text, Thinking) if reasoning.enabled else (Text,)
        texts = [part.text for part in spoken if isinstance(part, kinds)]
        return estimator.texts([*texts, BETWEEN.text]) // UNIT


def _mismatch(schema: dict[str, Any], value: Any) -> Mismatch | None:
    return checker(schema).mismatch(value)
