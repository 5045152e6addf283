"""What is installed: the command, the wheel and the source distribution, the locked versions."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import signal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.__main__ import cli
from app.common import program
from app.version import __version__

from .test_process import Running, free_port

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INFO = f"kiro2api-{__version__}.dist-info"
COMMANDS = ("serve", "simulate", "settings", "accounts", "login", "logout", "keys")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source distribution."""
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(place)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    return place


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return built / f"kiro2api-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the unpacked wheel, which is all that installing it does beside a script."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


class TestCommandLine:
    @pytest.mark.parametrize("flag", ["-h", "--help"])
    @pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("keys", "add")])
    def test_help(self, command, flag):
        done = CliRunner().invoke(cli, [*command, flag])
        assert done.exit_code == 0
        assert done.output.startswith("Usage: ")

    def test_version(self):
        assert CliRunner().invoke(cli, ["--version"]).output == f"kiro2api, version {__version__}\n"

    @pytest.mark.parametrize("port", ["0", "65536", "http"])
    def test_invalid_port(self, port):
        done = CliRunner().invoke(cli, ["serve", "--port", port])
        assert done.exit_code == 2
        assert "--port" in done.output


class TestNamedCommand:
    """What messages call the program, by where it was started."""

    @pytest.fixture(autouse=True)
    def place(self, tmp_path, monkeypatch) -> Iterator[Path]:
        binaries = tmp_path / ".venv" / "bin"
        binaries.mkdir(parents=True)
        monkeypatch.setattr(sys, "executable", str(binaries / "python"))
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
        monkeypatch.chdir(tmp_path)
        program.command.cache_clear()
        yield tmp_path
        program.command.cache_clear()

    @pytest.fixture
    def script(self, place) -> Path:
        script = place / ".venv" / "bin" / "kiro2api"
        script.touch(mode=0o755)
        return script

    def test_on_the_path(self, script, monkeypatch):
        monkeypatch.setenv("PATH", str(script.parent))
        assert program.command() == "kiro2api"

    def test_in_a_checkout(self, script):
        assert program.command() == ".venv/bin/kiro2api"

    def test_from_another_directory(self, script, place, monkeypatch):
        (place / "other").mkdir()
        monkeypatch.chdir(place / "other")
        assert program.command() == "kiro2api"

    def test_not_installed(self):
        assert program.command() == "python -m app"


class TestDistributions:
    def test_wheel_has_what_serves_and_nothing_else(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            configuration = archive.read("app/gunicorn.conf.py")
            scripts = archive.read(f"{INFO}/entry_points.txt").decode()
        files = [*(ROOT / "app").rglob("*.py")]
        for place in ("templates", "static"):
            files += (ROOT / "app" / "page" / place).iterdir()
        here = {str(path.relative_to(ROOT)) for path in files}
        assert {name for name in names if not name.startswith(f"{INFO}/")} == {
            *here,
            "app/gunicorn.conf.py",
        }
        assert f"{INFO}/licenses/LICENSE" in names
        assert configuration == (ROOT / "gunicorn.conf.py").read_bytes()
        assert scripts == "[console_scripts]\nkiro2api = app.__main__:cli\n"

    def test_source_distribution_can_be_built_and_run(self, built):
        top = f"kiro2api-{__version__}"
        with tarfile.open(built / f"{top}.tar.gz") as archive:
            names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
        assert {name for name in names if not name.startswith("app/")} == {
            *("LICENSE", "README.md", "PKG-INFO", "pyproject.toml", ".gitignore"),
            *("gunicorn.conf.py", "wsgi.py"),
        }

    def test_serves_from_a_directory_with_an_app_of_its_own(self, installed, tmp_path):
        (tmp_path / "app").mkdir()
        for name in ("app/__init__.py", "wsgi.py", "gunicorn.conf.py"):
            (tmp_path / name).write_text("raise SystemExit('the wrong one')\n")
        port = free_port()
        script = "from app.__main__ import cli; cli()"
        command = ("-P", "-c", script, "serve", "--port", str(port))
        running = Running(tmp_path, *command, PYTHONPATH=str(installed), PORT="1")
        try:
            running.port = port
            running.until(running.healthy)
            assert f"ANTHROPIC_BASE_URL=http://127.0.0.1:{port}\n" in running.text()
            running.process.send_signal(signal.SIGTERM)
            assert running.ended() == 0
        finally:
            running.kill()


PIN = re.compile(r"(?P<name>[a-z0-9-]+)(\[[a-z]+\])?==(?P<version>[\w.]+)(; .+)?")
LOCKED = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)( ; [^\\\n]+)?( \\\n +--hash=sha256:[0-9a-f]{64})+\n",
    re.MULTILINE,
)
GROUPS: dict[str, list[str]] = {
    "project": PROJECT["project"]["dependencies"],
    **PROJECT["project"]["optional-dependencies"],
    **PROJECT["dependency-groups"],
}
LOCKS = {
    "requirements.txt": ["project"],
    "requirements/redis.txt": ["project", "redis"],
    "requirements/dev.txt": ["project", "brotli", "otel", "redis", "dev"],
    "requirements/tools.txt": ["project", "brotli", "otel", "redis", "dev", "tools"],
    "requirements/conformance.txt": ["conformance"],
}


def pins(*groups: str) -> dict[str, set[str]]:
    """The versions that pyproject.toml asks for."""
    found: dict[str, set[str]] = {}
    for requirement in (text for group in groups for text in GROUPS[group]):
        match = PIN.fullmatch(requirement)
        assert match, f"{requirement} pins no version"
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def locked(path: str) -> dict[str, set[str]]:
    """The versions in a lock, several where they differ between platforms."""
    found: dict[str, set[str]] = {}
    for match in LOCKED.finditer((ROOT / path).read_text(encoding="utf-8")):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


class TestPins:
    @pytest.mark.parametrize("path", LOCKS)
    def test_lock_has_what_the_project_asks_for(self, path):
        wanted, found = pins(*LOCKS[path]), locked(path)
        assert {name: found.get(name) for name in wanted} == wanted, "run `make lock`"

    @pytest.mark.parametrize("path", LOCKS)
    def test_every_requirement_has_hashes_and_no_address(self, path):
        text = (ROOT / path).read_text(encoding="utf-8")
        rest = LOCKED.sub("", text).splitlines()
        assert [line for line in rest if not line.lstrip().startswith("#")] == []
        assert "://" not in text

    @pytest.mark.parametrize("path", LOCKS)
    def test_locks_agree(self, path):
        everything = locked("requirements/tools.txt")
        for name, versions in locked(path).items():
            assert versions <= everything.get(name, versions), name

    def test_every_lock_is_tested(self):
        assert {f"requirements/{path.name}" for path in (ROOT / "requirements").iterdir()} | {
            "requirements.txt"
        } == LOCKS.keys()

    def test_what_the_program_imports_is_a_direct_dependency(self):
        distributions = importlib.metadata.packages_distributions()
        sources = [*(ROOT / "app").rglob("*.py"), ROOT / "gunicorn.conf.py"]
        names = {name for path in sources for name in imported(ast.parse(path.read_bytes()))}
        foreign = names - sys.stdlib_module_names - {"app", "compression"}  # the latter from 3.14
        # of several distributions with one name, such as opentelemetry's, one is enough
        wanted = [
            {re.sub("[-_.]+", "-", dist.lower()) for dist in distributions[name]}
            for name in foreign
        ]
        assert {"flask", "gevent", "gunicorn"} <= set().union(*wanted)
        pinned = pins("project", "brotli", "otel", "redis").keys()
        assert [names for names in wanted if not names & pinned] == []


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level names of what a module imports from outside its package."""
    for node in ast.walk(tree):
        names: list[Any] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        yield from (name.partition(".")[0] for name in names)
