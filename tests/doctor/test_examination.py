"""``kiro2api doctor`` against the simulated service: what is wrong is found, said and explained."""

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from app.doctor import commands
from app.doctor.commands import Wishes, examine
from app.doctor.finding import Finding, Level, lines
from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.credentials.redis_server import RedisServer
from tests.credentials.service import refresh_token
from tests.live.servers import free_port

NOWHERE = "127.0.0.1:9"
Examine = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def environ(upstream: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A login that nobody has used, of an account of its own."""
    monkeypatch.chdir(tmp_path)
    urls = dict.fromkeys(("KIRO_API_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"), upstream.url)
    return {
        "HOME": str(tmp_path),
        "PORT": str(free_port()),
        "KIRO_CLIENT_TOKEN": "canary-key",
        "AWS_REFRESHTOKEN": refresh_token(hash(tmp_path) % 10**6),
        "KIRO_TOKEN_CACHE": str(tmp_path / "cache"),
        "KIRO_TOKEN_FILE": str(tmp_path / "no-file"),
        "KIRO_CONNECT_TIMEOUT": "2",
        **urls,
    }


@pytest.fixture
def doctor(environ: dict[str, str]) -> Examine:
    """The findings. Each that is no "ok" says what it means and what to do; none has a secret."""

    def run(wishes: Wishes | None = None, **changes: str) -> list[Finding]:
        found = list(examine({**environ, **changes}, wishes or Wishes()))
        for one in found:
            assert bool(one.meaning) is bool(one.advice) is (one.level is not Level.OK), one
            assert "canary" not in str(one)
            assert environ["AWS_REFRESHTOKEN"] not in str(one)
        return found

    return run


def bad(found: list[Finding], area: str = "") -> list[Finding]:
    return [one for one in found if one.level is not Level.OK and area in ("", one.area)]


def worst(found: list[Finding]) -> Level:
    return max(one.level for one in found)


def test_nothing_is_wrong(doctor: Examine, upstream: Simulator) -> None:
    """Neither does anything cost credits."""
    upstream.reset()
    found = doctor(Wishes(refresh=True))
    assert bad(found) == []
    assert {one.area for one in found} == {
        "python",
        "settings", "port", "store", "proxy", "host", "clock", "login", "quota", "models",
    }  # fmt: skip
    assert "ready, token for" in next(one.text for one in found if one.area == "login")
    assert "Codex (gpt-6.2-sol) is answered by" in found[-1].text
    assert not any(one.path.startswith("/generate") for one in upstream.requests)


def test_without_refresh_a_login_stays_untried(doctor: Examine, upstream: Simulator) -> None:
    upstream.reset()
    found = doctor()
    (login,) = bad(found, "login")
    assert (login.level, "untried" in login.text) == (Level.WARNING, True)
    assert "doctor --refresh" in login.advice
    assert not any("refresh" in one.path for one in upstream.requests)


def test_a_question_tells_its_cost(doctor: Examine) -> None:
    (answer,) = [one for one in doctor(Wishes(ask=True)) if one.area == "question"]
    assert answer.level is Level.OK
    assert "credits" in answer.text


def test_a_question_that_fails(doctor: Examine, upstream: Simulator) -> None:
    upstream.script(*[{"fail": "monthly_quota"}] * 3)
    try:
        (answer,) = [one for one in doctor(Wishes(ask=True)) if one.area == "question"]
    finally:
        upstream.reset()
    assert answer.level is Level.PROBLEM


def test_a_dead_login(doctor: Examine, upstream: Simulator, environ: dict[str, str]) -> None:
    upstream.configure_tokens(dead=[environ["AWS_REFRESHTOKEN"]])
    found = doctor(Wishes(refresh=True))
    (login,) = bad(found, "login")
    assert (login.level, "login over" in login.text) == (Level.PROBLEM, True)
    assert "log" in login.advice


def test_no_login(doctor: Examine) -> None:
    (login,) = bad(doctor(AWS_REFRESHTOKEN=""), "login")
    assert login.level is Level.PROBLEM
    assert "KIRO_API_KEY" in login.text
    _, _, head, *ways = lines(login)  # each way to log in has a line
    assert head.endswith("what to do: do one of these")
    assert all(line.startswith(f"{'':21}- ") for line in ways)
    assert "KIRO_AUTH_TOKEN=/path/to/token.json (a token file, or its content)" in ways[4]


def test_a_quota_that_is_nearly_used_up(doctor: Examine, upstream: Simulator) -> None:
    for used, level in ((95, Level.WARNING), (100, Level.PROBLEM)):
        upstream.configure_quota(usageBreakdownList=[{"currentUsage": used, "usageLimit": 100}])
        found = bad(doctor(Wishes(refresh=True)), "quota")
        assert [one.level for one in found] == [level]
        assert f"{used} of 100" in found[0].text
    upstream.reset()


def test_a_wrong_proxy(doctor: Examine) -> None:
    found = doctor(Wishes(refresh=True), KIRO_UPSTREAM_PROXY=f"http://me:canary@{NOWHERE}")
    (host,) = bad(found, "host")
    assert "cannot be reached through the proxy" in host.text
    assert NOWHERE in host.advice
    (login,) = bad(found, "login")
    assert "unreachable" in login.text
    assert worst(found) is Level.PROBLEM


def test_a_proxy_of_the_environment_is_not_used(doctor: Examine) -> None:
    (proxy,) = bad(doctor(HTTPS_PROXY=f"http://{NOWHERE}"), "proxy")
    assert "this program does not read that variable" in proxy.meaning


def test_redis_that_is_not_there(doctor: Examine) -> None:
    pytest.importorskip("redis")
    found = bad(doctor(KIRO_TOKEN_STORE=f"redis://:canary@{NOWHERE}/0"), "store")
    assert found[0].level is Level.PROBLEM
    assert "KIRO_TOKEN_STORE" in found[0].text


def test_a_directory_that_cannot_be_written(doctor: Examine, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    (store,) = bad(doctor(KIRO_TOKEN_CACHE=str(tmp_path / "a-file" / "cache")), "store")
    assert "cannot be written" in store.text


def test_a_directory_that_others_can_read(doctor: Examine, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o755)
    (store,) = bad(doctor(), "store")
    assert store.advice == f"chmod 700 {tmp_path / 'cache'}"


def test_redis_that_is_there(doctor: Examine, tmp_path: Path) -> None:
    pytest.importorskip("redis")
    require(RedisServer.is_installed(), "redis-server")
    server = RedisServer(tmp_path)
    try:
        (store,) = bad(doctor(KIRO_TOKEN_STORE=server.url), "store")
        assert "KIRO_STORE_KEY is not set" in store.text
        key = Fernet.generate_key().decode()
        found = doctor(KIRO_TOKEN_STORE=server.url, KIRO_STORE_KEY=key)
        assert bad(found, "store") == []
        assert key not in str(found)
    finally:
        server.stop()


def test_the_default_key(doctor: Examine) -> None:
    (found,) = bad(doctor(KIRO_CLIENT_TOKEN=""), "settings")
    assert (found.level, "default key" in found.text) == (Level.WARNING, True)
    (found,) = bad(doctor(KIRO_CLIENT_TOKEN="", HOST="0.0.0.0"), "settings")
    assert (found.level, "listening on 0.0.0.0" in found.text) == (Level.PROBLEM, True)


def test_what_others_can_read(doctor: Examine, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WEB_CONCURRENCY=1\n")
    (tmp_path / ".env").chmod(0o644)
    assert bad(doctor(), "files") == [], "it holds no secret"
    with (tmp_path / ".env").open("a") as file:
        file.write("KIRO_API_KEY=ksk_canary_1234567890\n")
    (found,) = bad(doctor(AWS_REFRESHTOKEN=""), "files")
    assert "has the mode 0644" in found.text


def test_a_key_file_that_is_not_there(environ: dict[str, str], tmp_path: Path) -> None:
    group = click.Group()
    commands.add_to(group, environ)
    given = ["doctor", "--front", "http://127.0.0.1:9", "--key-file", str(tmp_path / "none")]
    result = CliRunner().invoke(group, given)
    assert result.exit_code == 2
    assert "none' does not exist" in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_default_model_that_is_refused(doctor: Examine) -> None:
    found = bad(doctor(Wishes(refresh=True), KIRO_UNKNOWN_MODEL="refuse"), "models")
    assert any("Codex asks for gpt-6.2-sol" in one.text for one in found)


def test_a_file_that_others_can_read(doctor: Examine, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("canary-key")
    for mode, count in ((0o644, 1), (0o600, 0)):
        key.chmod(mode)
        found = bad(doctor(KIRO_CLIENT_TOKEN="", KIRO_CLIENT_TOKEN_FILE=str(key)), "files")
        assert len(found) == count
        assert not found or found[0].advice == f"chmod 600 {key}"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_wrong_settings_end_the_examination(doctor: Examine) -> None:
    found = doctor(PORT="x", KIRO_PING_INTERVAL="never")
    assert [one.level for one in found] == [Level.PROBLEM] * 2
    assert found[0].text.startswith("PORT: found 'x'")


def test_what_nothing_reads(doctor: Examine) -> None:
    (found,) = bad(doctor(KIRO_IDLE_TIMEOT="3"), "settings")
    assert "did you mean KIRO_IDLE_TIMEOUT?" in found.text


def test_a_port_of_another_program(doctor: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        other.settimeout(0)
        port = other.getsockname()[1]
        found = bad(doctor(PORT=str(port), HOST="127.0.0.1"), "port")
    assert found[0].text == f"127.0.0.1:{port} is in use by another program"


def test_an_address_of_another_machine(doctor: Examine) -> None:
    found = bad(doctor(HOST="192.0.2.1"), "port")
    assert "not an address of this machine" in found[0].text


@pytest.fixture
def command(environ: dict[str, str]) -> Callable[..., Result]:
    def run(*arguments: str, **changes: str) -> Result:
        group = click.Group()
        commands.add_to(group, {**environ, **changes})
        return CliRunner().invoke(group, ["doctor", *arguments])

    return run


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"KIRO_IDLE_TIMEOT": "3"}, 1), ({"KIRO_UPSTREAM_PROXY": f"http://{NOWHERE}"}, 2)],
)
def test_the_exit_code_is_the_worst_finding(
    command: Callable[..., Result], changes: dict[str, str], code: int
) -> None:
    result = command("--refresh", **changes)
    assert result.exit_code == code, result.output
    assert result.output.splitlines()[-1].startswith("Nothing is wrong." if not code else "")
    told = command("--refresh", "--json", **changes)
    document = json.loads(told.output)
    assert (told.exit_code, document["exit_code"]) == (code, code)
    assert document["findings"][0].keys() == {"area", "level", "text", "meaning", "advice"}


def test_the_server_does_not_load_the_doctor() -> None:
    """Nor what else only one command needs."""
    script = (
        "import sys, app.__main__; print([n for n in sys.modules if n.startswith(('app.doctor',"
        "'app.load', 'cryptography'))])"
    )
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.stdout.strip() == "[]", shown.stderr
