import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.keys import key_file
from app.keys.key_file import ClientKey, KeyFile, KeysError

DIGEST = key_file.digest("a key")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def member(**members: Any) -> dict[str, Any]:
    return {"name": "alice", "sha256": DIGEST, **members}


def write(path: Path, *members: Any) -> None:
    path.write_text(json.dumps({"keys": members}))


def test_every_member(path: Path) -> None:
    limits = {"models": ["auto"], "requests_per_minute": 60, "concurrent_streams": 2}
    write(
        path,
        member(**limits, expires="2027-01-31T12:00:00+01:00"),
        member(name="b", sha256="0" * 64),
    )
    first, second = key_file.read(path)
    assert first == ClientKey(
        "alice", DIGEST, ("auto",), 60, 2, datetime(2027, 1, 31, 11, tzinfo=UTC)
    )
    assert second == ClientKey("b", "0" * 64)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ('{"keys": [], "more": 1}', "unknown field `more`"),
        ({"sha256": DIGEST}, "missing required field `name` - at `$.keys[0]`"),
        (member(name="Alice"), "$.keys[0].name"),
        (member(name="KIRO_CLIENT_TOKEN"), "$.keys[0].name"),
        (member(sha256="a key"), "$.keys[0].sha256"),
        (member(models=[]), "$.keys[0].models"),
        (member(requests_per_minute=0), "$.keys[0].requests_per_minute"),
        (member(concurrent_streams="2"), "$.keys[0].concurrent_streams"),
        (member(expires="2027-01-31T12:00:00"), "$.keys[0].expires"),
        (member(request_per_minute=5), "unknown field `request_per_minute`"),
    ],
)
def test_what_is_wrong_is_named(path: Path, content: Any, problem: str) -> None:
    if isinstance(content, str):
        path.write_text(content)
    else:
        write(path, content)
    with pytest.raises(KeysError) as error:
        key_file.read(path)
    assert str(path) in str(error.value)
    assert problem in str(error.value)


@pytest.mark.parametrize("twin", [{"name": "alice", "sha256": "0" * 64}, member(name="b")])
def test_two_of_one_name_or_one_key(path: Path, twin: dict[str, Any]) -> None:
    write(path, member(), twin)
    with pytest.raises(KeysError, match="two keys have the"):
        key_file.read(path)


def test_no_file(path: Path) -> None:
    with pytest.raises(KeysError, match="keys add` creates it"):
        key_file.read(path)


def test_new_keys_are_long_and_differ() -> None:
    made = {key_file.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(key.startswith("sk-") and len(key) >= 50 for key in made)


class TestChange:
    def test_the_file_is_for_its_owner_alone(self, path: Path) -> None:
        added = ClientKey("alice", DIGEST, expires=datetime(2027, 1, 1, tzinfo=UTC))
        key_file.change(path, lambda kept: [*kept, added])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert key_file.read(path) == (added,)
        assert os.listdir(path.parent) == [path.name]

    def test_what_somebody_else_adds_meanwhile_stays(self, path: Path) -> None:
        key_file.change(path, lambda kept: [*kept, ClientKey("first", "1" * 64)])
        other = ClientKey("other", "2" * 64)

        def add(kept: Any) -> Any:
            if other not in key_file.read(path):
                key_file.change(path, lambda known: [*known, other])
            return [*kept, ClientKey("mine", "3" * 64)]

        key_file.change(path, add)
        assert [key.name for key in key_file.read(path)] == ["first", "other", "mine"]

    def test_a_file_that_cannot_be_read_is_not_overwritten(self, path: Path) -> None:
        path.write_text("{")
        with pytest.raises(KeysError):
            key_file.change(path, lambda _: [])
        assert path.read_text() == "{"


class TestKeyFile:
    def test_changes_are_taken_up(self, path: Path) -> None:
        file = KeyFile(path)
        assert file.current() == ()
        write(path, member())
        assert [key.name for key in file.current()] == ["alice"]
        write(path, member(), member(name="b", sha256="0" * 64))
        assert [key.name for key in file.current()] == ["alice", "b"]
        write(path)
        assert file.current() == ()

    @pytest.mark.parametrize("broken", [None, "{", '{"keys": [{}]}'])
    def test_a_broken_file_changes_nothing_and_is_told_once(
        self, path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
    ) -> None:
        write(path, member())
        file = KeyFile(path)
        before = file.current()
        if broken is None:
            path.unlink()
        else:
            path.write_text(broken)
        caplog.clear()
        assert file.current() == file.current() == before
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert str(path) in caplog.text
        assert DIGEST not in caplog.text
        write(path)
        assert file.current() == ()


class TestAWorkerThatStartsLater:
    """It accepts the keys that the others accept."""

    def test_while_the_file_is_damaged(self, tmp_path: Path) -> None:
        path, state = tmp_path / "keys.json", tmp_path / "state"
        key_file.change(path, lambda _: [ClientKey("alice", "a" * 64), ClientKey("bob", "b" * 64)])
        KeyFile(path, state).current()
        key_file.change(path, lambda kept: kept[:1])
        first = KeyFile(path, state)
        first.current()
        path.write_text("{")
        later = KeyFile(path, state)
        for file in (first, later, later):
            assert [key.name for key in file.current()] == ["alice"], "bob's key was revoked"
        (copy,) = state.iterdir()
        assert copy.stat().st_mode & 0o077 == 0
        assert [key.name for key in KeyFile(tmp_path / "other.json", state).current()] == []

    def test_after_the_file_was_removed(self, tmp_path: Path) -> None:
        path, state = tmp_path / "keys.json", tmp_path / "state"
        key_file.change(path, lambda _: [ClientKey("alice", "a" * 64)])
        KeyFile(path, state).current()
        path.unlink()
        assert KeyFile(path, state).current() == ()
