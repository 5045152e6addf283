"""Secrets are fed through every path, especially failing ones, and must not appear in the output:
not in logs of any level or library, not in errors, tracebacks or reprs, not in reports.
"""

import io
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from click.testing import CliRunner

from app.common.errors import GatewayError, Kind
from app.credentials import commands
from app.credentials.pool import Credentials
from app.credentials.refresh.client import ServiceClient
from app.credentials.sign_in.device import DeviceFlow, Registration
from app.credentials.sources import chain
from app.credentials.store.files import FileStore
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from app.settings import Settings, SettingsError
from app.simulator import Simulator
from tests.credentials.conftest import Build, env_json, env_tokens, require, token_file
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService
from tests.live.servers import KEY, Gateway

CANARY = "CANARY"
_FILLING = "x" * 100
REFRESH = f"{CANARY}-refresh-token-{_FILLING}"
REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


def canary(what: str) -> str:
    return f"{CANARY}-{what}-{_FILLING}"


class Written:
    """Everything that a person could read: logs, errors, reprs."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def add(self, *values: object) -> None:
        for value in values:
            print(value, file=self.stream)
            print(repr(value), file=self.stream)

    def failing(self, action: Callable[[], object]) -> None:
        """Run an action that may fail, and record its error in every form."""
        try:
            self.add(action())
        except Exception as error:
            self.add(error, vars(error), *error.args)
            self.add("".join(traceback.format_exception(error)))

    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def written() -> Iterator[Written]:
    found = Written()
    handler = logging.StreamHandler(found.stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    hook, threading.excepthook = threading.excepthook, lambda args: found.add(args)
    yield found
    threading.excepthook = hook
    root.removeHandler(handler)
    root.setLevel(level)


def check(written: Written) -> None:
    assert "refresh" in written.text(), "nothing was recorded"
    lines = [line for line in written.text().splitlines() if CANARY in line]
    assert lines == []


IDC = {
    "auth": "IdC", "refreshToken": REFRESH, "accessToken": canary("access"),
    "clientId": canary("client"), "clientSecret": canary("secret"),
}  # fmt: skip
LOGINS: list[dict[str, Any]] = [
    {"refreshToken": REFRESH, "accessToken": canary("access"), "expiresAt": 1},
    IDC,
    {"auth": "external_idp", "refreshToken": REFRESH, "clientId": "c", "tokenEndpoint": "URL/t"},
    {"auth": "api_key", "apiKey": canary("key")},
]
ANSWERS: list[Any] = [
    (200, {"accessToken": canary("new"), "refreshToken": canary("rotated"), "expiresIn": 60}, {}),
    (200, {"accessToken": "", "refreshToken": canary("rotated")}, {}),
    (200, [canary("list")], {}),
    (400, {"error": "invalid_grant", "error_description": f"no {REFRESH} here"}, {}),
    (400, {"error": canary("code"), "message": f"no {REFRESH} here"}, {}),
    (401, {"message": f"no {REFRESH} here"}, {}),
    (429, {"message": REFRESH}, {"Retry-After": canary("after")}),
    (500, {"message": REFRESH}, {"x-amzn-errortype": REFRESH}),
    (302, {}, {"Location": f"http://127.0.0.1:9/{REFRESH}"}),
]


def shown(credentials: Credentials) -> list[object]:
    accounts = list(credentials._accounts.values())
    states = [account.state for account in accounts]
    return [
        credentials, *credentials.report(), credentials.problems(), *accounts, *states,
        *(part for one in states for part in (one.login, one.grant, one.token, one.health)),
    ]  # fmt: skip


def use(credentials: Credentials, written: Written) -> None:
    written.failing(credentials.token)
    written.failing(lambda: credentials.refused(credentials.token(), REFUSED))
    written.failing(lambda: credentials.failed(credentials.token(), REFUSED))
    written.add(*shown(credentials))


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.get("auth", "social"))
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer[0]))
def test_a_refresh_that_succeeds_or_fails(
    build: Build,
    service: AuthService,
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    login: dict[str, Any],
    answer: Any,
) -> None:
    monkeypatch.setattr("app.credentials.accounts.refresh_runner._GRACE", 0.0)
    login = json.loads(json.dumps(login).replace("URL", service.url))
    for source in (env_json(login), token_file(tmp_path / "token.json", login)):
        service.fail = [answer] * 3
        use(build(source), written)
    written.add("refresh")
    check(written)


def test_a_service_that_is_not_there(
    build: Build,
    service: AuthService,
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.url = "http://127.0.0.1:9"
    written.failing(build(env_tokens(REFRESH)).token)
    service.url = "https://127.0.0.1:9"
    written.failing(build(env_json(IDC)).token)
    check(written)


@pytest.mark.parametrize(
    "text",
    [
        REFRESH,
        f"/{REFRESH}",
        f'{{"refreshToken": "{REFRESH}',
        f'[{{"refreshToken": "{REFRESH} "}}, 5',
        json.dumps({"refreshToken": f"{REFRESH} {REFRESH}"}),
        json.dumps({"refreshToken": [REFRESH]}),
        json.dumps({"refreshToken": REFRESH, "authMethod": canary("method")}),
        json.dumps({"refreshToken": REFRESH, "expiresAt": canary("expiry")}),
        json.dumps({"auth": "IdC", "refreshToken": REFRESH, "clientIdHash": canary("hash") + "/"}),
        json.dumps([{"refreshToken": REFRESH}, {"refreshToken": REFRESH}]),
        json.dumps([REFRESH]),
    ],
)
def test_a_source_that_is_damaged(
    build: Build, written: Written, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "token.json"
    path.write_text(text)
    for environ in ({"KIRO_AUTH_TOKEN": text}, {"KIRO_AUTH_TOKEN": str(path)}):
        settings = Settings.from_env(environ, "/nonexistent/.env")
        written.add(settings)
        written.failing(partial(_build, build, settings))
    written.failing(lambda: build(env_tokens(f"{REFRESH} {REFRESH}")))
    written.add("refresh")
    check(written)


def _build(build: Build, settings: Settings) -> Credentials:
    return build(*chain.from_settings(settings))


def test_settings_that_are_wrong(written: Written) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(
            {
                "KIRO_STORE_KEY": canary("store-key"),
                "KIRO_TOKEN_STORE": f"http://:{canary('password')}@host",
                "KIRO_UPSTREAM_PROXY": f"ftp://:{canary('password')}@host",
                "KIRO_AUTH_TOKEN_FILE": "/nonexistent",
            },
            "/nonexistent/.env",
        )
    written.add(raised.value, *raised.value.problems, "refresh")
    check(written)


def test_a_proxy_with_a_password(written: Written, tmp_path: Path) -> None:
    environ = {
        "AWS_REFRESHTOKEN": REFRESH,
        "KIRO_UPSTREAM_PROXY": f"http://user:{canary('password')}@127.0.0.1:9",
        "KIRO_TOKEN_CACHE": str(tmp_path),
    }
    settings = Settings.from_env(environ, "/nonexistent/.env")
    written.add(settings)
    credentials = Credentials.from_settings(settings)
    written.failing(credentials.token)
    written.add(*shown(credentials))
    credentials.close()
    check(written)


def test_redis_with_a_password(
    build: Build, service: AuthService, written: Written, tmp_path: Path
) -> None:
    require(RedisServer.is_installed(), "redis-server")
    service.valid = REFRESH
    server = RedisServer(tmp_path)
    for url in (
        f"redis://user:{canary('password')}@127.0.0.1:9/0",
        f"redis://user:{canary('password')}@127.0.0.1:{server.port}/0",
        server.url,
    ):
        backend = RedisBackend(url, None)
        credentials = build(
            env_tokens(REFRESH), store=RedisStore(backend, FileStore(tmp_path / "cache"))
        )
        written.failing(credentials.token)
        written.add(backend, credentials._deps.store, *shown(credentials))
    server.stop()
    written.failing(credentials.token)
    check(written)


def test_a_login_from_a_terminal(service: AuthService, written: Written) -> None:
    flow = DeviceFlow(ServiceClient(user_agent="t"), service.url, sleep=lambda seconds: None)
    registration = Registration(canary("client"), canary("secret"))
    begun = {
        "deviceCode": canary("device"), "userCode": "USER", "verificationUri": "https://page",
        "expiresIn": 60,
    }  # fmt: skip
    for answer in ANSWERS[1:]:
        service.fail = [answer] * 2 + [(200, begun, {}), answer, *[ANSWERS[3]] * 9]
        written.failing(flow.register)
        written.failing(lambda: flow.begin(registration, "https://start"))
        code = flow.begin(registration, "https://start")
        written.add(code.user_code, code)
        written.failing(partial(flow.wait, registration, code))
    written.add("refresh")
    check(written)


def test_what_is_kept_beside_the_tokens_holds_none(
    build: Build, service: AuthService, tmp_path: Path
) -> None:
    service.valid = REFRESH
    credentials = build(env_tokens(REFRESH))
    credentials.accepted(credentials.token())
    credentials.failed(credentials.token(), GatewayError(Kind.QUOTA, "used up"))
    files = [path for path in (tmp_path / "cache").iterdir() if ".state" in path.name]
    assert files
    for path in (tmp_path / "cache").iterdir():
        assert CANARY not in path.name
        assert path.stat().st_mode & 0o077 == 0
    for path in files:
        assert CANARY not in path.read_text()
        assert "at-0001" not in path.read_text()


def test_the_accounts_command(
    service: AuthService, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def control(settings: Settings) -> Any:
        raise GatewayError(Kind.UNAVAILABLE, "no control plane")

    group = click.Group()
    commands.add_to(group, control)
    for login in LOGINS:
        environ = {"KIRO_AUTH_TOKEN": json.dumps(login), "HOME": str(tmp_path)}
        result = CliRunner().invoke(group, ["accounts"], env=environ)
        written.add(result.output, result.exception, "refresh")
    check(written)


class Echo:
    """A service whose refusals quote the request."""

    def __init__(self, service: AuthService) -> None:
        self._answers = iter(ANSWERS[3:] * 5)
        service.answer = self.answer

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        status, members, headers = next(self._answers)
        return status, members | {"message": json.dumps(body)}, headers


def test_the_log_and_the_answers_of_a_real_gateway(
    service: AuthService, written: Written, tmp_path: Path
) -> None:
    Echo(service)
    login = [{"refreshToken": REFRESH}, IDC | {"refreshToken": canary("other")}, LOGINS[3]]
    with Simulator() as upstream:
        upstream.configure_tokens(dead=[canary("key")])
        gateway = Gateway(
            upstream.url,
            tmp_path,
            KIRO_AUTH_TOKEN=json.dumps(login),
            AWS_REFRESHTOKEN="",
            KIRO_AUTH_URL=service.url,
            KIRO_OIDC_URL=service.url,
            LOG_LEVEL="debug",
        )
        for _ in range(6):
            answer = requests.post(
                f"{gateway.url}/v1/messages",
                json={
                    "model": "claude-sonnet-4-6",
                    "max_tokens": 9,
                    "messages": [{"role": "user", "content": "x"}],
                },
                headers={"x-api-key": KEY},
                timeout=30,
            )
            written.add(answer.text, dict(answer.headers))
        gateway.stop()
    written.add(gateway.log_text())
    check(written)
