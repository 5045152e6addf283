"""Addresses of clients: how many connections one may have open in this worker
(``KIRO_MAX_CONNECTIONS_PER_ADDRESS``), and which client asks through a proxy.

Peers in ``KIRO_TRUSTED_PROXIES`` carry the requests of many clients and have no such limit; they
are believed when they name the client. The addresses of one IPv6 network of 64 bits, which is what
a single customer gets, count as one.
"""

import ipaddress
from collections import Counter
from functools import lru_cache

from app.common.errors import GatewayError, Kind

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""Stands for all peers of a unix socket among the trusted."""

CUSTOMER = 64
"""Bits of an IPv6 address that count."""

LONGEST_CHAIN = 1024
"""Characters of an ``X-Forwarded-For`` that is read."""


class ConnectionLimit:
    """The open connections of each address. ``limit`` 0: no limit, and nothing is counted."""

    def __init__(self, limit: int, trusted: tuple[Network | str, ...]) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()
        self._counted = lru_cache(maxsize=4096)(lambda host: _counted(host, trusted))

    def enter(self, peer: object) -> str:
        """Count a connection; give the result to :meth:`leave`. ``peer``: the address as the socket
        has it. Raises GatewayError OVERLOADED for one too many."""
        if not self._limit:
            return ""
        address: str = self._counted(peer[0] if isinstance(peer, tuple) else "")
        if address:
            if self._open[address] >= self._limit:
                raise GatewayError(
                    Kind.OVERLOADED,
                    f"Your address has {self._limit} connections open in this worker, which is "
                    "KIRO_MAX_CONNECTIONS_PER_ADDRESS. Close some, and try again.",
                    retry_after=1,
                )
            self._open[address] += 1
        return address

    def leave(self, address: str) -> None:
        """The connection was closed."""
        if address:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


class ClientAddresses:
    """Which client asks. ``trusted`` are the proxies whose ``X-Forwarded-For`` is believed."""

    def __init__(self, trusted: tuple[Network | str, ...]) -> None:
        self._resolved = lru_cache(maxsize=4096)(
            lambda peer, forwarded: _client(peer, forwarded, trusted)
        )

    def of(self, peer: str, forwarded: str | None) -> str:
        """The client's address. ``peer``: the address of the connection, "" on a unix socket.
        ``forwarded``: the value of ``X-Forwarded-For``, to which each proxy adds its own peer; a
        client can write anything before those.
        """
        return self._resolved(peer, forwarded)


def _client(peer: str, forwarded: str | None, trusted: tuple[Network | str, ...]) -> str:
    """The last address of the chain that is no trusted proxy; the first one if all are. What is no
    address ends the chain, and so does a header of absurd length."""
    client = peer or UNIX
    if not forwarded or len(forwarded) > LONGEST_CHAIN:
        return client
    for named in reversed(forwarded.split(",")):
        if not _is_trusted(client, trusted):
            break
        if (found := _without_port(named.strip())) is None:
            break
        client = found
    return client


def _without_port(named: str) -> str | None:
    """The address in ``203.0.113.7``, ``203.0.113.7:49152``, ``2001:db8::7`` or
    ``[2001:db8::7]:49152``, in its usual spelling; None if there is none."""
    if named.startswith("["):
        named = named[1:].partition("]")[0]
    elif named.count(":") == 1:
        named = named.partition(":")[0]
    try:
        return str(_address(named))
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def _is_trusted(host: str, trusted: tuple[Network | str, ...]) -> bool:
    if host == UNIX:
        return UNIX in trusted
    address = _address(host)
    return any(address in network for network in trusted if not isinstance(network, str))


def _counted(host: str, trusted: tuple[Network | str, ...]) -> str:
    """What to count a peer as; "" for a trusted one. ``host`` is "" on a unix socket."""
    if _is_trusted(host or UNIX, trusted):
        return ""
    if not host:
        return UNIX
    address = _address(host)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, CUSTOMER), strict=False))
