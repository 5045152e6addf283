"""One conversation through the upstream: token, render, send, retry before the first event, cancel.

The retry policy. Nothing is repeated once a content event was delivered: that would double text and
cost. Before it, a request gets at most ``MAX_ATTEMPTS`` tries inside its first-event timeout:

- a refused token: once more with a fresh one, if the credentials have one;
- quota, throttling, suspension: at once with another account, if there is one;
- a host that cannot be reached or does not know the operation: the next older host generation;
- what :data:`app.errors.POLICY` marks ``retry``: again after a growing, jittered pause, or after
  the upstream's Retry-After where that is short;
- anything else, and never validation: the error goes to the client.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import inf
from time import monotonic
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import gevent

from app.codewhisperer.answer.batches import event_batches
from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.client import Answer, Client
from app.codewhisperer.request.render import RenderedRequest, render
from app.codewhisperer.service.error_table import OLDER_HOST, UNKNOWN_OPERATION
from app.codewhisperer.service.errors import upstream_id
from app.codewhisperer.service.hosts import Host, HostChoice, authorization
from app.core.conversation import Conversation
from app.core.events import CONTENT, Event, Finish
from app.core.usage import Meter
from app.credentials import Credentials, Token
from app.errors import POLICY, GatewayError, Kind
from app.models.names import Model, Resolution

MAX_ATTEMPTS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between attempts: doubled each time, between half and all of it."""

COMMITTING = frozenset({*CONTENT, Finish})
"""Once one of these was read, the client gets its answer and no retry can be made."""


@dataclass(frozen=True)
class Timeouts:
    """In seconds: ``first_event`` and ``total`` from the request's start, ``idle`` between two
    reads, ``ping`` between two ticks of silence."""

    first_event: float
    idle: float
    total: float
    ping: float


class Gateway:
    """Opens exchanges. One per worker, shared by its greenlets."""

    def __init__(
        self,
        *,
        client: Client,
        credentials: Credentials,
        hosts: HostChoice,
        resolve: Callable[[str], Resolution],
        timeouts: Timeouts,
        max_tool_description: int,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self.client = client
        self.credentials = credentials
        self.hosts = hosts
        self.resolve = resolve
        self.timeouts = timeouts
        self.max_tool_description = max_tool_description
        self.sleep = sleep

    def open(self, conversation: Conversation) -> "Exchange":
        """Begin the upstream call; failures come from the exchange's ``wait``."""
        resolution = self.resolve(conversation.model)
        return Exchange(self, resolution.apply(conversation), resolution.model)


class Exchange:
    """One conversation under way. Its opening runs in a greenlet of its own, so that whoever waits
    can give its client a sign of life meanwhile; it keeps the request's context variables, by which
    log lines carry the request's id."""

    def __init__(self, gateway: Gateway, conversation: Conversation, model: Model) -> None:
        self._gateway = gateway
        self._conversation = conversation
        self._model = model
        self.meter = Meter(conversation, model.context_window)
        self._started = monotonic()
        self._first_event_at: float | None = None
        self._attempts = 0
        self._refreshed: set[str] = set()  # accounts
        self._token: Token | None = None
        self._host: Host | None = None
        self._rendered: RenderedRequest | None = None
        self._answer: Answer | None = None
        self._skipped: Mapping[str, int] = {}
        self._held: list[Event] = []
        self._rest: Iterator[Sequence[Event]] = iter(())
        self._failure: Exception | None = None
        self._again = False
        self._closed = False
        self._opening = gevent.spawn(copy_context().run, self._open)

    def wait(self, seconds: float) -> bool:
        """Until the first content event is there; False when it is not after that long.

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
        if self._first_event_at is None or self._again or not POLICY[error.kind].retry:
            return False
        if self._attempts >= MAX_ATTEMPTS:
            return False
        self._again = True
        self._first_event_at = None
        self.meter.restart()
        self._opening = gevent.spawn(copy_context().run, partial(self._open, error))
        return True

    def close(self) -> None:
        """End the call if it is still under way, and with it what it costs. Idempotent."""
        self._closed = True
        self._opening.kill(block=False)
        if self._opening.ready():
            self._drop_answer()

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was rewritten so that the upstream takes it."""
        return self._conversation.notes + (self._rendered.repairs if self._rendered else ())

    @property
    def ignored(self) -> tuple[str, ...]:
        """What of the request has no effect."""
        return self._conversation.ignored + (self._rendered.ignored if self._rendered else ())

    def facts(self) -> dict[str, Any]:
        """What the log may say of the call; ``first_event_at`` by the monotonic clock."""
        facts: dict[str, Any] = {"model": self._model.id, "attempts": self._attempts}
        if self._host is not None:
            facts["host"] = self._host.generation
        if self._token is not None:
            facts["account"] = self._token.account
        if self._answer is not None:
            facts["upstream_id"] = upstream_id(self._answer.headers)
        if self._skipped:
            facts["skipped"] = dict(self._skipped)
        if self._first_event_at is not None:
            facts["first_event_at"] = self._first_event_at
        return facts

    def _open(self, former: GatewayError | None = None) -> None:
        """Come to the first content event; ``former`` broke the answer that is asked for again."""
        deadline = monotonic() + self._gateway.timeouts.first_event
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
        except Exception as error:  # carried to whoever waits; a greenlet has nobody to raise to
            self._failure = error
        except gevent.GreenletExit:
            pass  # carried on, its traceback would keep a socket open until a garbage collection
        finally:
            if self._closed:  # the answer may have come in the moment of closing
                self._drop_answer()

    def _drop_answer(self) -> None:
        if self._answer is not None:
            self._answer.close()

    def _negotiate(self, deadline: float) -> None:
        if self._token is None or self._host is None:
            self._token = self._gateway.credentials.token(self._conversation.session)
            self._host = self._gateway.hosts.first(self._token.region)
        while True:
            self._attempts += 1
            try:
                return self._attempt(self._token, self._host, deadline)
            except GatewayError as error:
                self._recover(error, deadline)

    def _attempt(self, token: Token, host: Host, deadline: float) -> None:
        """Send, and read until the first content event. Raises GatewayError."""
        gateway, timeouts = self._gateway, self._gateway.timeouts
        rendered = self._rendered = render(
            self._conversation,
            host=host,
            model=self._model,
            profile_arn=token.profile_arn,
            conversation_id=conversation_id(self._conversation.session),
            max_description=gateway.max_tool_description,
        )
        url, headers = host.chat()
        headers |= authorization(token.access_token, token.kind)
        left = max(deadline - monotonic(), 0.001)
        answer = self._answer = gateway.client.open(url, headers, rendered.body, timeout=left)
        gateway.hosts.worked(host)
        gateway.credentials.accepted(token)
        answer.limit(
            tick=inf, idle=timeouts.idle, deadline=deadline, setting="KIRO_FIRST_EVENT_TIMEOUT"
        )
        decoder = EventDecoder(rendered.tool_names)
        self._skipped = decoder.skipped
        self._rest = event_batches(answer, decoder)
        for batch in self._rest:
            self._held += batch
            if any(type(event) in COMMITTING for event in batch):
                break
        self._first_event_at = monotonic()
        answer.limit(
            tick=timeouts.ping,
            idle=timeouts.idle,
            deadline=self._started + timeouts.total,
            setting="KIRO_TOTAL_TIMEOUT",
        )

    def _recover(self, error: GatewayError, deadline: float) -> None:
        """Prepare another attempt as the policy says, or raise the error for good."""
        self._drop_answer()
        self._answer = None
        self._held = []
        if self._older_host(error) or self._another_token(error):
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
        if fresh.account != token.account:  # its profile may be in another region
            self._host = self._gateway.hosts.first(fresh.region)
        self._token = fresh
        return True

    def _older_host(self, error: GatewayError) -> bool:
        if self._host is None or error.code not in OLDER_HOST:
            return False
        older = self._gateway.hosts.older(self._host)
        self._host = older or self._host
        return older is not None


def conversation_id(session: str) -> str:
    """Equal for the turns of one session, if the client tells its session; the upstream keeps no
    history under it either way."""
    return str(uuid5(NAMESPACE_URL, f"kiro2api:{session}") if session else uuid4())
