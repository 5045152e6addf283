"""Which addresses a client may have this gateway ask: those of the public internet, and no others.

An address that carries another one inside (IPv4 mapped into IPv6, 6to4, Teredo, NAT64) is never
asked, whatever is inside. Source: IANA's registries of special-purpose addresses (RFC 6890) and of
global unicast addresses of IPv6.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final

_SPECIAL: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a carrier (CGNAT); Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, from inside a virtual machine
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL: Final = IPv6Network("2000::/3")
"""All of IPv6 that is assigned to public hosts: not loopback, unique local (fc00::/7), link-local,
multicast, NAT64 (64:ff9b::/96, 64:ff9b:1::/48) or mapped IPv4 (::ffff:0:0/96)."""
_SPECIAL_IN_GLOBAL: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether this numeric address is one of the public internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _SPECIAL)
    return found in _GLOBAL and not any(found in network for network in _SPECIAL_IN_GLOBAL)
