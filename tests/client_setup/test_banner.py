"""What ``serve`` prints: every line works in a shell as it is, and says nothing that is not so."""

import json
import re
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from app.catalogue.assembly import listed_models
from app.catalogue.record import Record, encode
from app.client_setup import banner, defaults
from app.client_setup.gateway import key_of, local_url
from app.models.catalogue import STATIC, Catalogue
from app.settings import Settings


def settings(tmp_path: Path, dotenv: str = "", **environ: str) -> Settings:
    path = tmp_path / ".env"
    path.write_text(dotenv)
    return Settings.from_env(environ, path)


def shown(found: Settings) -> str:
    """What a shell makes of the key in the lines."""
    text = "\n".join(banner.welcome(found, None, is_simulated=False))
    line = re.search(r"^  export (ANTHROPIC_AUTH_TOKEN=.*)$", text, re.MULTILINE)
    assert line
    script = f'{line[1]}; printf %s "$ANTHROPIC_AUTH_TOKEN"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd="/", check=True)
    return done.stdout


def test_the_default_key_is_printed(tmp_path: Path) -> None:
    assert shown(settings(tmp_path)) == "123456"


def test_a_key_in_a_file_is_read_from_it(tmp_path: Path) -> None:
    path = tmp_path / "the key"
    path.write_text("my own key\n")
    assert shown(settings(tmp_path, KIRO_CLIENT_TOKEN_FILE=str(path))) == "my own key"


@pytest.mark.parametrize("line", ["KIRO_CLIENT_TOKEN=my-own.key", "A=1\nKIRO_CLIENT_TOKEN=k+/=\n"])
def test_a_key_in_dotenv_is_read_from_it(tmp_path: Path, line: str) -> None:
    found = settings(tmp_path, line)
    assert shown(found) == found.kiro_client_token


@pytest.mark.parametrize(
    "line", ["KIRO_CLIENT_TOKEN='my own'", "KIRO_CLIENT_TOKEN=a\nKIRO_CLIENT_TOKEN=b", " A=1"]
)
def test_any_other_key_is_told_in_words_and_not_shown(tmp_path: Path, line: str) -> None:
    found = settings(tmp_path, line, **({"KIRO_CLIENT_TOKEN": "secret"} if "A=" in line else {}))
    key = key_of(found)
    where = "the environment" if "A=" in line else str(tmp_path / ".env")
    assert not key.is_known
    assert f"YOUR_KEY is the value of KIRO_CLIENT_TOKEN in {where}" in key.note
    text = "\n".join(banner.welcome(found, None, is_simulated=False))
    assert key.note in text
    assert "$" not in text
    assert found.kiro_client_token not in re.sub("KIRO_CLIENT_TOKEN|YOUR_KEY", "", text).split()


def test_with_a_keys_file_alone_a_key_is_made(tmp_path: Path) -> None:
    found = settings(tmp_path, KIRO_CLIENT_KEYS_FILE="keys.json")
    assert "keys add NAME" in key_of(found).note


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://localhost:8080"),
        ("::", "http://localhost:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_the_address_reaches_the_server_from_here(tmp_path: Path, host: str, url: str) -> None:
    assert local_url(settings(tmp_path, HOST=host)) == url


def test_the_simulator_is_announced_with_every_way_to_log_in(tmp_path: Path) -> None:
    found = settings(tmp_path, "KIRO_API_KEY=ksk_aaaaaaaaaaaaaaaaaaaa", KIRO_API_KEY="")
    text = banner.simulated(found)
    assert "kiro2api usage` does not count it" in text
    for way in (
        "login", "--start-url", "--social google", "KIRO_API_KEY=", "KIRO_AUTH_TOKEN=",
        "AWS_REFRESHTOKEN=", "Kiro IDE", "kiro-cli", "Amazon Q CLI",
    ):  # fmt: skip
        assert way in text
    assert "KIRO_API_KEY is empty in the environment, which hides" in text
    assert "->" not in "\n".join(banner.welcome(found, None, is_simulated=True))


def test_the_defaults_are_answered_as_the_accounts_lists_say(tmp_path: Path) -> None:
    now = time.time()
    found = settings(tmp_path, KIRO_TOKEN_CACHE=str(tmp_path))
    assert listed_models(found, now) is None
    opus = next(model for model in STATIC.models if model.id == "claude-opus-4-8")
    for number, age in (("1", 0.0), ("2", 100 * 3600.0)):
        record = Record(Catalogue((opus,)) if number == "1" else STATIC, now - age, now - age)
        path = tmp_path / f"models-{number}.json"
        path.write_bytes(encode(record))
        path.chmod(0o600)
    listed = listed_models(found, now)
    assert listed
    lines = list(defaults.lines(found, listed))
    assert lines[0].split() == (
        [
            "Claude",
            "Code",
            "claude-opus-5-5",
            "->",
            "claude-opus-4-8",
            "(the",
            "nearest",
            "that",
            "there",
            "is)",
        ]
    )
    assert "as your accounts' lists say" in "\n".join(
        banner.welcome(found, listed, is_simulated=False)
    )


def test_a_default_that_is_refused_says_so(tmp_path: Path) -> None:
    found = settings(tmp_path, KIRO_UNKNOWN_MODEL="refuse")
    refused = Catalogue(tuple(model for model in STATIC.models if "gpt" not in model.id))
    assert "refused" in list(defaults.lines(found, refused))[-1]


def test_the_request_to_try_is_json(tmp_path: Path) -> None:
    text = "\n".join(banner.welcome(settings(tmp_path), None, is_simulated=False))
    body = re.search(r"-d '(.*?)'\n", text, re.DOTALL)
    assert body
    assert msgspec.json.decode(body[1])["stream"] is True
    assert json.loads(body[1])["model"] == "claude-sonnet-5-5"
