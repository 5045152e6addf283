"""The model behind docs/scaling.md, without a measurement."""

import re

import pytest

from app.credentials.store import redis_backend
from benchmarks.parts import ROOT
from benchmarks.scale import report
from benchmarks.scale.measure import Point
from benchmarks.scale.model import LOCK_POLL, Model, error

MODEL = Model(idle=4.0, answer=0.5, first=60.0, later=40.0, refresh=0.1, look=0.01)


def test_the_poll_is_that_of_the_store():
    assert LOCK_POLL == redis_backend._LOCK_POLL


def test_one_host_refreshes_and_that_is_all():
    seconds, calls = MODEL.wave(1)
    assert seconds == pytest.approx(0.1, abs=0.002)
    assert calls == 60


@pytest.mark.parametrize("hosts", [2, 30, 400])
def test_hosts_hold_the_lock_one_after_the_other(hosts):
    held = 0.1 + 0.01 * (hosts - 1)
    seconds, calls = MODEL.wave(hosts)
    assert held <= seconds <= 1.3 * held + 2 * max(LOCK_POLL)
    assert calls > 60 + 40 * (hosts - 1)  # and tries that fail
    assert MODEL.wave(hosts) == (seconds, calls)


def test_calls_grow_with_workers_and_answers():
    assert MODEL.calls_per_second(8, 100) == 4 * 8 + 50
    assert MODEL.calls_per_second(80, 1000) == 10 * MODEL.calls_per_second(8, 100)


def test_an_error_is_a_share_of_what_was_counted():
    assert error(12, 10) == pytest.approx(0.2)
    assert error(0, 0) == 0


def test_the_page_is_made_of_points_and_of_docs_performance():
    points = [
        Point(n, 4.0 * n, 900.0 * n, 0.5, 0.6, 10.0, 20 + 40.0 * n, 0.1, 1) for n in (1, 2, 3)
    ]
    told = {"date": "2026-11-27", "machine": "2 x a machine", "others": 0.5, "cores": 2}
    page = report.markdown(told, points, MODEL, MODEL, 50_000)
    head = (ROOT / "docs" / "scaling.md").read_text()
    assert re.findall(r"^## .+", page, re.MULTILINE) == re.findall(r"^## .+", head, re.MULTILINE)
    assert f"| memory of an open stream | {report.costs().stream:.0f} KB |" in page
    assert "{" not in page
    assert report.worst(points, MODEL) < 0.2
