"""What one answer uses, summed up as it arrives and worked out once, at its end."""

from collections.abc import Callable, Sequence

from msgspec import structs

from .conversation import Conversation
from .events import Event, TextDelta, ThinkingDelta, ToolInput, ToolStart, Usage
from .tokens import TokenCounts, byte_length, estimate_conversation, resolve_usage


class Meter:
    """Feed it every batch of events; ask for the counts whenever they are due.

    ``window``: tokens of the asked model's context window, None if not known; ``window_of`` gives
    that of the model which the upstream says answered, by the upstream's id. ``input_estimate``:
    tokens of the prompt, as estimated before the upstream said anything.
    """

    def __init__(
        self,
        conversation: Conversation,
        window: int | None,
        window_of: Callable[[str | None], int | None],
    ) -> None:
        self.input_estimate = estimate_conversation(conversation)
        self._window = window
        self._window_of = window_of
        self._output_bytes = 0
        self._usage = Usage()
        self._spent = 0.0  # credits of answers that were asked for again

    def feed(self, events: Sequence[Event]) -> None:
        """Count what the model wrote, and keep what the upstream says of it."""
        written = 0
        for event in events:
            kind = type(event)
            if kind is TextDelta:
                text = event.text  # type: ignore[union-attr]
                written += len(text) if text.isascii() else byte_length(text)
            elif kind is ThinkingDelta:
                written += byte_length(event.text)  # type: ignore[union-attr]
            elif kind is ToolInput:
                written += byte_length(event.fragment)  # type: ignore[union-attr]
            elif kind is ToolStart:
                written += byte_length(event.name)  # type: ignore[union-attr]
            elif kind is Usage:
                self._merge(event)  # type: ignore[arg-type]
        self._output_bytes += written

    def restart(self) -> None:
        """The answer is asked for anew: what was written of it does not count, what it cost
        does."""
        self._output_bytes = 0
        self._spent += self._usage.credits or 0.0
        self._usage = Usage()

    def counts(self) -> TokenCounts:
        """Tokens and credits as far as they are known by now."""
        usage = self._usage
        if self._spent:
            usage = structs.replace(usage, credits=self._spent + (usage.credits or 0.0))
        return resolve_usage(
            estimate=self.input_estimate,
            window=self._window_of(usage.model) or self._window,
            output_bytes=self._output_bytes,
            usage=usage,
        )

    def _merge(self, later: Usage) -> None:
        given = {name: value for name, value in structs.asdict(later).items() if value is not None}
        self._usage = structs.replace(self._usage, **given)
