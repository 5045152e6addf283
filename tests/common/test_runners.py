"""Tasks in greenlets that are used again."""

from collections.abc import Callable
from contextvars import ContextVar
from math import inf
from typing import Any

import gevent
import pytest
from gevent import getcurrent
from gevent.event import Event

from app.common import runners
from app.common.runners import Runners

LONG = 30.0

name: ContextVar[str] = ContextVar("name", default="nobody")


@pytest.fixture
def pool() -> Runners:
    return Runners()


def waiting(pool: Runners, function: Callable[[], object]) -> Any:
    """A task that has begun, and waits."""
    task = pool.task(function)
    assert not task.wait(0)
    gevent.sleep(0)
    assert not task.is_over
    return task


def test_a_task_has_a_greenlet_of_its_own_and_its_makers_context(pool: Runners) -> None:
    seen: list[Any] = []
    name.set("maker")
    task = pool.task(lambda: seen.extend((getcurrent(), name.get())))
    name.set("another")
    assert task.wait(LONG)
    assert seen[0] is not getcurrent()
    assert seen[1] == "maker"


def test_without_a_limit_it_runs_where_it_is_waited_for(pool: Runners) -> None:
    seen: list[Any] = []
    assert pool.task(lambda: seen.append(getcurrent())).wait(inf)
    assert seen == [getcurrent()]


def test_one_greenlet_serves_one_task_after_the_other(pool: Runners) -> None:
    seen: list[Any] = []

    def work() -> None:
        gevent.sleep(0)
        seen.append(getcurrent())

    for _ in range(5):
        assert pool.task(work).wait(LONG)
    assert len(seen) == 5
    assert len(set(map(id, seen))) == 1


def test_tasks_at_the_same_time_have_a_greenlet_each(pool: Runners) -> None:
    go, seen = Event(), set()

    def work() -> None:
        seen.add(id(getcurrent()))
        go.wait()

    tasks = [waiting(pool, work) for _ in range(3)]
    assert len(seen) == 3
    go.set()
    assert [task.wait(LONG) for task in tasks] == [True] * 3


def test_a_wait_ends_after_its_time_and_the_task_goes_on(pool: Runners) -> None:
    go = Event()
    task = pool.task(go.wait)
    for _ in range(2):  # a new greenlet, and one that is used again
        assert not task.wait(0.01)
        assert not task.wait(0.01)
        go.set()
        assert task.wait(LONG)
        go.clear()
        task = pool.task(go.wait)


def test_a_task_that_nobody_waits_for_ends_all_the_same(pool: Runners) -> None:
    go, done = Event(), Event()

    def work() -> None:
        go.wait()
        done.set()

    task = waiting(pool, work)
    go.set()
    assert done.wait(LONG)
    assert task.wait(0)
    assert pool.task(lambda: None).wait(LONG)  # its greenlet is free again


def test_what_is_thrown_at_who_waits_leaves_the_task_alone(pool: Runners) -> None:
    go = Event()
    for again in range(2):
        task = pool.task(go.wait)
        with pytest.raises(KeyError), gevent.Timeout(0.01, KeyError("left")):
            task.wait(LONG)
        assert not task.is_over
        go.set()
        assert task.wait(LONG), again
        go.clear()


def test_a_task_that_is_cancelled_may_clean_up(pool: Runners) -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            gevent.sleep(LONG)
        except gevent.GreenletExit:
            seen.append("cleaned")

    task = waiting(pool, work)
    task.cancel()
    assert task.wait(LONG)
    assert seen == ["cleaned"]


def test_a_task_that_was_over_when_it_was_cancelled_harms_no_later_one(pool: Runners) -> None:
    go = Event()
    first = waiting(pool, go.wait)
    go.set()
    first.cancel()  # it is over before the loop comes to that
    assert first.wait(LONG)
    go.clear()
    second = waiting(pool, go.wait)
    gevent.sleep(0)
    assert not second.is_over
    go.set()
    assert second.wait(LONG)


def test_a_task_that_has_not_begun_never_begins_once_cancelled(pool: Runners) -> None:
    seen: list[int] = []
    task = pool.task(lambda: seen.append(1))
    task.cancel()
    assert task.wait(LONG)
    assert seen == []


def test_what_ends_the_greenlet_is_reported_and_ends_the_wait(
    pool: Runners, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []

    def report(kind: type, _value: object, _trace: object = None) -> None:
        reported.append(kind)

    monkeypatch.setattr(gevent.get_hub(), "handle_system_error", report)

    def work() -> None:
        raise SystemExit(1)

    assert pool.task(lambda: None).wait(LONG)
    for _ in range(2):  # in a greenlet that is used again, and in a new one
        assert pool.task(work).wait(LONG)
    assert reported == [SystemExit] * 2
    assert pool.task(lambda: None).wait(LONG)


def test_few_greenlets_are_kept(pool: Runners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "MOST_IDLE", 2)
    go = Event()
    tasks = [waiting(pool, go.wait) for _ in range(5)]
    go.set()
    assert all(task.wait(LONG) for task in tasks)
    gevent.sleep(0)
    assert len(pool._idle) == 2
