"""Sends a conversation to the upstream: token, retry by the policy of :mod:`app.retry`, cancel.

With ``falls_back``, an answer that is refused without content is asked for once more, of the
model that the service names for that. If that fails too, the client gets the refusal.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any, TypeAlias
from weakref import ref

import gevent

from app.catalogue.choice import ModelChoice
from app.common.errors import POLICY, GatewayError, Kind, stopped
from app.common.finished import Tries
from app.common.runners import Runners, Task
from app.core.conversation import Conversation
from app.core.events import COMMITTING, Event, Finish
from app.core.limits import Limits, limited
from app.core.tokens.prompt import UNMEASURED, measure
from app.core.tokens.told import ToldPrompts
from app.credentials import Credentials, RequestToken, Token
from app.models.model import Model
from app.retry import LIST_PAUSE, MAX_ATTEMPTS, after_refusal, pause_after
from app.upstream import Prepared, Tap, Upstream

log = logging.getLogger("kiro2api.upstream")

Open: TypeAlias = Callable[[Conversation, Any], "GatewayCall"]
"""Opens the call of a conversation, whose bytes the second argument, a tap or None, is shown."""


@dataclass(kw_only=True, eq=False)
class Gateway:
    """Opens calls. One per worker, shared by its greenlets.

    ``first_event`` and ``total`` are time limits in seconds from the start of a request: for its
    first content event and for the end of its answer. ``falls_back``: after a refusal another model
    is asked. ``may_use(id)``: whether the client may have an answer of a model that it did not
    name. ``run(size, call, ...)`` calls what takes long for a request of many bytes.
    """

    upstream: Upstream
    credentials: Credentials
    models: ModelChoice
    first_event: float
    total: float
    falls_back: bool = False
    may_use: Callable[[str], bool] = lambda model: True
    sleep: Callable[[float], object] = gevent.sleep
    run: Callable[..., Any] = lambda size, call, *arguments: call(*arguments)
    told: ToldPrompts = field(default_factory=ToldPrompts)
    runners: Runners = field(default_factory=Runners)

    def open(self, conversation: Conversation, tap: Tap | None = None) -> "GatewayCall":
        """An upstream call, whose bytes ``tap`` is shown. It begins when it is waited for, and its
        failures are raised by :meth:`GatewayCall.wait`.
        """
        return GatewayCall(self, conversation, tap).started()

    def prepare(self, conversation: Conversation, tap: Tap | None = None) -> "GatewayCall":
        """The call as :meth:`open` makes it, not started. Raises GatewayError INVALID_MODEL."""
        return GatewayCall(self, conversation, tap)


class GatewayCall:
    """One conversation in progress. A greenlet beside that of the request opens it, so that the
    client can be sent headers and pings meanwhile, unless it is waited for without a limit. The
    greenlet has the request's context variables, by which log lines carry the request's id.
    """

    def __init__(self, gateway: Gateway, conversation: Conversation, tap: Tap | None) -> None:
        """Raises GatewayError INVALID_MODEL."""
        self._gateway = gateway
        resolution = self.resolution = gateway.models.choose(conversation.model)
        conversation = self._conversation = resolution.apply(conversation)
        model = self._model = resolution.model
        self._prompt = gateway.run(conversation.size, measure, conversation, model.current_id)
        self._limits = gateway.run(conversation.size, Limits, conversation)
        self.meter = gateway.told.meter(self._prompt, partial(_window_of, ref(self)))
        self.meter.answers(model.current_id, model.context_window)
        self._started = monotonic()
        self._first_event_at: float | None = None
        self._attempts, self._tries = 0, Tries()
        self._chose_again = False
        self._token = RequestToken(gateway.credentials, conversation.session)
        self._cut_by = ""
        self._tap = tap
        self._call = gateway.upstream.open(conversation, model, tap)
        self._fallback_note: tuple[str, ...] | None = None  # None until one was asked
        self._held: list[Event] = []
        self._rest: Iterator[Sequence[Event]] = iter(())
        self._failure: Exception | None = None
        self._retried = self._closed = False
        self._opening: Task | None = None

    def started(self) -> "GatewayCall":
        """The call itself, which may be waited for. Call this once."""
        self._opening = self._gateway.runners.task(self._open)
        return self

    def prepared(self) -> tuple[Token, Prepared] | None:
        """What a call that was not started would send, and with which token; None if it would ask
        the upstream nothing. Raises GatewayError as the call would.
        """
        if self._conversation.max_tokens == 0:
            return None
        try:
            token = self._token.preview(self._gateway.models.lacking(self._model))
            return token, self._call.prepare(token)
        except GatewayError as error:
            self._account_for(error)
            raise

    def wait(self, seconds: float) -> bool:
        """Wait for the first content event; False if it did not come within ``seconds``. With inf
        the call is opened in the greenlet that waits.

        Raises the GatewayError that the retry policy ended with.
        """
        is_over = self._opening is not None and self._opening.wait(seconds)
        if self._failure is not None:
            raise self._failure
        return is_over

    def batches(self) -> Iterator[Sequence[Event]]:
        """Batches of events as they arrive; an empty batch for each ping interval without data.

        Raises GatewayError where the answer breaks; the events before the break are yielded first.
        """
        batches: Iterator[Sequence[Event]] = chain([self._held], self._rest)
        machines = self._limits.machines(self.meter.estimator, bounded=self._call.bounds_output)
        if machines:
            batches = limited(batches, machines, self._cut)
        for batch in batches:
            self.meter.feed(batch)
            yield batch
        self._gateway.told.learn(self._prompt, self.meter.counts())

    def _cut(self, limit: str) -> None:
        """A limit has ended the answer before the upstream did."""
        self._cut_by = limit
        self._call.close()

    def retry(self, error: GatewayError) -> bool:
        """Retry after the answer broke with ``error``, for a client that has received nothing of
        it yet. False if the retry policy does not allow it; it is allowed once.
        """
        may = POLICY[error.kind].retry and self._attempts < MAX_ATTEMPTS
        if self._first_event_at is None or self._retried or not may:
            return False
        self._retried = True
        self._held = []  # the meter has it already
        self._first_event_at = None
        self.meter.restart()
        self._opening = self._gateway.runners.task(partial(self._open, error))
        return True

    def close(self) -> None:
        """Cancel the call if it is still in progress, so that it costs nothing more. Idempotent."""
        self._closed = True
        self._tries.end()
        self._failure = None  # its traceback refers to this call: a cycle would keep the request
        if self._opening is None or self._opening.is_over:
            self._call.close()
        else:
            self._opening.cancel()

    @property
    def repairs(self) -> tuple[str, ...]:
        """Names of what was rewritten so that the upstream accepts the conversation."""
        return self._conversation.notes + (self._fallback_note or ()) + self._call.repairs

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of request members and features without effect."""
        return self._conversation.ignored + self._call.ignored

    def facts(self) -> dict[str, Any]:
        """Facts for the log: ``first_event_at`` on the monotonic clock, ``cut_by`` the limit by
        which the gateway ended the answer, and others."""
        facts: dict[str, Any] = {"model": self._model.id, "attempts": self._attempts}
        facts["tries"] = self._tries.made
        if account := self._token.account:
            facts["account"] = account
        if self._cut_by:
            facts["cut_by"] = self._cut_by
        facts |= self._call.facts()
        if self._first_event_at is not None:
            facts["first_event_at"] = self._first_event_at
        return facts

    def _open(self, earlier: GatewayError | None = None) -> None:
        """Get to the first content event. In a retry, ``earlier`` is what broke the last answer."""
        deadline = monotonic() + self._gateway.first_event
        try:
            if earlier is not None and not self._recover(earlier, deadline):
                raise earlier
            if self._conversation.max_tokens == 0:  # a client may ask for nothing, to test its key
                self._held, self._cut_by = [Finish("max_tokens")], "max_tokens"
            else:
                self._negotiate(deadline)
        except GatewayError as error:
            self._account_for(error)
            self._failure = error
        except Exception as error:  # wait() raises it in the request's greenlet
            self._failure = error
        except gevent.GreenletExit:  # if it propagated, its traceback would keep a socket open
            self._failure = stopped()
        except BaseException:  # SystemExit, of a signal that came while this greenlet ran
            self._failure = stopped()
            raise
        finally:
            earlier = None  # the traceback of the failure refers to this frame
            if self._closed:  # the answer may have arrived while close() ran
                self._call.close()

    def _account_for(self, error: GatewayError) -> None:
        """Count no usage, and tell the figures of a conversation that is too long."""
        if error.kind is not Kind.CANCELLED:
            self.meter.failed()
        if error.kind is Kind.CONTEXT_TOO_LONG and (window := self._window(None)):
            tokens = self.meter.input_estimate
            error.overrun = (tokens, window) if tokens > window else None

    def _negotiate(self, deadline: float) -> None:
        token = self._token.now or self._token.choose(self._gateway.models.lacking(self._model))
        while True:
            self._attempts += 1
            try:
                return self._attempt(token, deadline)
            except GatewayError as error:
                if not self._recover(error, deadline):
                    raise
            token = self._token.now or token

    def _attempt(self, token: Token, deadline: float) -> None:
        """Send the conversation and read until the first content event. Raises GatewayError."""
        call = self._call
        self._tries.begin(token.account, self._model.id)
        call.send(token, deadline)
        self._gateway.credentials.accepted(token)
        self._rest = call.batches()
        for batch in self._rest:
            self._held += batch
            if any(type(event) in COMMITTING for event in batch):
                break
        instead = self._refusal_fallback(token.account)
        if instead is None or not self._ask_instead(instead, token, deadline):
            self._first_event_at = monotonic()
            call.answering(deadline=self._started + self._gateway.total)

    def _refusal_fallback(self, account: str) -> Model | None:
        """The model to ask instead, if one is to be asked and none was yet."""
        if not self._gateway.falls_back or self._fallback_note is not None:
            return None
        name = after_refusal(self._held, self._model)
        found = self._gateway.models.other(name, self._model, account) if name else None
        return found if found and self._gateway.may_use(found.id) else None

    def _ask_instead(self, model: Model, token: Token, deadline: float) -> bool:
        """Get to the first content of this model's answer. False, with everything as it was, if
        that fails.
        """
        refused = self._held, self._model, self._call
        self._call.close()
        self._attempts += 1
        self._fallback_note, self._held = (), []
        self._use(model)
        try:
            self._attempt(token, deadline)
        except GatewayError as error:
            log.info("The model for refused requests, %s, failed too: %s", model.id, error)
            self._tries.end(error.kind)
            self._call.close()
            self._write_off(self._held)
            self._held, self._model, self._call = refused
            self.meter.answers(self._model.current_id, self._model.context_window)
            self._rest = iter(())
            return False
        self._write_off(refused[0])
        self._fallback_note = (f"refusal_fallback:{model.id}",)
        return True

    def _write_off(self, events: Sequence[Event]) -> None:
        """Count what an attempt has cost whose answer no client gets."""
        self.meter.feed(events)
        self.meter.restart()

    def _recover(self, error: GatewayError, deadline: float) -> bool:
        """Prepare another attempt. False if the retry policy allows none."""
        self._call.close()
        self._tries.end(error.kind)
        self._write_off(self._held)
        self._held = []
        is_in_doubt = error.kind is Kind.INVALID_MODEL and self._doubt_model()
        if self._call.fall_back(error) or self._token.another(error):
            return True
        pause = LIST_PAUSE if is_in_doubt else pause_after(error, self._attempts)
        if pause is None or monotonic() + pause >= deadline:
            return False
        self._gateway.sleep(pause)
        if is_in_doubt:
            self._choose_again()
        return True

    def _doubt_model(self) -> bool:
        """Have the list of the account's models read again. Whether the refused model may be asked
        once more: the list may be old, or the refusal wrong.
        """
        return (
            self._gateway.models.doubt(self._token.account, self._model) and not self._chose_again
        )

    def _choose_again(self) -> None:
        """Choose the model from the list that was read again, and an account that has it."""
        self._chose_again = True
        models = self._gateway.models
        found = models.choose(self._conversation.model)
        if found.model != self._model and self._gateway.may_use(found.model.id):
            self._conversation = found.apply(self._conversation)
            self._use(found.model)
            self._token.choose(models.lacking(found.model))

    def _use(self, model: Model) -> None:
        """Ask this model from now on."""
        self._model, self._prompt = model, UNMEASURED
        self.meter.answers(model.current_id, model.context_window)
        self._call = self._gateway.upstream.open(self._conversation, model, self._tap)

    def _window(self, upstream_id: str | None) -> int | None:
        """The context window that this model, or the one asked for, has for the account."""
        models = self._gateway.models
        return models.window(self._token.account, upstream_id or self._model.current_id)


def _window_of(call: "ref[GatewayCall]", upstream_id: str | None) -> int | None:
    """For the call's own meter: with a plain reference to the call, the two would keep each other,
    and the request with its files, until a collection.
    """
    found = call()
    return found._window(upstream_id) if found else None
