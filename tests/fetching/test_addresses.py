"""Only addresses of the public internet are asked."""

import pytest

from app.fetching.addresses import is_public


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.1.2.3",
     "2606:4700::1111", "2a00:1450:4001:800::200e", "2001:4860:4860::8888"],
)  # fmt: skip
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9",
     "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
     "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
     "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_special(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8",  # IPv4, mapped and compatible
        "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::7f00:1",  # NAT64
        "2002:7f00:1::", "2002:808:808::1",  # 6to4
        "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1",
    ],
)  # fmt: skip
def test_special_in_ipv6(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "8.8.8.8:80", "0x7f.1", "2130706433"])
def test_what_is_no_numeric_address(address: str) -> None:
    assert not is_public(address)
