"""The interface of an upstream, a service that runs models.

:mod:`app.gateway` handles accounts, retries and deadlines and uses an upstream only through these
protocols; the service's hosts, bodies and errors stay behind them. The one implementation is
:class:`app.codewhisperer.upstream.CodeWhisperer`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from app.common.errors import GatewayError
from app.core.conversation import Conversation, WebPage
from app.core.events import Event
from app.core.explanation import Repair
from app.models.model import Model


class AccessToken(Protocol):
    """What a call needs from an account: its token and what the service wants sent with it.

    ``kind`` is how the account signed in. ``region`` is that of the API, None if not known.
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


class Tap(Protocol):
    """Is shown what a call sends to the service and reads from it, as it happens."""

    def sent(self, url: str, body: bytes) -> None:
        """A request is about to be sent."""

    def responded(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of its response was read."""

    def read(self, data: bytes) -> None:
        """Bytes of the body of the response; b"" for a tick of silence."""

    def ended(self, complete: bool) -> None:
        """The body ended by itself; ``complete``: HTTP proved it whole."""


class Prepared(Struct, frozen=True, kw_only=True):
    """What a call would send first: the JSON of the ``request``, without what names the account,
    to the ``host``, as a question to the model that the service knows as ``model``.
    ``bounds_output`` as for :class:`UpstreamCall`.
    """

    host: str
    model: str
    request: dict[str, Any]
    repairs: tuple[Repair, ...]
    bounds_output: bool


class UpstreamCall(Protocol):
    """One conversation with the service. It may be sent again after a failure."""

    @property
    def repairs(self) -> tuple[str, ...]:
        """Names of what was rewritten so that the service accepts the conversation."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of what has no effect in the conversation."""

    @property
    def bounds_output(self) -> bool:
        """Whether the service itself keeps the conversation's ``max_tokens``, as it was sent."""

    def prepare(self, token: AccessToken) -> Prepared:
        """What :meth:`send` would send now; sends nothing. Raises GatewayError as it does."""

    def send(self, token: AccessToken, deadline: float) -> None:
        """Send the conversation; returns when the service has accepted it.

        ``deadline`` (on the monotonic clock) limits the wait for the acceptance and for the first
        content. Raises GatewayError.
        """

    def fall_back(self, error: GatewayError) -> bool:
        """After a failed :meth:`send`: switch to another way to reach the service, such as an older
        host, if this error calls for one. False if nothing changed.
        """

    def batches(self) -> Iterator[Sequence[Event]]:
        """The answer as batches of events, of which Finish is the last; an empty batch for each
        ping interval without data. Raises GatewayError where the answer breaks.
        """

    def answering(self, *, deadline: float) -> None:
        """Call this after the first content: from then on the limits of a running answer apply, and
        the whole answer must end by ``deadline`` (on the monotonic clock).
        """

    def facts(self) -> Mapping[str, Any]:
        """Facts about the call for the log."""

    def close(self) -> None:
        """Cancel the call if it is still in progress, so that it costs nothing more. Idempotent."""


class Upstream(Protocol):
    """A service that runs models."""

    def open(
        self, conversation: Conversation, model: Model, tap: Tap | None = None
    ) -> UpstreamCall:
        """Create a call without sending it; does no IO. ``tap`` is shown its bytes."""

    def search_web(self, query: str, token: AccessToken, deadline: float) -> Sequence[WebPage]:
        """The pages that the service finds for a query, the best first. ``deadline`` is on the
        monotonic clock. Raises GatewayError.
        """
