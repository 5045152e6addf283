"""``kiro2api login --social``, as a user types it, with the test as browser and page.

docs/upstream.md: The page that signs in sends the browser to this machine
"""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.credentials.service import AuthService
from tests.credentials.sign_in.test_browser import ARN, CODE, Portal, TokenService

ROOT = Path(__file__).parents[2]


class Command:
    """A command in a process of its own, which waits for the browser."""

    def __init__(self, home: Path, arguments: tuple[str, ...], environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app", "login", *arguments],
            cwd=home,
            env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def page(self) -> str:
        """The page that the user is asked to open."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.said += line
            if line.startswith("Or copy"):
                break
        found = re.search(r"https://app\.kiro\.dev/\S+", self.said)
        assert found, self.said
        return found[0]

    def end(self) -> int:
        rest, _ = self._process.communicate(timeout=60)
        self.said += rest
        return self._process.returncode

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@pytest.fixture
def run(service: AuthService, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    started = []

    def start(*arguments: str, **environ: str) -> Command:
        environ = {"KIRO_AUTH_URL": service.url, "KIRO_OIDC_URL": service.url} | environ
        started.append(Command(tmp_path, arguments, environ))
        return started[-1]

    yield start
    for command in started:
        command.stop()


def the_token_file(home: Path) -> Path:
    return home / ".aws" / "sso" / "cache" / "kiro-auth-token.json"


def test_signing_in_with_github(
    run: Callable[..., Command], service: AuthService, tmp_path: Path
) -> None:
    tokens = TokenService(service)
    command = run("--social", "github")
    portal = tokens.portal = Portal(command.page())
    address = portal.query["redirect_uri"]
    port = address.rpartition(":")[2]
    assert f"ssh -L {port}:127.0.0.1:{port}" in command.said
    tokens.redirect_uri = f"{address}/oauth/callback?login_option=github"
    assert portal.send_back(code=CODE, login_option="github").status_code == 200
    assert command.end() == 0, command.said
    path = the_token_file(tmp_path)
    assert f"The login is in {path}" in command.said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = json.loads(path.read_text())
    assert written.pop("expiresAt")
    assert written == {
        "accessToken": "at", "refreshToken": "rt" * 60, "authMethod": "social",
        "provider": "Github", "profileArn": ARN,
    }  # fmt: skip
    assert CODE not in command.said


def test_choosing_builder_id_on_the_page_goes_on_with_a_code(
    run: Callable[..., Command], tmp_path: Path
) -> None:
    with Simulator() as upstream:
        command = run("--social", "google", KIRO_OIDC_URL=upstream.url)
        Portal(command.page()).send_back(login_option="builderid")
        assert command.end() == 0, command.said
    assert "You chose AWS Builder ID on the page. That login needs one more page:" in command.said
    assert "SIMU-LATE" in command.said
    assert json.loads(the_token_file(tmp_path).read_text())["provider"] == "BuilderId"


def test_a_login_that_fails_leaves_the_token_file_alone(
    run: Callable[..., Command], service: AuthService, tmp_path: Path
) -> None:
    path = the_token_file(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    tokens = TokenService(service)
    command = run("--social", "google")
    tokens.portal = Portal(command.page())
    tokens.portal.send_back(code=CODE, login_option="google")  # the service wants another address
    assert command.end() == 1
    assert "refused the code with status 500" in command.said
    command = run("--social", "google")
    Portal(command.page()).send_back(error="access_denied")
    assert command.end() == 1
    assert "The page reported access_denied." in command.said
    assert path.read_text() == "{}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--social", "google", "--start-url", "https://x"), "takes neither --start-url nor"),
        (("--social", "google", "--region", "us-gov-west-1"), "takes neither --start-url nor"),
        (("--social", "facebook"), "'google', 'github'"),
        (("--region", "us-gov-west-1"), "AWS Builder ID does not exist in us-gov-west-1"),
    ],
)
def test_options_that_do_not_go_together(
    run: Callable[..., Command], arguments: tuple[str, ...], told: str
) -> None:
    """docs/upstream.md: GovCloud has its own hosts"""
    command = run(*arguments)
    assert command.end() == 2
    assert told in command.said
