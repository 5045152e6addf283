"""Names are looked up once for connections that are opened together."""

import socket
import time

import gevent
import pytest
from gevent.resolver.thread import Resolver

from app.server import resolver
from app.server.resolver import SharedResolver

ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class NameServer:
    """Answers after a moment; ``down`` makes it fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    def getaddrinfo(self, _: Resolver, host: str, *args: object, **kwargs: object) -> object:
        self.asked.append(host)
        gevent.sleep(0.01)
        if self.down:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return ANSWER


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    server = NameServer()
    monkeypatch.setattr(
        Resolver, "getaddrinfo", lambda self, *args, **kw: server.getaddrinfo(self, *args, **kw)
    )
    return server


def lookups(shared: SharedResolver, *hosts: str) -> list[gevent.Greenlet]:
    jobs = [gevent.spawn(shared.getaddrinfo, host, 443, type=socket.SOCK_STREAM) for host in hosts]
    gevent.joinall(jobs)
    return jobs


def test_many_at_once_ask_once(names: NameServer) -> None:
    shared = SharedResolver()
    jobs = lookups(shared, *["one.test"] * 50, "two.test")
    assert [job.value for job in jobs] == [ANSWER] * 51
    assert names.asked == ["one.test", "two.test"]
    lookups(shared, "one.test")
    assert names.asked == ["one.test", "two.test"]


def test_an_answer_is_kept_for_a_moment_only(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedResolver()
    lookups(shared, "one.test")
    later = time.monotonic() + resolver.KEPT
    monkeypatch.setattr(resolver, "monotonic", lambda: later)
    lookups(shared, "one.test")
    assert names.asked == ["one.test"] * 2


def test_a_failure_is_told_to_all_and_not_kept(names: NameServer) -> None:
    shared = SharedResolver()
    names.down = True
    jobs = lookups(shared, "one.test", "one.test")
    assert [type(job.exception) for job in jobs] == [socket.gaierror] * 2
    names.down = False
    [job] = lookups(shared, "one.test")
    assert job.value == ANSWER
    assert names.asked == ["one.test"] * 2


def test_whoever_asked_may_be_gone_before_the_answer(names: NameServer) -> None:
    shared = SharedResolver()
    first = gevent.spawn(shared.getaddrinfo, "one.test", 443)
    second = gevent.spawn(shared.getaddrinfo, "one.test", 443)
    gevent.sleep(0)
    first.kill()
    assert second.get(timeout=5) == ANSWER


def test_what_is_kept_is_bounded(names: NameServer) -> None:
    shared = SharedResolver()
    for number in range(resolver.MOST + 1):
        shared._kept[number] = (0.0, gevent.Greenlet())
    lookups(shared, "one.test")
    assert len(shared._kept) == 1
