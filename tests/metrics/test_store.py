"""Figures in files: exact, and kept whatever ends the worker that wrote them."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import directory, store, table
from app.metrics.exposition import exposition
from app.metrics.labels import MOST, NOTHING, OTHER, Label
from app.metrics.store import Store
from app.metrics.table import METRICS


def samples(place: Path) -> dict[str, float]:
    """What Prometheus reads, by name and labels."""
    text = exposition(place).decode()
    return {
        f"{one.name}{sorted(one.labels.items())}": one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_workers_add_up(tmp_path: Path) -> None:
    for slot in range(3):
        one = Store(tmp_path, slot)
        one.cell(table.RETRIES, "m").add(2)
        one.cell(table.RETRIES, "m").add()
        one.distribution(table.LONGEST_GAP, "m").observe(0.3)
    found = samples(tmp_path)
    assert found["kiro2api_retries_total[('model', 'm')]"] == 9
    gap = "kiro2api_stream_longest_gap_seconds"
    assert found[f"{gap}_count[('model', 'm')]"] == 3
    assert found[f"{gap}_sum[('model', 'm')]"] == pytest.approx(0.9)
    assert found[f"{gap}_bucket[('le', '0.25'), ('model', 'm')]"] == 0
    assert found[f"{gap}_bucket[('le', '0.5'), ('model', 'm')]"] == 3


@pytest.mark.parametrize(("value", "bound"), [(0.05, "0.05"), (0.051, "0.1"), (1e9, "+Inf")])
def test_a_bound_belongs_to_its_bucket(tmp_path: Path, value: float, bound: str) -> None:
    Store(tmp_path, 0).distribution(table.LONGEST_GAP, "m").observe(value)
    found = samples(tmp_path)
    filled = [name for name, count in found.items() if "_bucket" in name and count]
    assert f"'{bound}'" in filled[0]


def test_the_next_worker_of_a_slot_goes_on(tmp_path: Path) -> None:
    """The first one was killed: nothing of it was closed."""
    slot = directory.take_slot(tmp_path)
    first = Store(tmp_path, slot)
    first.cell(table.RETRIES, "m").add(5)
    first.cell(table.WORKERS).set(1)
    directory._remove_gauges(tmp_path, slot)
    Store(tmp_path, slot).cell(table.RETRIES, "m").add()
    found = samples(tmp_path)
    assert found["kiro2api_retries_total[('model', 'm')]"] == 6
    assert "kiro2api_workers[]" not in found


def test_a_file_that_was_cut_is_begun_anew(tmp_path: Path) -> None:
    cut = Store(tmp_path, 0)
    cut.cell(table.RETRIES, "m").add(5)
    cut.close()
    path = tmp_path / "counter_0.db"
    data = bytearray(path.read_bytes())
    data[8:12] = (10**6).to_bytes(4, "little")  # the length of the first key
    path.write_bytes(data)
    Store(tmp_path, 0).cell(table.RETRIES, "m").add()
    assert samples(tmp_path)["kiro2api_retries_total[('model', 'm')]"] == 1


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker may add up what it finds at any moment."""
    original = store.File

    def look(path: str) -> Any:
        assert Path(path).stat().st_size > 0
        exposition(tmp_path)
        return original(path)

    monkeypatch.setattr(store, "File", look)
    Store(tmp_path, 0).cell(table.RETRIES, "m").add()
    assert samples(tmp_path)["kiro2api_retries_total[('model', 'm')]"] == 1


def test_many_series_fit(tmp_path: Path) -> None:
    filled = Store(tmp_path, 0)
    for number in range(2000):
        filled.cell(table.TOKENS_USED, f"key{number}", "m", "input").add(number)
    assert sum(samples(tmp_path).values()) == sum(range(2000))


def test_a_number_goes_on_where_it_was_when_its_file_has_grown(tmp_path: Path) -> None:
    growing = Store(tmp_path, 0)
    first, spread = growing.cell(table.RETRIES, "m"), growing.distribution(table.LONGEST_GAP, "m")
    for number in range(2000):
        growing.cell(table.RETRIES, f"m{number}")
        growing.distribution(table.LONGEST_GAP, f"m{number}")
    first.add(3)
    spread.observe(0.5)
    found = samples(tmp_path)
    assert found["kiro2api_retries_total[('model', 'm')]"] == 3
    assert found["kiro2api_stream_longest_gap_seconds_sum[('model', 'm')]"] == 0.5


def test_slots_are_taken_by_lock(tmp_path: Path) -> None:
    assert [directory.take_slot(tmp_path) for _ in range(3)] == [0, 1, 2]


def test_gauges_of_the_dead_are_removed(tmp_path: Path) -> None:
    slot = directory.take_slot(tmp_path)
    for number in (slot, slot + 1):  # nobody holds the second
        Store(tmp_path, number).cell(table.ANSWERS).set(4)
    (tmp_path / f"lock-{slot + 1}").touch()
    assert samples(tmp_path)["kiro2api_answers_in_progress[]"] == 4


class TestDirectory:
    @pytest.fixture(autouse=True)
    def no_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(directory, "_place", None)

    def test_it_is_private_made_once_and_removed(self, tmp_path: Path) -> None:
        directory.begin(tmp_path)
        directory.begin(tmp_path)
        [made] = tmp_path.iterdir()
        place = directory.current()
        assert place is not None
        assert (place.path, made.stat().st_mode & 0o777) == (made, 0o700)
        directory.end()
        assert not made.exists()
        assert directory.current() is None

    def test_what_a_killed_master_left_is_removed(self, tmp_path: Path) -> None:
        left, other = tmp_path / "metrics-left", tmp_path / "metrics-file"
        left.mkdir()
        (left / "counter_0.db").touch()
        other.touch()
        directory.begin(tmp_path)
        assert not left.exists()
        assert other.exists()
        directory.end()

    def test_that_of_a_running_master_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory.begin(tmp_path)
        [first] = tmp_path.iterdir()
        monkeypatch.setattr(directory, "_place", None)  # as another master sees it
        directory.begin(tmp_path)
        assert first.exists()
        directory.end()


class TestLabels:
    def test_what_is_known_is_told_apart(self) -> None:
        label = Label(lambda value: value == "m")
        assert [label("m"), label("x"), label("")] == ["m", OTHER, NOTHING]

    @pytest.mark.parametrize("value", ["a b", "x" * 65, 'a"}', "\n", "é", "a\\"])
    def test_what_is_not_sane_is_other(self, value: str) -> None:
        assert Label()(value) == OTHER

    @pytest.mark.parametrize(
        ("value", "short"), [("refusal_fallback:m-1", "refusal_fallback"), ("tools[3].x", "tools")]
    )
    def test_details_are_left_out(self, value: str, short: str) -> None:
        assert Label()(value) == short

    def test_their_number_is_bounded(self) -> None:
        label = Label()
        given = {label(f"name{number}") for number in range(10 * MOST)}
        assert len(given) <= MOST + 1
        assert OTHER in given
        assert label("name0") == "name0"


def test_the_table_is_sound() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.startswith(("kiro2api_", "gen_ai_")), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert bool(metric.merge) == (metric.kind == "gauge"), metric.name
        assert [*metric.buckets] == sorted(metric.buckets), metric.name
        assert metric.meaning.endswith("."), metric.name
