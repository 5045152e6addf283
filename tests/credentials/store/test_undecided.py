"""Redis and a token file hold different tokens, and nothing proves which one is newer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from app.common.errors import GatewayError, Kind
from app.credentials.model import fingerprint
from app.credentials.pool import Credentials
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from tests.credentials.conftest import Build, Clock, file_store, token_file
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import Answer, AuthService, access_token, refresh_token
from tests.credentials.store.conftest import Time

OTHER = refresh_token(77)


class Host:
    """A host with a token file, and the Redis that it shares."""

    def __init__(self, directory: Path, start: Callable[[Path], Credentials]) -> None:
        self.path = directory / "token.json"
        self._start = start

    def start(self) -> Credentials:
        return self._start(self.path)

    def in_file(self) -> str:
        return str(json.loads(self.path.read_text())["refreshToken"])

    def hold(self, token: str, expires_at: float) -> None:
        login = {"accessToken": "at-file", "refreshToken": token, "expiresAt": expires_at}
        self.path.write_text(json.dumps(login))


@pytest.fixture
def host(build: Build, server: RedisServer, tmp_path: Path, now: Time) -> Host:
    """Redis holds the token 1; it knows the token of the file as one of the same login."""

    def start(path: Path) -> Credentials:
        backend = RedisBackend(server.url, None, now=now)
        store = RedisStore(backend, file_store(tmp_path), lease_timeout=10, now=now)
        return build(token_file(path), store=store)

    host = Host(tmp_path, start)
    host.hold(refresh_token(0), 1.0)
    host.start().token()
    client = redis.Redis(port=server.port)
    root = fingerprint(refresh_token(0))
    client.set(f"kiro2api:alias:{fingerprint(OTHER)}", root)
    return host


def in_redis(server: RedisServer) -> str:
    client = redis.Redis(port=server.port)
    record = client.hget(f"kiro2api:login:{fingerprint(refresh_token(0))}", "grant")
    assert isinstance(record, bytes)
    return str(json.loads(record)["refreshToken"])


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("file_is_valid", [True, False])
def test_both_are_tried_and_neither_is_overwritten_before_one_has_worked(
    host: Host,
    server: RedisServer,
    service: AuthService,
    clock: Clock,
    file_first: bool,
    file_is_valid: bool,
) -> None:
    host.hold(OTHER, clock.now + (3700 if file_first else 3500))
    service.valid = OTHER if file_is_valid else refresh_token(1)
    credentials = host.start()
    first = "at-file" if file_first else access_token(1)
    assert credentials.token().access_token == first
    clock.now += 3800
    service.fail = [(503, {}, {})]
    with pytest.raises(GatewayError):
        credentials.token()
    assert (host.in_file(), in_redis(server)) == (OTHER, refresh_token(1))
    clock.now += 2
    assert credentials.token().access_token == access_token(2)
    assert host.in_file() == in_redis(server) == refresh_token(2)


def test_the_login_is_over_only_when_both_are_refused(
    host: Host, server: RedisServer, service: AuthService, clock: Clock
) -> None:
    host.hold(OTHER, 1.0)
    service.valid = "another"
    service.calls.clear()
    clock.now += 3800
    with pytest.raises(GatewayError) as raised:
        host.start().token()
    assert raised.value.kind is Kind.LOGIN_OVER
    assert {body["refreshToken"] for _, body in service.calls} == {OTHER, refresh_token(1)}
    assert (host.in_file(), in_redis(server)) == (OTHER, refresh_token(1))


@pytest.mark.parametrize("file_is_valid", [True, False])
def test_a_refusal_without_a_reason_does_not_keep_the_other_from_being_tried(
    host: Host, service: AuthService, clock: Clock, file_is_valid: bool
) -> None:
    host.hold(OTHER, 1.0)
    service.valid = OTHER if file_is_valid else refresh_token(1)
    by_the_rules = service.answer

    def answer(path: str, body: dict[str, object]) -> Answer:
        status, members, headers = by_the_rules(path, body)
        return (200, members, headers) if status == 200 else (401, {"message": "No"}, {})

    service.answer = answer
    clock.now += 3800
    assert host.start().token().access_token == access_token(2)
