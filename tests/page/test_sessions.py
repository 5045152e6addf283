"""Sessions and attempts without a server."""

import os
import stat

import pytest

from app.common.errors import GatewayError
from app.keys.authentication import Authenticator
from app.page import attempts, sessions
from app.page.sessions import Sessions


def authenticator(*, only_loopback=False, own="own-key"):
    return Authenticator(own, key_headers=["Authorization"], only_loopback=only_loopback)


def test_a_session_and_its_end(tmp_path):
    place = tmp_path / "state"
    ours = Sessions(place, authenticator())
    cookie = ours.log_in("own-key", {})
    found = Sessions(place, authenticator()).find(cookie)  # of another worker
    assert found
    assert found.is_owner
    assert ours.proved(cookie, found.proof)
    assert ours.proved(cookie, found.proof + "x") is None
    assert "own-key" not in cookie
    assert Sessions(place, authenticator(own="another")).find(cookie) is None
    assert Sessions(tmp_path / "elsewhere", authenticator()).find(cookie) is None
    assert ours.find(cookie[:-2]) is None


def test_a_session_ends_by_itself(tmp_path, monkeypatch):
    ours = Sessions(tmp_path, authenticator())
    cookie = ours.log_in("own-key", {})
    monkeypatch.setattr(sessions, "LASTS", -1)
    assert ours.find(cookie) is None


def test_the_default_key_opens_the_page_on_this_machine_alone(tmp_path):
    ours = Sessions(tmp_path, authenticator(only_loopback=True))
    assert ours.log_in("own-key", {"Host": "localhost:8080"})
    with pytest.raises(GatewayError, match="loopback"):
        ours.log_in("own-key", {"Host": "rebound.test"})


def test_a_signing_key_that_somebody_else_placed_is_refused(tmp_path):
    elsewhere = tmp_path / "theirs"
    elsewhere.write_bytes(b"x" * 32)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / sessions.FILE).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        Sessions(state, authenticator()).log_in("own-key", {})


def test_the_signing_key_is_made_once(tmp_path):
    Sessions(tmp_path, authenticator()).log_in("own-key", {})
    path = tmp_path / sessions.FILE
    first = path.read_bytes()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    Sessions(tmp_path, authenticator()).log_in("own-key", {})
    assert path.read_bytes() == first
    assert [one.name for one in tmp_path.iterdir()] == [sessions.FILE]


def test_attempts(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(attempts, "monotonic", lambda: now[0])
    known = attempts.Attempts()
    for _ in range(attempts.MOST):
        assert known.seconds_to_wait("a") == 0
        known.fail("a")
    assert known.seconds_to_wait("a") == attempts.MINUTE
    assert known.seconds_to_wait("b") == 0
    now[0] += attempts.MINUTE + 1
    assert known.seconds_to_wait("a") == 0
