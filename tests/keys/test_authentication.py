from datetime import timedelta
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.keys import key_file
from app.keys.authentication import AUTHORIZATION, Authenticator, is_loopback
from app.keys.key_file import OWN, ClientKey, KeyFile

KEY = "s3cret"
HEADERS = (AUTHORIZATION, "x-api-key")


def authenticator(
    own: str | None, file: KeyFile | None = None, *, only_loopback: bool = False
) -> Authenticator:
    return Authenticator(own, file, key_headers=HEADERS, only_loopback=only_loopback)


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
    assert authenticator(KEY).check(headers).name == OWN


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": ""}, {"Authorization": "Bearer "}, {"x-api-key": "größe\udcff"}],
)
def test_no_right_key_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(GatewayError) as refused:
        authenticator(KEY).check(headers)
    assert refused.value.kind is Kind.AUTHENTICATION


@pytest.mark.parametrize(
    "headers", [{"x-api-key": KEY}, {"Authorization": KEY}, {"x-goog-api-key": f"Bearer {KEY}"}]
)
def test_only_the_headers_that_it_was_given_bring_a_key(headers: dict[str, str]) -> None:
    """A dialect names its own. Only Authorization has a scheme before the key."""
    google = Authenticator(KEY, key_headers=["x-goog-api-key"], only_loopback=False)
    assert google.check({"x-goog-api-key": KEY}).name == OWN
    with pytest.raises(GatewayError, match=r"as 'x-goog-api-key: <key>'\.$"):
        google.check(headers)


def test_a_refusal_says_how_to_send_the_key() -> None:
    with pytest.raises(GatewayError) as refused:
        authenticator(KEY).check({})
    assert refused.value.message.endswith("as 'Authorization: Bearer <key>' or 'x-api-key: <key>'.")


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
        ("[", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_loopback(value: str, expected: bool) -> None:
    assert is_loopback(value) is expected


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_the_default_key_is_for_this_machine_only(name: str) -> None:
    headers = {"x-api-key": KEY, name: "https://evil.example"}
    with pytest.raises(GatewayError) as refused:
        authenticator(KEY, only_loopback=True).check(headers)
    assert refused.value.kind is Kind.PERMISSION
    authenticator(KEY).check(headers)


class TestKeysOfAFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> KeyFile:
        path = tmp_path / "keys.json"
        members = [
            ClientKey("alice", key_file.digest("of alice")),
            ClientKey(
                "late", key_file.digest("of late"), expires=key_file.now() - timedelta(seconds=1)
            ),
            ClientKey(
                "soon", key_file.digest("of soon"), expires=key_file.now() + timedelta(hours=1)
            ),
        ]
        key_file.change(path, lambda _: members)
        return KeyFile(path)

    @pytest.mark.parametrize(
        ("headers", "name"),
        [
            ({"x-api-key": "of alice"}, "alice"),
            ({"Authorization": "Bearer of soon"}, "soon"),
            ({"Authorization": f"Bearer {KEY}"}, OWN),
            ({"x-api-key": "of late", "Authorization": "of alice"}, "alice"),
        ],
    )
    def test_whose_request_it_is(self, file: KeyFile, headers: dict[str, str], name: str) -> None:
        assert authenticator(KEY, file).check(headers).name == name

    def test_an_expired_key_is_told_apart(self, file: KeyFile) -> None:
        with pytest.raises(GatewayError, match="'late' expired on") as refused:
            authenticator(KEY, file).check({"x-api-key": "of late"})
        assert refused.value.kind is Kind.AUTHENTICATION

    @pytest.mark.parametrize("given", [KEY, "", "of bob", key_file.digest("of alice")])
    def test_without_a_key_of_the_owner(self, file: KeyFile, given: str) -> None:
        with pytest.raises(GatewayError) as refused:
            authenticator(None, file).check({"x-api-key": given})
        assert refused.value.kind is Kind.AUTHENTICATION
