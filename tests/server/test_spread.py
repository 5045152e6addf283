"""Which worker accepts a new connection, with a clock that only the test moves."""

import pytest

from app.server.spread import GONE, PATIENCE, SLACK, SLOTS, STUCK, Board, Place


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A worker with so many requests."""

    def __init__(self, age: int, board: Board, clock: Clock) -> None:
        self.load = 0
        self.place = Place(age, lambda: self.load, board=board, clock=clock)
        self.place.show()

    def accepts(self) -> bool:
        if not self.place.may_accept():
            return False
        self.place.accepted()
        self.place.opened()
        self.load += 1
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workers(clock: Clock) -> list[Worker]:
    board = Board()
    return [Worker(age, board, clock) for age in range(SLOTS - 2, SLOTS + 2)]


def test_a_worker_alone_accepts_all(clock):
    alone = Worker(1, Board(), clock)
    assert all(alone.accepts() for _ in range(500))


def test_one_that_is_always_first_takes_no_more_than_the_others(workers):
    while sum(one.load for one in workers) < 500:
        assert sum(one.accepts() for one in workers for _ in range(16))
    loads = [one.load for one in workers]
    assert max(loads) - min(loads) <= SLACK + 1


def test_one_that_does_not_come_is_waited_for_once(workers, clock):
    first, *others, _stuck = workers
    for one in (first, *others):
        one.load = SLACK + 1
        assert not one.accepts()
    clock.now += 1.01 * PATIENCE
    assert first.accepts(), "the one behind which they wait has not come"
    for one in others:
        assert one.accepts()
    assert first.accepts(), "and it is not waited for again"


def test_one_that_lives_again_is_counted_again(workers, clock):
    first, *_, stuck = workers
    first.load = 10
    assert not first.accepts()
    clock.now += 1.01 * PATIENCE
    assert first.accepts()
    clock.now += 1.01 * PATIENCE
    stuck.place.show()
    assert not first.accepts()
    assert stuck.accepts()


@pytest.mark.parametrize("how", ["leaves", "is gone"])
def test_one_that_is_not_there_is_not_waited_for(workers, clock, how):
    first, *others = workers
    first.load = 10
    if how == "leaves":
        for one in others:
            one.place.leave()
    else:
        clock.now += GONE
    assert first.accepts()


def test_one_that_gives_no_sign_of_life_is_stuck_until_it_is_gone(clock):
    board = Board()
    stuck, working, asked = (Worker(age, board, clock) for age in range(3))
    began = clock.now
    clock.now += 10
    assert board.stuck(began) == 0
    working.place.show()
    assert board.stuck(clock.now - STUCK) == 1, "not the one that is asked, since it answers"
    stuck.place.leave()
    assert board.stuck(clock.now - STUCK) == 0
    working.place.show()
    assert asked.place.may_accept()


def test_a_connection_counts_before_anything_is_known_of_it(workers):
    first, *_ = workers
    taken = 0
    while first.place.may_accept():
        first.place.accepted()
        taken += 1
    assert taken == SLACK + 1
