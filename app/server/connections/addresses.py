"""How many connections one address may have open in this worker,
``KIRO_MAX_CONNECTIONS_PER_ADDRESS``.

Peers in ``KIRO_TRUSTED_PROXIES`` carry the requests of many clients and have no such limit. The
addresses of one IPv6 network of 64 bits, which is what a single customer gets, count as one.
"""

import ipaddress
from collections import Counter
from functools import lru_cache

from app.errors import GatewayError, Kind

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""Stands for all peers of a unix socket among the trusted."""

CUSTOMER = 64
"""Bits of an IPv6 address that count."""


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


def _counted(host: str, trusted: tuple[Network | str, ...]) -> str:
    """What to count a peer as; "" for a trusted one. ``host`` is "" on a unix socket."""
    if not host:
        return "" if UNIX in trusted else UNIX
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in trusted if not isinstance(network, str)):
        return ""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, CUSTOMER), strict=False))
