"""Lists of models for several hosts, with a real Redis server."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.catalogue.record import NOTHING, Record
from app.catalogue.redis_shelf import RedisShelf
from app.catalogue.shelf import FileShelf
from app.models.catalogue import STATIC
from tests.credentials.redis_server import RedisServer

pytestmark = pytest.mark.skipif(not RedisServer.is_installed(), reason="needs redis-server")

LISTED = Record(STATIC, listed_at=2.0, asked_at=2.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    running = RedisServer(tmp_path)
    yield running
    running.stop()


def host(server: RedisServer, directory: Path) -> RedisShelf:
    return RedisShelf(server.url, FileShelf(directory))


def test_one_host_asks_and_the_others_take_over(server: RedisServer, tmp_path: Path) -> None:
    one, other = host(server, tmp_path / "one"), host(server, tmp_path / "other")
    with one.turn("k") as first:
        assert first
        with other.turn("k") as second:
            assert not second
        one.write("k", LISTED)
    assert other.read("k") == NOTHING
    with other.turn("k") as later:
        assert later
        assert other.read("k") == LISTED
    assert FileShelf(tmp_path / "other").read("k") == LISTED
    for shelf in (one, other):
        shelf.close()


def test_a_failure_is_this_hosts_alone(server: RedisServer, tmp_path: Path) -> None:
    one, other = host(server, tmp_path / "one"), host(server, tmp_path / "other")
    other.write("k", LISTED)
    one.write("k", Record(asked_at=9.0, problem="no"))
    with one.turn("k"):
        assert one.read("k") == LISTED
    assert one.read("k").problem == ""


def test_workers_of_a_host_take_turns_before_the_server_is_asked(
    server: RedisServer, tmp_path: Path
) -> None:
    one, other = host(server, tmp_path), host(server, tmp_path)
    with one.turn("k") as first, other.turn("k") as second:
        assert (first, second) == (True, False)


def test_while_the_server_is_away_each_host_asks_for_itself(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = host(server, tmp_path / "one")
    server.stop()
    with caplog.at_level(logging.WARNING, "kiro2api.models"):
        for _ in range(2):
            with one.turn("k") as ours:
                assert ours
                one.write("k", LISTED)
    assert one.read("k") == LISTED
    assert len(caplog.records) == 1
    assert server.url not in caplog.text
