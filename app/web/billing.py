"""What a key is charged for an answer."""

from collections.abc import Callable
from functools import partial

from app.core.credits import micro
from app.core.tokens import TokenCounts
from app.keys.key_file import ClientKey
from app.keys.limits import KeyLimits

from .gateway_call import GatewayCall


class Bill:
    """Settled twice: before the client has the end of its answer, so that its next request cannot
    come before the charge, and when the answer is over, however it ended.

    The service names the price of an answer at its end. One that ends before, since its client left
    or a limit cut it, is charged what its tokens cost on average, at once or as soon as a price of
    the model is known, so that a budget cannot be evaded; one that did not begin is charged
    nothing.
    """

    def __init__(self, limits: KeyLimits, key: ClientKey, call: GatewayCall) -> None:
        self._limits = limits
        self._key = key
        self._call = call
        self._micro_credits = 0
        self._tokens = 0

    def settle(self) -> None:
        """Charge what the answer has cost so far, if the service has named a price."""
        counts = self._call.meter.counts()
        if counts.credits is not None:
            self._charge(micro(counts.credits), _tokens(counts))

    def close(self) -> None:
        """Charge what was not charged yet: the answer is over."""
        counts, facts = self._call.meter.counts(), self._call.facts()
        model, tokens = str(facts.get("model", "")), _tokens(counts)
        # by the estimate in both cases: the service's own count comes with the price
        size = self._call.meter.input_estimate + counts.output_tokens
        if counts.credits is not None:
            price = micro(counts.credits)
            self._limits.prices.note(model, price, size)
            self._charge(price, tokens)
        elif "first_event_at" in facts:
            self._charge(0, tokens)
            self._limits.prices.charge(model, size, partial(self._charge, tokens=0))

    def _charge(self, micro_credits: int, tokens: int) -> None:
        """Charge what these are more than before."""
        more = max(0, micro_credits - self._micro_credits), max(0, tokens - self._tokens)
        if any(more):
            self._micro_credits, self._tokens = micro_credits, tokens
            self._limits.charge(self._key, *more)


def settlement(
    limits: KeyLimits, key: ClientKey, call: GatewayCall
) -> tuple[Callable[[], object], Callable[[], object]]:
    """``settle`` and ``close`` of the bill; nothing, for a key that is charged nothing."""
    if not limits.charges(key):
        return _free, _free
    bill = Bill(limits, key, call)
    return bill.settle, bill.close


def _free() -> None:
    """The bill of a key that is charged nothing."""


def _tokens(counts: TokenCounts) -> int:
    written, read = counts.output_tokens, counts.input_tokens
    return written + read + counts.cache_read_tokens + counts.cache_write_tokens
