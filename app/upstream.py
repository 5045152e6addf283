"""The door to an upstream, a service that runs models: all that the gateway asks of one.

:mod:`app.gateway` keeps accounts, retries and deadlines, and knows an upstream by these protocols
alone. What the service's hosts, bodies and errors look like stays behind them;
:class:`app.codewhisperer.upstream.CodeWhisperer` is the one that exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from app.core.conversation import Conversation
from app.core.events import Event
from app.errors import GatewayError
from app.models.table import Model


class AccessToken(Protocol):
    """What a call needs of an account: its token, and what the service must be told with it.
    ``region`` is the API's, None if nothing names it.
    """

    @property
    def access_token(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def profile_arn(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...


class UpstreamCall(Protocol):
    """One conversation with the service, sent once or, after a failure, again."""

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was rewritten so that the service takes the conversation, by name."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """What of the conversation has no effect, by name."""

    def send(self, token: AccessToken, deadline: float) -> None:
        """Send the conversation; returns when the service has accepted it. ``deadline`` is by the
        monotonic clock, for the acceptance and for the silence before the first content.

        Raises GatewayError.
        """

    def fall_back(self, error: GatewayError) -> bool:
        """After a failed :meth:`send`: whether the next one will go another way, such as to an
        older host, because of this error.
        """

    def batches(self) -> Iterator[Sequence[Event]]:
        """The answer: events read together, the last of them Finish; an empty batch at a tick of
        silence. Raises GatewayError where the answer breaks.
        """

    def answering(self, *, deadline: float) -> None:
        """The first content has come; from now on the limits of a running answer hold, and
        ``deadline`` (monotonic) is when the whole answer must have come.
        """

    def facts(self) -> Mapping[str, Any]:
        """What the log may say of the call."""

    def close(self) -> None:
        """End the call, and with it what it costs. Idempotent."""


class Upstream(Protocol):
    """A service that runs models."""

    def open(self, conversation: Conversation, model: Model) -> UpstreamCall:
        """A call that has not been sent yet; does no IO."""
