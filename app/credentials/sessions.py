"""Which account serves which conversation, for as many conversations as are worth remembering."""

from collections import OrderedDict
from hashlib import blake2b

_MOST = 10_000


class Sessions:
    """Names of accounts by the client's name of the session; "" is no session."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[bytes, str] = OrderedDict()

    def account(self, session: str) -> str:
        """The account that serves the conversation, "" if none does yet."""
        return self._accounts.get(_key(session), "") if session and self._accounts else ""

    def remember(self, session: str, account: str) -> None:
        """The account serves the conversation from now on."""
        if session:
            key = _key(session)
            self._accounts[key] = account
            self._accounts.move_to_end(key)
            if len(self._accounts) > _MOST:
                self._accounts.popitem(last=False)


def _key(session: str) -> bytes:
    """A hash, since clients choose the length of a session's name."""
    return blake2b(session.encode("utf-8", "surrogatepass"), digest_size=16).digest()
