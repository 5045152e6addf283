"""Addresses of clients: what counts as one, who is not counted, and whom a proxy names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.common.errors import GatewayError, Kind
from app.server.connections.addresses import ClientAddresses, ConnectionLimit
from app.settings import Settings

DEFAULT = Settings.from_env({}, dotenv_path="no-such-file").kiro_trusted_proxies


def limit(count: int = 1, trusted: str = "127.0.0.0/8, ::1, unix") -> ConnectionLimit:
    settings = Settings.from_env({"KIRO_TRUSTED_PROXIES": trusted}, dotenv_path="no-such-file")
    return ConnectionLimit(count, settings.kiro_trusted_proxies)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("192.0.2.1", 1), ("192.0.2.1", 2)),
        (("::ffff:192.0.2.1", 1, 0, 0), ("192.0.2.1", 2)),
        (("2001:db8::1", 1, 0, 0), ("2001:db8::ffff:1", 2, 0, 0)),
        (("fe80::1%eth0", 1, 0, 2), ("fe80::1%eth0", 2, 0, 2)),
    ],
)
def test_one_too_many(first: object, second: object) -> None:
    counting = limit()
    counted = counting.enter(first)
    with pytest.raises(GatewayError) as error:
        counting.enter(second)
    assert error.value.kind is Kind.OVERLOADED
    assert "KIRO_MAX_CONNECTIONS_PER_ADDRESS" in error.value.message
    counting.leave(counted)
    counting.leave(counting.enter(second))
    assert not counting._open, "an address without connections takes no memory"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("192.0.2.1", 1), ("192.0.2.2", 1)),
        (("2001:db8::1", 1, 0, 0), ("2001:db8:0:1::1", 1, 0, 0)),
    ],
)
def test_others_are_not_meant(first: object, second: object) -> None:
    counting = limit()
    assert counting.enter(first) != counting.enter(second)


@pytest.mark.parametrize(
    "peer", [("127.0.0.1", 1), ("::1", 1, 0, 0), ("::ffff:127.0.0.1", 1, 0, 0), "", b""]
)
def test_the_trusted_have_no_limit(peer: object) -> None:
    counting = limit()
    assert [counting.enter(peer) for _ in range(3)] == [""] * 3
    with pytest.raises(GatewayError):
        [limit(trusted="10.0.0.0/8").enter(peer), *map(limit(1, "10.0.0.1").enter, [peer, peer])]


def test_without_a_limit_nothing_is_counted() -> None:
    counting = limit(0)
    assert [counting.enter(("192.0.2.1", 1)) for _ in range(3)] == [""] * 3
    counting.leave("")


def test_loopback_and_unix_sockets_are_trusted_by_default() -> None:
    assert [str(peer) for peer in DEFAULT] == ["127.0.0.0/8", "::1/128", "unix"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("", "198.51.100.9", "198.51.100.9"),
        ("", None, "unix"),
        ("127.0.0.1", "203.0.113.66, 198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "203.0.113.66, 198.51.100.9, 10.0.0.2,10.0.0.1", "198.51.100.9"),
        ("127.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.2"),
        ("127.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1", "2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "203.0.113.66, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.66, _x, 10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.9, " * 200, "127.0.0.1"),
        ("fe80::1%eth0", "198.51.100.9", "fe80::1%eth0"),
    ],
)
def test_a_client_is_named_by_trusted_proxies_alone(
    peer: str, forwarded: str | None, client: str
) -> None:
    settings = Settings.from_env(
        {"KIRO_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8, unix"}, dotenv_path="no-such-file"
    )
    assert ClientAddresses(settings.kiro_trusted_proxies).of(peer, forwarded) == client


@given(peer=st.ip_addresses().map(str) | st.just(""), forwarded=st.text())
def test_any_chain_has_a_client(peer: str, forwarded: str) -> None:
    assert ClientAddresses(DEFAULT).of(peer, forwarded)
