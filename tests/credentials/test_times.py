from datetime import UTC, datetime

import pytest

from app.credentials.times import format_time, parse_time

MOMENT = datetime(2024, 2, 29, 12, 30, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-02-29T12:30:05Z", MOMENT),
        ("2024-02-29T12:30:05", MOMENT),
        ("2024-02-29 12:30:05", MOMENT),
        ("2024-02-29T12:30:05.250Z", MOMENT + 0.25),
        ("2024-02-29T12:30:05.2500000Z", MOMENT + 0.25),
        ("2024-02-29T12:30:05.250000999Z", MOMENT + 0.25),
        ("2024-02-29T12:30:05.250000999", MOMENT + 0.25),
        ("2024-02-29T20:30:05+08:00", MOMENT),
        (" 2024-02-29T12:30:05Z\n", MOMENT),
        (MOMENT, MOMENT),
        (int(MOMENT), MOMENT),
        (MOMENT * 1000, MOMENT),
        (str(int(MOMENT)), MOMENT),
        (str(int(MOMENT * 1000)), MOMENT),
    ],
)
def test_every_way_to_write_a_time(text: object, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "20240", True, None, [], {}, "2024-13-01T00:00:00Z"]
)
def test_what_is_no_time_is_refused_without_repeating_it(text: object) -> None:
    with pytest.raises(ValueError, match=r"^not a time$"):
        parse_time(text)


def test_a_time_is_written_as_the_ide_writes_it() -> None:
    assert format_time(MOMENT + 0.5) == "2024-02-29T12:30:05.500Z"
