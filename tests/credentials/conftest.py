"""Fixtures shared by the tests of the credentials: a clock, a sign-in service, builders."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from app.aws.quota import Quota
from app.common.errors import GatewayError
from app.credentials.accounts.state import ControlPlane
from app.credentials.boot import Boot
from app.credentials.pool import Credentials
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.documents import read_json, read_refresh_tokens
from app.credentials.sources.source import Source
from app.credentials.sources.token_files import FileSource
from app.credentials.sources.variables import TextSource, Variable
from app.credentials.store.files import FileStore
from app.credentials.store.interface import TokenStore
from tests.credentials.service import AuthService, refresh_token, serving

T = TypeVar("T")

Build: TypeAlias = Callable[..., Credentials]


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Iterator[AuthService]:
    with serving() as running:
        yield running


@pytest.fixture
def build(
    service: AuthService, clock: Clock, tmp_path: Path
) -> Iterator[Callable[..., Credentials]]:
    """Builds credentials over the service; each call is another worker of the host."""
    built = []

    def make(
        *sources: Source,
        cache: Path | None = None,
        control: ControlPlane | None = None,
        store: TokenStore | None = None,
        boot: Boot | None = None,
    ) -> Credentials:
        client = ServiceClient(user_agent="kiro2api/test", connect_timeout=5, response_timeout=5)
        refresher = Refresher(client, auth_url=service.url, oidc_url=service.url, clock=clock)
        store = store or file_store(tmp_path, cache)
        built.append(
            Credentials(
                sources, store=store, refresher=refresher, control=control, clock=clock, boot=boot
            )
        )
        return built[-1]

    yield make
    for credentials in built:
        credentials.close()


def file_store(tmp_path: Path, cache: Path | None = None) -> FileStore:
    return FileStore(cache or tmp_path / "cache", shared_memory=tmp_path / "shm", lease_timeout=10)


def require(possible: object, what: str) -> None:
    """Skip the test if ``what`` is missing; fail with CI=true, where all tests must run."""
    if not possible and os.environ.get("CI") == "true":
        pytest.fail(f"needs {what}, and CI=true allows no skip")
    if not possible:
        pytest.skip(f"needs {what}")


def env_tokens(text: str = refresh_token(0)) -> Source:
    return TextSource(Variable("AWS_REFRESHTOKEN", text), read_refresh_tokens)


def env_json(value: Any) -> Source:
    return TextSource(Variable("KIRO_AUTH_TOKEN", json.dumps(value)), read_json)


def token_file(path: Path, content: Any = None) -> Source:
    if content is not None:
        path.write_text(json.dumps(content))
    return FileSource("the token file", path, is_explicit=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    return tmp_path


class Control:
    """A control plane that answers from memory."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.left: Quota | GatewayError | None = None
        self.profile: str | GatewayError | None = None

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        self.asked.append(f"quota {access_token}")
        return _answer(self.left)

    def find_profile(self, access_token: str, kind: str, region: str | None) -> str | None:
        self.asked.append(f"profile {access_token}")
        return _answer(self.profile)


def _answer(value: T | GatewayError) -> T:
    if isinstance(value, GatewayError):
        raise value
    return value


@pytest.fixture
def control() -> Control:
    return Control()


def keys(*names: str, **members: object) -> Source:
    """API keys, one account each."""
    return env_json([{"apiKey": name} | members for name in names])


def tokens(credentials: Credentials, times: int = 1, session: str = "") -> list[str]:
    return [credentials.token(session).access_token for _ in range(times)]
