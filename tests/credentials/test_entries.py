"""The members of an entry, and what is reported about a bad one."""

import json
from pathlib import Path

import pytest

from tests.credentials.home import LONG, choose, the_login, write_token_file
from tests.credentials.service import refresh_token


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("text", "a login must be a JSON object"),
        ({}, "refreshToken is missing"),
        ({"refreshToken": 5}, "refreshToken must be a string"),
        ({"refreshToken": "two words"}, "refreshToken contains a space"),
        ({"refreshToken": "line\nbreak"}, "refreshToken contains a space, a line break"),
        ({"refreshToken": LONG, "authMethod": "magic"}, "authMethod must be"),
        ({"refreshToken": LONG, "auth": "IdC"}, "clientId is missing"),
        ({"refreshToken": LONG, "auth": "IdC", "clientId": "x"}, "clientSecret is missing"),
        (
            {"refreshToken": LONG, "auth": "external_idp", "clientId": "x"},
            "tokenEndpoint is missing",
        ),
        ({"auth": "api_key"}, "apiKey is missing"),
        ({"refreshToken": LONG, "expiresAt": "soon"}, "expiresAt is not a time"),
        ({"refreshToken": LONG, "disabled": "yes"}, "disabled must be true or false"),
        ({"refreshToken": LONG, "region": "evil.example/"}, "region must be an AWS region such as"),
        ({"refreshToken": LONG, "region": "us-east-1.evil.example"}, "region must be"),
        ({"refreshToken": LONG, "region": "us-east-1@evil.example#"}, "region must be"),
        ({"apiKey": "ksk_1", "region": "evil.example/"}, "region must be"),
        (
            {"refreshToken": LONG, "profileArn": "arn:aws:codewhisperer:evil.example/:1:profile/X"},
            "the region in profileArn must be an AWS region such as us-east-1",
        ),
    ],
)
def test_a_bad_entry_is_named_and_takes_no_good_one_with_it(
    home: Path, entry: object, problem: str
) -> None:
    text = json.dumps([{"apiKey": "ksk_good"}, entry, {"refreshToken": refresh_token(2)}])
    found = choose(KIRO_AUTH_TOKEN=text).result
    assert [login.source for login in found.logins] == [
        "KIRO_AUTH_TOKEN entry 1",
        "KIRO_AUTH_TOKEN entry 3",
    ]
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"KIRO_AUTH_TOKEN entry 2: {problem}")


def test_an_idc_login_finds_its_registration_beside_the_token_file(home: Path) -> None:
    path = write_token_file(home, authMethod="IdC", region="eu-west-3", clientIdHash="0a1b")
    assert "clientIdHash" in choose().result.problems[0]
    (path.parent / "0a1b.json").write_text(json.dumps({"clientId": "i", "clientSecret": "s"}))
    login = the_login(choose())
    assert (login.kind, login.region, login.client_id, login.client_secret) == (
        "idc", "eu-west-3", "i", "s",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".", "a.json"])
def test_a_registration_elsewhere_is_not_read(home: Path, name: str) -> None:
    write_token_file(home, authMethod="IdC", clientIdHash=name)
    assert "not a plain file name" in choose().result.problems[0]


def test_a_byte_order_mark_is_no_damage(home: Path) -> None:
    path = write_token_file(home)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert the_login(choose()).grant.refresh_token == LONG
