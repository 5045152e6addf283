"""The token of one request: the first, and another one after a failure."""

from app.common.errors import GatewayError, Kind

from .model import Token
from .pool import Credentials


class RequestToken:
    """Of a request of the conversation ``session``. ``now`` is None until one was chosen."""

    def __init__(self, credentials: Credentials, session: str) -> None:
        self._credentials = credentials
        self._session = session
        self._refreshed: set[str] = set()  # accounts
        self.now: Token | None = None

    @property
    def account(self) -> str:
        """Of the token, "" before one was chosen."""
        return self.now.account if self.now else ""

    def choose(self, lacking: frozenset[str]) -> Token:
        """Take a token of an account that is not ``lacking`` what is asked for. Raises GatewayError
        as :meth:`.Credentials.token` does.
        """
        self.now = self._credentials.token(self._session, lacking)
        return self.now

    def preview(self, lacking: frozenset[str]) -> Token:
        """Take the token that :meth:`choose` would take, for a request that is not sent."""
        self.now = self._credentials.preview(self._session, lacking)
        return self.now

    def another(self, error: GatewayError) -> bool:
        """Take another token after a failure, False if that makes no sense. Each account is
        refreshed once for a request.
        """
        token = self.now
        if token is None:
            return False
        if error.kind is Kind.REFUSED_TOKEN:
            if token.account in self._refreshed:
                return False
            self._refreshed.add(token.account)
            fresh = self._credentials.refused(token, error)
        else:
            fresh = self._credentials.failed(token, error)
        if fresh is None:
            return False
        self.now = fresh
        return True
