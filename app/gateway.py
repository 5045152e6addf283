"""One conversation through the upstream: token, send, retry before the first event, cancel.

The retry policy. Nothing is repeated once a content event was delivered: that would double text and
cost. Before it, a request gets at most ``MAX_ATTEMPTS`` tries inside its first-event timeout:

- a refused token: once more with a fresh one, if the credentials have one;
- quota, throttling, suspension: at once with another account, if there is one;
- what the upstream can reach another way, as by an older host: at once that way;
- what :data:`app.errors.POLICY` marks ``retry``: again after a growing, jittered pause, or after
  the upstream's Retry-After where that is short;
- anything else, and never validation: the error goes to the client.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any

import gevent

from app.core.conversation import Conversation
from app.core.events import CONTENT, Event, Finish
from app.core.usage import Meter
from app.credentials import Credentials, Token
from app.errors import POLICY, UNKNOWN_OPERATION, GatewayError, Kind
from app.models.names import Resolution
from app.models.table import Model, context_window
from app.upstream import Upstream

MAX_ATTEMPTS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between attempts: doubled each time, between half and all of it."""

COMMITTING = frozenset({*CONTENT, Finish})
"""Once one of these was read, the client gets its answer and no retry can be made."""


class Gateway:
    """Opens exchanges. One per worker, shared by its greenlets.

    ``first_event`` and ``total``: seconds from a request's start in which its first content event
    and the end of its answer must have come.
    """

    def __init__(
        self,
        *,
        upstream: Upstream,
        credentials: Credentials,
        resolve: Callable[[str], Resolution],
        first_event: float,
        total: float,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self.upstream = upstream
        self.credentials = credentials
        self.resolve = resolve
        self.first_event = first_event
        self.total = total
        self.sleep = sleep

    def open(self, conversation: Conversation) -> "Exchange":
        """Begin the upstream call; failures come from the exchange's ``wait``."""
        resolution = self.resolve(conversation.model)
        return Exchange(self, resolution.apply(conversation), resolution.model)


class Exchange:
    """One conversation under way. It is opened in a greenlet of its own, so that a client can be
    given a sign of life meanwhile; the greenlet keeps the request's context variables, by which log
    lines carry the request's id."""

    def __init__(self, gateway: Gateway, conversation: Conversation, model: Model) -> None:
        self._gateway = gateway
        self._conversation = conversation
        self._model = model
        self.meter = Meter(conversation, model.context_window, context_window)
        self._started = monotonic()
        self._first_event_at: float | None = None
        self._attempts = 0
        self._refreshed: set[str] = set()  # accounts
        self._token: Token | None = None
        self._call = gateway.upstream.open(conversation, model)
        self._held: list[Event] = []
        self._rest: Iterator[Sequence[Event]] = iter(())
        self._failure: Exception | None = None
        self._retried = False
        self._closed = False
        self._opening = gevent.spawn(copy_context().run, self._open)

    def wait(self, seconds: float) -> bool:
        """Wait for the first content event; False when it has not come after that long.

        Raises the GatewayError that the retry policy came to.
        """
        self._opening.join(seconds)
        if self._failure is not None:
            raise self._failure
        return bool(self._opening.ready())

    def batches(self) -> Iterator[Sequence[Event]]:
        """Events read together, as they come; an empty batch at each tick of silence.

        Raises GatewayError where the answer breaks; what came before has been given by then.
        """
        for batch in chain([self._held], self._rest):
            self.meter.feed(batch)
            yield batch

    def retry(self, error: GatewayError) -> bool:
        """Ask anew after the answer broke with ``error``, for a client that has seen nothing of it:
        once, and as the retry policy allows; else False."""
        if self._first_event_at is None or self._retried or not POLICY[error.kind].retry:
            return False
        if self._attempts >= MAX_ATTEMPTS:
            return False
        self._retried = True
        self._first_event_at = None
        self.meter.restart()
        self._opening = gevent.spawn(copy_context().run, partial(self._open, error))
        return True

    def close(self) -> None:
        """End the call if it is still under way, and with it what it costs. Idempotent."""
        self._closed = True
        self._opening.kill(block=False)
        if self._opening.ready():
            self._call.close()

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was rewritten so that the upstream takes it."""
        return self._conversation.notes + self._call.repairs

    @property
    def ignored(self) -> tuple[str, ...]:
        """What of the request has no effect."""
        return self._conversation.ignored + self._call.ignored

    def facts(self) -> dict[str, Any]:
        """What the log may say of the call; ``first_event_at`` by the monotonic clock."""
        facts: dict[str, Any] = {"model": self._model.id, "attempts": self._attempts}
        if self._token is not None:
            facts["account"] = self._token.account
        facts |= self._call.facts()
        if self._first_event_at is not None:
            facts["first_event_at"] = self._first_event_at
        return facts

    def _open(self, former: GatewayError | None = None) -> None:
        """Come to the first content event; ``former`` broke the answer that is asked for again."""
        deadline = monotonic() + self._gateway.first_event
        try:
            if former is not None:
                self._recover(former, deadline)
            self._negotiate(deadline)
        except GatewayError as error:
            window = self._model.context_window
            if error.kind is Kind.CONTEXT_TOO_LONG and window:
                tokens = self.meter.input_estimate
                error.overrun = (tokens, window) if tokens > window else None
            self._failure = error
        except Exception as error:  # wait raises it to the request
            self._failure = error
        except gevent.GreenletExit:
            pass  # carried on, its traceback would keep a socket open until a garbage collection
        finally:
            if self._closed:  # the answer may have come in the moment of closing
                self._call.close()

    def _negotiate(self, deadline: float) -> None:
        if self._token is None:
            self._token = self._gateway.credentials.token(self._conversation.session)
        while True:
            self._attempts += 1
            try:
                return self._attempt(self._token, deadline)
            except GatewayError as error:
                self._recover(error, deadline)

    def _attempt(self, token: Token, deadline: float) -> None:
        """Send, and read until the first content event. Raises GatewayError."""
        call = self._call
        call.send(token, deadline)
        self._gateway.credentials.accepted(token)
        self._rest = call.batches()
        for batch in self._rest:
            self._held += batch
            if any(type(event) in COMMITTING for event in batch):
                break
        self._first_event_at = monotonic()
        call.answering(deadline=self._started + self._gateway.total)

    def _recover(self, error: GatewayError, deadline: float) -> None:
        """Prepare another attempt as the policy says, or raise the error for good."""
        self._call.close()
        self._held = []
        if self._call.fall_back(error) or self._another_token(error):
            return
        hopeless = error.code == UNKNOWN_OPERATION or not POLICY[error.kind].retry
        if hopeless or self._attempts >= MAX_ATTEMPTS:
            raise error
        pause = min(FIRST_PAUSE * 2 ** (self._attempts - 1), LONGEST_PAUSE)
        pause *= random.uniform(0.5, 1.0)  # nosec B311 # no secret
        if error.retry_after is not None:
            pause = max(pause, error.retry_after)
        if pause > LONGEST_PAUSE or monotonic() + pause >= deadline:
            raise error
        self._gateway.sleep(pause)

    def _another_token(self, error: GatewayError) -> bool:
        credentials, token = self._gateway.credentials, self._token
        if token is None:
            return False
        if error.kind is Kind.REFUSED_TOKEN:
            if token.account in self._refreshed:
                return False
            self._refreshed.add(token.account)
            fresh = credentials.refused(token, error)
        else:
            fresh = credentials.failed(token, error)
        if fresh is None:
            return False
        self._token = fresh
        return True
