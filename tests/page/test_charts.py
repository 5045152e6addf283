"""The figures of the charts."""

from app.accounting.entry import Speed, Total
from app.page import charts

NOW = 1_795_000_000.0


def test_the_last_hour_in_medians():
    speeds = [
        Speed(NOW - 30, 500, 1500, 100),
        Speed(NOW - 40, 700, 1700, 300),
        Speed(NOW - 3000, 4000, 6000, 10),
        Speed(NOW - 4000, 9000, 9001, 10),
    ]
    line = charts.first_events(speeds, NOW)
    assert line
    assert [point.value for point in line.points] == [4.0, 0.6]
    assert (line.top, line.median) == (4.0, 0.7)
    rates = charts.throughput(speeds, NOW)
    assert rates
    assert [point.value for point in rates.points] == [5.0, 200.0]
    xs = [point.x for point in line.points]
    assert xs == sorted(xs)
    assert all(0 <= point.y <= charts.HEIGHT for point in line.points)


def test_nothing_to_draw():
    assert charts.first_events([], NOW) is None
    assert charts.throughput([Speed(NOW, 100, 100, 5)], NOW) is None
    assert charts.columns([]) == []


def test_days_without_an_answer_have_a_place():
    day = 86400.0
    days = charts.days([Total(name="2026-11-18", credits=2_500_000)], NOW - 2 * day, NOW)
    assert [(one.label, one.value) for one in days] == [
        ("2026-11-16", "0.00"),
        ("2026-11-17", "0.00"),
        ("2026-11-18", "2.50"),
    ]
    assert [one.height for one in days] == [0, 0, charts.HEIGHT - 4]
