"""How an answer ends: the events near its end, and what they say of it.

Newer hosts end an answer with metadataEvent, contextUsageEvent and meteringEvent: the *tail*. None
of them marks the end, and they may also come in another order, or earlier. Source: the client of
the Kiro runtime service in the Amazon Q Developer CLI, captures of kiro-cli, and published
measurements; docs/upstream.md has the facts.
"""

from app.core.events import Refusal, StopReason

from .payloads import Metadata, Metering, refusal_in
from .skipped import Skipped

STOP_REASONS: dict[str, StopReason] = {
    "END_TURN": "end_turn",
    "TOOL_USE": "tool_use",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "max_tokens",
    "LENGTH_LIMIT": "max_tokens",
    "MAX_TIME": "max_tokens",  # cut off too; clients know no other reason for that
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "context_window",
    "PAUSE_TURN": "pause_turn",
    "CONTENT_FILTERED": "refusal",
    "GUARDRAIL_INTERVENED": "refusal",
}
NOT_A_REASON = frozenset({"", "UNKNOWN"})
"""What says no more than a stop reason that is missing."""

_BY_CALLS = frozenset({None, "end_turn", "tool_use", "pause_turn"})
"""Reasons that give way to ``tool_use`` after a complete call: the client must run that."""

_OF_CUT_CALLS: dict[StopReason | None, StopReason] = {
    "context_window": "context_window",
    "refusal": "refusal",
}
"""Reasons that explain a cut as well as ``max_tokens`` does."""


class Tail:
    """Whether the answers of one generation of hosts have a tail; one for each, in each worker.

    A host that has shown one is expected to send it with every answer, until :data:`MISSES` answers
    in a row had none: then it has changed, and is believed.
    """

    MISSES = 3

    def __init__(self, *, dependable: bool) -> None:
        """``dependable``: hosts of this generation are known to send a tail with every answer."""
        self._dependable = dependable
        self._misses = self.MISSES

    def missing(self, *, had: bool) -> bool:
        """Note an answer that ended with a tail or, if not ``had``, without. True if one was
        expected and did not come.
        """
        if had:
            self._misses = 0
            return False
        expected = self._dependable and self._misses < self.MISSES
        self._misses += 1
        return expected


class Ending:
    """What the events so far say of an answer's end.

    ``near``: nothing of the answer's content came since an event of the tail. ``metered``: such an
    event was a meteringEvent. ``stop``: the upstream's reason, and ``refusal`` what it says of a
    refusal. ``credits``: what the answer has cost so far, None if it was not metered.
    """

    __slots__ = ("_skipped", "credits", "metered", "near", "refusal", "stop")

    def __init__(self, skipped: Skipped) -> None:
        self._skipped = skipped
        self.near = self.metered = False
        self.stop: StopReason | None = None
        self.refusal: Refusal | None = None
        self.credits: float | None = None

    def content(self) -> None:
        """Content came, so that what came before was not the end."""
        self.near = self.metered = False

    def meter(self, metering: Metering) -> bool:
        """Add what a meteringEvent says: there may be several. False if it counts no credits."""
        self.near = self.metered = True
        if (metering.unit or "credit").lower() not in ("credit", "credits"):
            self._skipped.add(f"meteringEvent in {metering.unit!r:.32}")
            return False
        if metering.usage is None:
            return False
        self.credits = (self.credits or 0.0) + metering.usage
        return True

    def explain(self, metadata: Metadata) -> None:
        """Take the stop reason of a metadataEvent. One that was never seen is counted, and read as
        none, except that an answer without content is then no failure.
        """
        self.near = True
        told = (metadata.stop_reason or "").upper()
        if told not in NOT_A_REASON:
            self.stop = STOP_REASONS.get(told)
            if self.stop is None:
                self._skipped.add(f"stopReason {metadata.stop_reason:.32}")
                self.stop = "end_turn"
        if self.stop == "refusal":
            self.refusal = refusal_in(metadata.stop_details)

    def reason(self, *, completed: int, cut_off: int, tail_missing: bool) -> StopReason:
        """Why the answer ended, given its calls. They decide between end_turn and tool_use, since
        older hosts send no stop reason and newer ones sometimes send the wrong one of these two. A
        call that was cut off must never look like one to run.

        ``tail_missing``: the answer ended before its tail, so it was cut off too, but a call that
        is complete can still be run, and the client goes on after it.
        """
        stop = self.stop
        if cut_off:
            return _OF_CUT_CALLS.get(stop, "max_tokens")
        if completed and stop in _BY_CALLS:
            return "tool_use"
        if stop is None:
            return "max_tokens" if tail_missing else "end_turn"
        return "end_turn" if stop == "tool_use" else stop
