"""When a list of models is used, and when it is asked for again."""

import pytest

from app.catalogue.record import KEEP, NOTHING, RETRY, Record, decode, encode
from app.models.catalogue import STATIC, Catalogue
from app.models.table import MODELS

NOW = 1_800_000_000.0
LISTED = Record(Catalogue(MODELS, "auto"), listed_at=NOW, asked_at=NOW)


def failed(asked_at: float, retry: float = RETRY) -> Record:
    return Record(STATIC, listed_at=NOW, asked_at=asked_at, problem="no", retry=retry)


@pytest.mark.parametrize(
    ("record", "now", "since", "refresh", "due"),
    [
        (NOTHING, NOW, 0, 1800, True),
        (NOTHING, NOW, 0, 0, True),
        (LISTED, NOW, 0, 1800, False),
        (LISTED, NOW, NOW - 10, 1800, False),
        (LISTED, NOW + 5, NOW + 1, 1800, True),
        (LISTED, NOW + 1799, 0, 1800, False),
        (LISTED, NOW + 1800, 0, 1800, True),
        (LISTED, NOW + 1e6, 0, 0, False),
        (LISTED, NOW - 1000, 0, 1800, True),
        (failed(NOW + 2000), NOW + 2000 + RETRY - 1, 0, 1800, False),
        (failed(NOW + 2000), NOW + 2000 + RETRY, 0, 1800, True),
        (failed(NOW + 2000, 1e4), NOW + 2000 + RETRY, 0, 1800, False),
        (failed(NOW + 2000), NOW + 100, 0, 1800, False),
        (Record(asked_at=NOW, problem="no"), NOW + RETRY, 0, 0, True),
        (Record(asked_at=NOW, problem="no"), NOW + 1, NOW, 0, False),
        (Record(asked_at=NOW, problem="no"), NOW - 10_000, 0, 0, True),
    ],
)
def test_when_it_is_due(
    record: Record, now: float, since: float, refresh: float, due: bool
) -> None:
    assert record.is_due(now, since=since, refresh=refresh) is due


def test_the_last_good_list_is_kept_for_a_day() -> None:
    assert LISTED.good(NOW + KEEP) is LISTED.catalogue
    assert LISTED.good(NOW + KEEP + 1) is None
    assert LISTED.good(NOW - 10) is LISTED.catalogue
    assert LISTED.good(NOW - 1000) is None  # the clock was wrong then, or is now
    assert failed(NOW + 1).good(NOW + 2) is STATIC
    assert NOTHING.good(NOW) is None


def test_a_record_is_read_as_it_was_written() -> None:
    for record in (NOTHING, LISTED, failed(NOW)):
        assert decode(encode(record)) == record


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"catalogue": 5}', b"\xff\xfe", b'{"retry": "x"}']
)
def test_what_cannot_be_read_is_nothing(content: bytes) -> None:
    assert decode(content) == NOTHING
