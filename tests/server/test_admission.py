from time import monotonic

import gevent
import pytest
from gevent import socket

from app.common.errors import GatewayError, Kind
from app.server.admission import LONGEST_WAIT, RETRY_AFTER, Admission
from app.server.lifecycle import Lifecycle, Live


def begin(client: socket.socket | None = None) -> Live:
    return Lifecycle(client_stall=1).watch(client)


def refusal(admission: Admission, live: Live) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        admission.enter(live)
    return refused.value


def test_as_many_as_there_are_places() -> None:
    admission = Admission(2)
    leave = admission.enter(begin())
    admission.enter(begin())
    started = monotonic()
    refused = refusal(admission, begin())
    assert monotonic() - started < LONGEST_WAIT + 0.03
    assert refused.kind is Kind.OVERLOADED
    assert refused.status == 529
    assert refused.retry_after is not None
    assert RETRY_AFTER[0] <= refused.retry_after <= RETRY_AFTER[1]
    assert "KIRO_MAX_STREAMS" in refused.message
    leave()
    admission.enter(begin())
    assert refusal(admission, begin()).kind is Kind.OVERLOADED


def test_a_place_that_becomes_free_in_a_moment_is_waited_for() -> None:
    admission = Admission(1)
    leave = admission.enter(begin())
    gevent.spawn_later(LONGEST_WAIT / 4, leave)
    admission.enter(begin())
    assert refusal(admission, begin()).kind is Kind.OVERLOADED


def test_a_client_that_leaves_while_it_waits_takes_no_place() -> None:
    admission = Admission(1)
    leave = admission.enter(begin())
    client, connection = socket.socketpair()
    gevent.spawn_later(LONGEST_WAIT / 4, client.close)
    assert refusal(admission, begin(connection)).kind is Kind.CANCELLED
    leave()
    admission.enter(begin())()
    admission.enter(begin())


def test_one_that_waits_is_told_when_the_worker_stops() -> None:
    lifecycle = Lifecycle(client_stall=1)
    admission = Admission(1)
    admission.enter(begin())
    waiting = lifecycle.watch(None)
    gevent.spawn_later(LONGEST_WAIT / 4, lifecycle.end_all)
    assert refusal(admission, waiting).kind is Kind.SHUTTING_DOWN
