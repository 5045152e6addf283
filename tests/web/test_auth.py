import pytest

from app.errors import GatewayError, Kind
from app.web.auth import Doorkeeper, is_loopback

KEY = "s3cret"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"Authorization": KEY},
        {"x-api-key": KEY},
        {"Authorization": "Bearer wrong", "x-api-key": KEY},
        {"Authorization": f"Bearer {KEY}", "x-api-key": "wrong"},
    ],
)
def test_one_right_key_is_enough(headers: dict[str, str]) -> None:
    Doorkeeper(KEY, only_loopback=False).check(headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": ""}, {"Authorization": "Bearer "}, {"x-api-key": "größe\udcff"}],
)
def test_no_right_key_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(GatewayError) as refused:
        Doorkeeper(KEY, only_loopback=False).check(headers)
    assert refused.value.kind is Kind.AUTHENTICATION


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("[::1]:8080", True),
        ("http://localhost:3000", True),
        ("app.localhost", True),
        ("127.0.0.1.evil.example", False),
        ("evil.example", False),
        ("https://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_loopback(value: str, expected: bool) -> None:
    assert is_loopback(value) is expected


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_the_default_key_is_for_this_machine_only(name: str) -> None:
    headers = {"x-api-key": KEY, name: "https://evil.example"}
    with pytest.raises(GatewayError) as refused:
        Doorkeeper(KEY, only_loopback=True).check(headers)
    assert refused.value.kind is Kind.PERMISSION
    Doorkeeper(KEY, only_loopback=False).check(headers)
