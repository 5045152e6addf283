"""Calls in the worker's native thread."""

import gc
import threading
import time
import weakref

import gevent
import pytest

from app.server import native


def test_a_large_request_is_worked_through_beside_the_loop() -> None:
    turns = 0

    def count() -> None:
        nonlocal turns
        while True:
            gevent.sleep(0.001)
            turns += 1

    def compute(until: int) -> int:
        """Compute until the loop has had so many turns, and no longer than some seconds."""
        end = time.perf_counter() + (30 if until > 2 else 0.2)
        while turns < until and time.perf_counter() < end:
            pass
        return threading.get_native_id()

    counting = gevent.spawn(count)
    try:
        assert native.run(native.LARGE + 1, compute, 20) != threading.get_native_id()
        assert turns >= 20
        turns = 0
        assert native.run(native.LARGE, compute, 2) == threading.get_native_id()
        assert turns <= 1
        turns = 0
        assert native.apart(compute, 20) != threading.get_native_id()
        assert turns >= 20
    finally:
        counting.kill()


@pytest.mark.parametrize("size", [0, native.LARGE + 1])
def test_what_is_raised_is_raised(size: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        native.run(size, divmod, 1, 0)
    assert native.run(size, divmod, 7, 2) == (3, 1)
    assert capfd.readouterr() == ("", "")


class Body:
    """Stands for the body of a request."""


@pytest.mark.parametrize("size", [0, native.LARGE + 1])
def test_what_is_raised_keeps_nothing_of_the_request(size: int) -> None:
    def refuse(body: Body) -> None:
        raise ValueError(body)

    def request() -> "weakref.ref[Body]":
        body = Body()
        with pytest.raises(ValueError, match="Body"):
            native.run(size, refuse, body)
        return weakref.ref(body)

    gc.disable()  # which would find a cycle some day
    try:
        body = request()
        gevent.sleep(0.01)  # for gevent's own part of the call
        assert body() is None
    finally:
        gc.enable()
