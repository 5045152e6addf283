"""Several hosts on one Redis. Each host has a cache directory of its own."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from app.common.errors import GatewayError, Kind
from app.credentials.model import Token
from app.credentials.pool import Credentials
from app.credentials.store.redis import RedisStore
from app.credentials.store.redis_backend import RedisBackend
from tests.credentials.conftest import (
    Build,
    Clock,
    env_json,
    env_tokens,
    file_store,
    token_file,
)
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import AuthService, access_token, refresh_token
from tests.credentials.store.conftest import Time, let_sync

REFUSED = GatewayError(Kind.REFUSED_TOKEN, "refused")


@pytest.fixture
def host(
    build: Build, server: RedisServer, tmp_path: Path, now: Time
) -> Callable[..., Credentials]:
    """Builds the credentials of a host, over the shared Redis."""

    def make(name: str, *sources: object, key: str | None = None) -> Credentials:
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        backend = RedisBackend(server.url, key, now=now)
        store = RedisStore(backend, file_store(directory), lease_timeout=10, now=now)
        return build(*(sources or [env_tokens()]), store=store)

    return make


def in_parallel(workers: list[Credentials]) -> list[str]:
    got: list[Token] = []
    threads = [threading.Thread(target=lambda w=w: got.append(w.token())) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [token.access_token for token in got]


def test_hosts_share_one_refresh(host: Callable[..., Credentials], service: AuthService) -> None:
    workers = [host(name) for name in ("one", "two", "one", "two")]
    assert in_parallel(workers) == [access_token(1)] * 4
    assert len(service.calls) == 1


def test_a_host_that_comes_later_uses_what_the_others_got(
    host: Callable[..., Credentials], service: AuthService, clock: Clock
) -> None:
    host("one").token()
    assert host("two").token().access_token == access_token(1)
    clock.now += 4000
    assert host("three").token().access_token == access_token(2)
    assert service.calls[-1][1] == {"refreshToken": refresh_token(1)}


def test_token_files_of_hosts_stay_one_login_over_many_refreshes(
    host: Callable[..., Credentials], service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    hosts = [
        host(path.stem, token_file(path, {"refreshToken": refresh_token(0)})) for path in paths
    ]
    for _ in range(3):
        assert len({each.token().access_token for each in hosts}) == 1
        clock.now += 4000
    assert hosts[0].token().access_token == access_token(4)
    stale = json.loads(paths[1].read_text())["refreshToken"]
    assert stale == refresh_token(3)
    assert host("restarted", token_file(paths[1])).token().access_token == access_token(4)


def test_the_file_of_a_host_follows_what_another_host_got(
    host: Callable[..., Credentials], clock: Clock, tmp_path: Path, now: Time
) -> None:
    path = tmp_path / "a.json"
    one = host("one", token_file(path, {"refreshToken": refresh_token(0), "provider": "Google"}))
    one.token()
    clock.now += 4000
    host("two", token_file(tmp_path / "b.json", {"refreshToken": refresh_token(1)})).token()
    assert one.token().access_token == access_token(2)
    let_sync(one, now)
    written = json.loads(path.read_text())
    assert (written["refreshToken"], written["provider"]) == (refresh_token(2), "Google")


def test_a_new_login_is_not_held_back_by_the_old_one(
    host: Callable[..., Credentials], service: AuthService
) -> None:
    host("one").token()
    service.valid = refresh_token(50)
    assert host("one", env_tokens(refresh_token(50))).token().access_token == access_token(2)


def test_what_is_held_against_an_account_is_known_to_all_hosts(
    host: Callable[..., Credentials], now: Time
) -> None:
    keys = env_json([{"apiKey": "ksk_one"}, {"apiKey": "ksk_two"}])
    one, two = host("one", keys), host("two", keys)
    one.failed(one.token(), GatewayError(Kind.QUOTA, "used up"))
    let_sync(two, now)
    assert two.token().access_token == "ksk_two"


def test_a_process_that_has_only_begun_can_wait_for_what_other_hosts_know(
    host: Callable[..., Credentials],
) -> None:
    keys = env_json([{"apiKey": "ksk_one"}, {"apiKey": "ksk_two"}])
    one = host("one", keys)
    one.failed(one.token(), GatewayError(Kind.QUOTA, "used up"))
    command = host("two", keys)
    command.sync()
    assert [each.state for each in command.report()] == ["quota used up", "untried"]


def test_one_host_at_a_time_tries_a_parked_account(
    host: Callable[..., Credentials], now: Time, clock: Clock
) -> None:
    keys = env_json([{"apiKey": "ksk_one"}, {"apiKey": "ksk_two"}])
    one, two = host("one", keys), host("two", keys)
    one.failed(one.token(), GatewayError(Kind.QUOTA, "used up"))
    let_sync(two, now)
    clock.now += 601
    assert sorted(each.token().access_token for each in (one, two)) == ["ksk_one", "ksk_two"]


def test_a_dead_login_is_asked_for_by_one_host_only(
    host: Callable[..., Credentials], service: AuthService
) -> None:
    service.valid = "another"
    for name in ("one", "two"):
        with pytest.raises(GatewayError) as raised:
            host(name).token()
        assert raised.value.kind is Kind.LOGIN_OVER
    assert len(service.calls) == 1


def test_with_redis_away_nothing_is_refreshed_ahead(
    host: Callable[..., Credentials],
    server: RedisServer,
    service: AuthService,
    clock: Clock,
    now: Time,
) -> None:
    credentials = host("one")
    credentials.token()
    server.stop()
    clock.now += 3600 - 299
    for _ in range(3):
        assert credentials.token().access_token == access_token(1)
        for account in credentials._accounts.values():
            account.finish_refresh(10)
    assert len(service.calls) == 1
    server.start()
    let_sync(credentials, now)
    credentials.token()
    for account in credentials._accounts.values():
        account.finish_refresh(10)
    assert credentials.token().access_token == access_token(2)


def test_with_redis_away_a_refused_token_is_refreshed(
    host: Callable[..., Credentials], server: RedisServer
) -> None:
    credentials = host("one")
    token = credentials.token()
    credentials.accepted(token)
    server.stop()
    fresh = credentials.refused(token, REFUSED)
    assert fresh
    assert fresh.access_token == access_token(2)


def test_redis_away_from_the_start_is_said_and_no_obstacle(
    host: Callable[..., Credentials], server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    credentials = host("one")
    assert credentials.token().access_token == access_token(1)
    assert "KIRO_TOKEN_STORE cannot be used" in credentials.problems()[0]
    assert sum("KIRO_TOKEN_STORE cannot be used" in line for line in caplog.messages) == 1


def test_a_refresh_without_redis_reaches_the_other_hosts_when_it_is_back(
    host: Callable[..., Credentials],
    server: RedisServer,
    service: AuthService,
    clock: Clock,
    now: Time,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    one, two = host("one"), host("two")
    one.token(), two.token()
    server.stop()
    clock.now += 4000
    assert one.token().access_token == access_token(2)
    with pytest.raises(GatewayError) as raised:
        two.token()  # it cannot know that its refresh token was already used
    assert raised.value.kind is Kind.LOGIN_OVER
    server.start()
    let_sync(one, now)
    clock.now += 120
    now.now += 10
    assert two.token().access_token == access_token(2)
    assert one.problems() == two.problems() == []
    assert "can be used again" in caplog.text
    clock.now += 4000
    assert {one.token().access_token, two.token().access_token} == {access_token(3)}


def test_redis_that_lost_everything_is_filled_again(
    host: Callable[..., Credentials], server: RedisServer, service: AuthService, clock: Clock
) -> None:
    one = host("one")
    one.token()
    redis.Redis(port=server.port).flushall()
    clock.now += 4000
    assert one.token().access_token == access_token(2)
    assert host("two").token().access_token == access_token(2)


def test_a_restart_without_redis_goes_on_with_what_the_host_kept(
    host: Callable[..., Credentials], server: RedisServer, clock: Clock, now: Time
) -> None:
    host("one").token()
    server.stop()
    clock.now += 4000
    assert host("one").token().access_token == access_token(2)
    server.start()
    now.now += 10
    clock.now += 4000
    assert host("one").token().access_token == access_token(3)
    assert host("two").token().access_token == access_token(3)


def contents(server: RedisServer) -> bytes:
    client: Any = redis.Redis(port=server.port)
    kept = [client.dump(key) or b"" for key in client.scan_iter()]
    hashes = [
        value for key in client.scan_iter("*:login:*") for value in client.hgetall(key).values()
    ]
    return b"".join(kept + hashes)


def test_with_a_key_nothing_in_redis_can_be_read(
    host: Callable[..., Credentials], server: RedisServer, service: AuthService, clock: Clock
) -> None:
    key = Fernet.generate_key().decode()
    host("one", key=key).token()
    assert refresh_token(1).encode() not in contents(server)
    assert access_token(1).encode() not in contents(server)
    clock.now += 4000
    assert host("two", key=key).token().access_token == access_token(2)


def test_records_from_before_the_key_are_read_and_encrypted_from_then_on(
    host: Callable[..., Credentials], server: RedisServer, clock: Clock
) -> None:
    host("one").token()
    assert refresh_token(1).encode() in contents(server)
    clock.now += 4000
    key = Fernet.generate_key().decode()
    assert host("two", key=key).token().access_token == access_token(2)
    assert refresh_token(2).encode() not in contents(server)


def test_a_record_under_another_key_is_not_overwritten(
    host: Callable[..., Credentials], server: RedisServer, service: AuthService
) -> None:
    host("one", key=Fernet.generate_key().decode()).token()
    before = contents(server)
    stranger = host("two", key=Fernet.generate_key().decode())
    with pytest.raises(GatewayError):
        stranger.token()
    assert "another KIRO_STORE_KEY" in stranger.problems()[0]
    assert contents(server) == before
