"""What keeps values beside the requests, and finds them again."""

from pathlib import Path
from typing import Any

import gevent
import pytest

from app.kept import keeper as keepers
from app.kept.host_store import HostStore, create
from app.kept.keeper import Keeper, Sealed
from app.kept.sealing import Sealer


class Away(Exception):
    pass


class Memory:
    """A store that can be away."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.is_away = False
        self.calls = 0

    def _call(self) -> None:
        self.calls += 1
        if self.is_away:
            raise Away

    def put(self, name: bytes, value: bytes) -> None:
        self._call()
        self.values[name] = value

    def get(self, name: bytes) -> bytes | None:
        self._call()
        return self.values.get(name)

    def delete(self, name: bytes) -> bool:
        self._call()
        return self.values.pop(name, None) is not None

    def change(self, name: bytes, make: Any) -> None:
        self._call()
        after = make(self.values.get(name))
        if after is not None:
            self.values[name] = after

    def close(self) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> HostStore:
    path = tmp_path / "responses.db"
    create(path)
    return HostStore(path, ttl=1000, most=1 << 20)


@pytest.fixture
def shared() -> Memory:
    return Memory()


@pytest.fixture
def both(host, shared):
    return Keeper(host, Sealer(b"h" * 32), Sealed(shared, Sealer(b"s" * 32)), (Away,))


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    monkeypatch.setattr(keepers, "PAUSES", (0.001, 0.05))


def test_a_value_is_written_later_and_found(host):
    keeper = Keeper(host, Sealer(b"h" * 32))
    made = []

    def make() -> dict[str, bytes]:
        made.append(1)
        return {"resp_1": b"one"}

    keeper.keep("owner", make, 3)
    assert made == []
    assert keeper.find("owner", "resp_1") == b"one"
    assert keeper.find("other", "resp_1") is None
    assert keeper.forget("other", "resp_1") is False
    assert keeper.forget("owner", "resp_1") is True
    assert keeper.find("owner", "resp_1") is None


def test_what_another_worker_is_just_writing_is_waited_for(host):
    writer, reader = (Keeper(host, Sealer(b"h" * 32)) for _ in range(2))
    gevent.spawn_later(0.02, writer.keep, "owner", lambda: {"resp_1": b"one"}, 3)
    assert reader.find("owner", "resp_1") == b"one"


def test_what_waits_is_bounded_and_the_log_says_so(host, caplog):
    keeper = Keeper(host, Sealer(b"h" * 32), pending=10)
    keeper.keep("owner", lambda: {"resp_1": b"one"}, 8)
    keeper.keep("owner", lambda: {"resp_2": b"two"}, 8)
    assert keeper.find("owner", "resp_1") == b"one"
    assert keeper.find("owner", "resp_2") is None
    assert "more than 10 bytes wait to be written" in caplog.text
    keeper.keep("owner", lambda: {"resp_3": b"three"}, 8)
    assert keeper.find("owner", "resp_3") == b"three"


def test_a_stop_writes_what_waits(host):
    keeper = Keeper(host, Sealer(b"h" * 32))
    keeper.keep("owner", lambda: {"resp_1": b"one"}, 3)
    keeper.close()
    assert Keeper(host, Sealer(b"h" * 32)).find("owner", "resp_1") == b"one"


def test_a_failure_to_make_a_value_shows_nothing_of_it(host, caplog):
    keeper = Keeper(host, Sealer(b"h" * 32))

    def fail() -> dict[str, bytes]:
        raise ValueError("a prompt")

    keeper.keep("owner", fail, 3)
    assert keeper.find("owner", "resp_1") is None
    assert "could not be kept" in caplog.text
    assert "a prompt" not in caplog.text


def test_the_host_has_what_the_shared_store_did_not_take(both, host, shared, caplog):
    shared.is_away = True
    both.keep("owner", lambda: {"resp_1": b"one"}, 3)
    assert both.find("owner", "resp_1") == b"one"
    assert shared.calls == 1  # it is left alone for a while
    assert "KIRO_TOKEN_STORE cannot be used (Away)" in caplog.text
    assert shared.values == {}


def test_the_shared_store_comes_first(both, host, shared):
    both.keep("owner", lambda: {"resp_1": b"one"}, 3)
    assert both.find("owner", "resp_1") == b"one"
    assert host.size() == 0
    assert len(shared.values) == 1
    assert both.forget("owner", "resp_1") is True
    assert shared.values == {}


def test_a_change_is_made_at_once(both, host, shared):
    assert both.change("owner", "conv_1", lambda before: (before or b"") + b"a")
    assert both.change("owner", "conv_1", lambda before: (before or b"") + b"b")
    assert both.find("owner", "conv_1") == b"ab"


def test_what_the_host_held_while_the_shared_store_was_away_is_changed_there(
    both, shared, monkeypatch
):
    monkeypatch.setattr(keepers, "AVOID", 0.0)
    shared.is_away = True
    assert both.change("owner", "conv_1", lambda before: (before or b"") + b"a")
    shared.is_away = False
    assert both.change("owner", "conv_1", lambda before: (before or b"") + b"b")
    assert both.find("owner", "conv_1") == b"ab"
    assert len(shared.values) == 1


def test_a_disk_that_fails_is_reported_and_nothing_else(host, caplog, tmp_path):
    keeper = Keeper(HostStore(tmp_path / "gone.db", ttl=1, most=1), Sealer(b"h" * 32))
    keeper.keep("owner", lambda: {"resp_1": b"one"}, 3)
    assert keeper.find("owner", "resp_1") is None
    assert not keeper.change("owner", "conv_1", lambda _: b"x")
    assert caplog.text.count("the host's file cannot be used") == 1
