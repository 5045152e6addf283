"""The rules that keep the house readable: who may import whom, how large things may be.

``ALLOWED`` is the table of docs/architecture.md; imports inside functions count as well.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "app").rglob("*.py"))

ALLOWED = {  # lower rows import from higher ones
    "errors": set(),
    "files": set(),
    "finished": set(),
    "ids": set(),
    "masking": set(),
    "openapi": set(),
    "output": set(),
    "program": set(),
    "python_build": set(),
    "runners": set(),
    "sockets": set(),
    "tls": set(),
    "trace_context": set(),
    "version": set(),
    "waits": set(),
    "aws": set(),
    "database": {"files"},
    "core": set(),
    "eventstream": set(),
    "simulator": set(),
    "models": {"core"},
    "settings": {"aws", "models"},  # which names are regions and models
    "upstream_http": {"sockets"},
    "server": {"errors", "ids", "output", "sockets", "trace_context", "version"},
    "recording": {"errors", "eventstream", "files", "masking", "output", "program", "version"},
    "upstream": {"core", "errors", "models"},
    "codewhisperer": {
        "aws", "core", "errors", "eventstream", "ids", "masking", "models", "settings", "tls",
        "trace_context", "upstream", "upstream_http", "version", "waits",
    },
    "credentials": {
        "aws", "errors", "files", "program", "settings", "tls", "upstream_http", "version", "waits",
    },
    "catalogue": {"credentials", "errors", "files", "models", "program", "settings"},
    "retry": {"core", "errors", "models"},
    "fetching": {"core", "errors", "tls", "version"},
    "gateway": {
        "catalogue", "core", "credentials", "errors", "finished", "models", "retry", "runners",
        "upstream",
    },
    "explaining": {"core", "credentials", "gateway", "models", "upstream"},
    "calls": {"gateway"},
    "demands": {"calls", "core", "errors", "gateway"},
    "hosted": {"calls", "core", "credentials", "errors", "gateway", "retry", "upstream"},
    "compaction": {"calls", "core", "errors", "gateway"},
    "kept": {"files", "settings"},
    "alerts": {
        "aws", "credentials", "errors", "files", "program", "settings", "tls", "version",
    },
    "accounting": {"aws", "core", "database", "errors", "finished", "openapi", "settings"},
    "keys": {"core", "database", "errors", "files", "models", "program", "settings"},
    "metrics": {"files", "finished", "settings", "version"},
    "tracing": {"finished", "settings", "version"},
    "pages": {"accounting", "core", "errors", "models", "openapi", "server", "version"},
    "web": {
        "core", "errors", "finished", "ids", "kept", "keys", "recording", "server", "trace_context",
    },
    "client_setup": {"files", "models", "program", "settings"},
    "page": {
        "accounting", "client_setup", "core", "credentials", "errors", "files", "keys", "models",
        "server",
    },
    "dialects": {"core", "errors", "openapi"},
    "entry": {"core", "dialects", "errors", "ids", "openapi", "web"},  # of a dialect: ENTRY_MODULES
    "operating": {
        "accounting", "catalogue", "credentials", "finished", "gateway", "keys", "metrics",
        "output", "page", "pages", "server", "settings", "tracing", "version", "web",
    },
    "application": {
        "accounting", "alerts", "catalogue", "codewhisperer", "compaction", "core", "credentials",
        "demands", "entry", "errors", "explaining", "fetching", "gateway", "hosted", "kept", "keys",
        "metrics", "models", "openapi", "operating", "pages", "recording", "server",
        "settings", "tls", "tracing", "version", "web",
    },
    "preflight": {"credentials", "errors", "keys", "settings"},
    "wsgi": {"application", "preflight", "settings"},
    "launch": set(),
    "settings_commands": {"credentials", "preflight", "program", "settings"},
    "load": {"client_setup", "launch", "settings"},
    "doctor": {
        "aws", "catalogue", "client_setup", "codewhisperer", "core", "credentials", "errors",
        "masking", "models", "preflight", "program", "python_build", "settings", "tls", "upstream",
        "upstream_http",
    },
    "__main__": {
        "accounting", "catalogue", "client_setup", "codewhisperer", "credentials", "doctor", "keys",
        "launch", "load", "output", "preflight", "program", "recording", "settings",
        "settings_commands", "simulator", "version",
    },
}  # fmt: skip
CREDENTIAL_VALUES = {"boot", "entries", "health", "lineage", "model", "times"}
INSIDE_CREDENTIALS = {  # the folders and files of app/credentials, in the same way
    "boot": set(),
    "model": set(),
    "times": set(),
    "health": set(),
    "lineage": {"model"},
    "sessions": set(),
    "entries": {"model", "times"},
    "sources": CREDENTIAL_VALUES,
    "store": CREDENTIAL_VALUES,
    "refresh": CREDENTIAL_VALUES,
    "sign_in": {*CREDENTIAL_VALUES, "refresh", "store"},
    "accounts": {*CREDENTIAL_VALUES, "refresh", "store"},
    "assembly": {"model", "refresh", "store"},
    "pool": {
        *CREDENTIAL_VALUES,
        "accounts",
        "assembly",
        "refresh",
        "sessions",
        "sources",
        "store",
    },
    "request_token": {"model", "pool"},
    "commands": {*CREDENTIAL_VALUES, "accounts", "assembly", "pool", "sign_in", "sources"},
    "__init__": {"accounts", "assembly", "model", "pool", "request_token", "sources"},
}
IO_MODULES = {
    "asyncio", "flask", "gevent", "http", "io", "logging", "os", "pathlib", "random", "requests",
    "secrets", "select", "socket", "ssl", "subprocess", "threading", "time", "urllib3",
}  # fmt: skip
# what of a dialect may know HTTP and the web room
ENTRY_MODULES = {"conversation_routes", "dialect", "kept_routes", "routes"}
SANS_IO_ROOMS = {  # not the entry modules of the dialects
    "aws", "codewhisperer", "core", "dialects", "eventstream", "models",
}  # fmt: skip
WITH_IO = {
    f"app.codewhisperer.{name}"
    for name in ("client", "service.operations", "upstream", "web_search")
}
EXCUSED = {  # a log line, and the clock where none is given
    "app.codewhisperer.attempts",
    "app.codewhisperer.service.hosts",
    "app.codewhisperer.service.profiles",
    "app.codewhisperer.service.errors",
    "app.codewhisperer.service.news",
    "app.dialects.openai",
}

FUNCTION_LINES = {"median": 10, "nine in ten": 30, "longest": 60}
FILE_LINES = 350

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:wor[k]|roo[t]|User[s]|hom[e]/\w)[/\w]|\.\./share[d]")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> Iterator[str]:
    """The full names of what a file imports, the names of ``from x import name`` included."""
    return imported_names(path.read_text(encoding="utf-8"), module_name(path), path.stem)


def imported_names(source: str, module: str, stem: str) -> Iterator[str]:
    package = module if stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(filter(None, [*(above if node.level else []), node.module]))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """The row of the table for a module of app; "" for anything else."""
    parts = module.split(".")
    if parts[0] != "app" or len(parts) < 2:
        return ""
    if parts[1] == "common":
        return parts[2] if len(parts) > 2 else ""
    if parts[1] == "dialects":
        return "entry" if ENTRY_MODULES & {*parts[2:4]} else "dialects"
    return parts[1]


def dialect(module: str) -> str:
    """The dialect, which is a folder, that a module or a name in it belongs to."""
    parts = module.split(".")
    inside = parts[:2] == ["app", "dialects"] and len(parts) > 2
    return parts[2] if inside and (ROOT / "app" / "dialects" / parts[2]).is_dir() else ""


def breaches(module: str, imported: Iterable[str]) -> list[str]:
    here = room(module)
    found = []
    for name in imported:
        there = room(name)
        in_dialects = here in ("dialects", "entry")
        stranger = in_dialects and dialect(name) not in ("", dialect(module))
        if stranger or (there and there != here and there not in ALLOWED[here]):
            found.append(f"{module} imports {name}")
    return found


def part_of_credentials(module: str) -> str:
    """The folder or file of app/credentials that a module or a name belongs to; "" for others."""
    parts = module.split(".")
    if parts[:2] != ["app", "credentials"]:
        return ""
    return parts[2] if parts[2:3] and parts[2] in INSIDE_CREDENTIALS else "__init__"


def breaches_of_credentials(module: str, imported: Iterable[str]) -> list[str]:
    """Imports inside app/credentials against its table, and imports from outside past its door."""
    here = part_of_credentials(module)
    allowed = {here, *INSIDE_CREDENTIALS[here]} if here else {"__init__"}
    if module == "app.__main__":
        allowed.add("commands")
    found = [name for name in imported if part_of_credentials(name) not in {"", *allowed}]
    return [f"{module} imports {name}" for name in found]


def functions() -> Iterator[tuple[int, str]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines"


def tracked_texts() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        try:
            yield Path(name), (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # binary data; deleted, not yet committed
            continue


def test_every_room_is_in_the_table():
    rooms = {room(module_name(path)) for path in SOURCES} - {""}
    assert rooms <= ALLOWED.keys()


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_follow_the_table(path):
    assert breaches(module_name(path), imports(path)) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app.models.names", "from app.common.errors import Kind"),
        ("app.models.names", "def f():\n    from .. import errors"),
        ("app.codewhisperer.client", "import app.credentials.pool"),
        ("app.keys.authentication", "from app.dialects.anthropic import errors"),
        ("app.dialects.anthropic.parse", "from app.web.serving import Serving"),
        ("app.dialects.anthropic.parse", "from ..openai_chat import schema"),
        ("app.dialects.anthropic.routes", "from app.dialects.openai_chat import schema"),
        ("app.dialects.anthropic.dialect", "from app.dialects.openai_chat import schema"),
        ("app.dialects.anthropic.parse", "from . import routes"),
        ("app.dialects.openai", "from app.dialects.openai_chat import schema"),
        ("app.dialects.encoder", "from app.web.serving import Serving"),
        ("app.dialects.anthropic.routes", "from app.codewhisperer import client"),
        ("app.simulator.wire.frames", "from app.core import events"),
        ("app.gateway", "from app.application import create_app"),
        ("app.gateway", "from app.codewhisperer.upstream import CodeWhisperer"),
    ],
)
def test_a_breach_is_found(path, source):
    assert len(breaches(path, imported_names(source, path, path.rpartition(".")[2]))) == 1


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_follow_the_table_of_the_credentials(path):
    assert breaches_of_credentials(module_name(path), imports(path)) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app.credentials.store.files", "from app.credentials.refresh import policy"),
        ("app.credentials.sources.chain", "from app.credentials.store.locks import exclusive"),
        ("app.credentials.refresh.refresher", "from ..accounts import state"),
        ("app.credentials.model", "from .health import AccountHealth"),
        ("app.credentials.accounts.managed", "from app.credentials import Credentials"),
        ("app.gateway", "from app.credentials.pool import Credentials"),
        ("app.__main__", "from app.credentials.sources import chain"),
        ("app.application", "from app.credentials import commands"),
    ],
)
def test_a_breach_of_the_credentials_is_found(path, source):
    imported = imported_names(source, path, path.rpartition(".")[2])
    assert len(breaches_of_credentials(path, imported)) == 1


def test_the_table_of_the_credentials_is_complete_and_has_no_cycle():
    parts = {part_of_credentials(module_name(path)) for path in SOURCES} - {""}
    folders = {path.name for path in (ROOT / "app" / "credentials").iterdir() if path.is_dir()}
    files = {path.stem for path in (ROOT / "app" / "credentials").glob("*.py")}
    assert parts == INSIDE_CREDENTIALS.keys() == folders - {"__pycache__"} | files
    TopologicalSorter(INSIDE_CREDENTIALS).prepare()  # raises CycleError


SIMULATOR_LAYERS = ("wire", "catalogue", "checks", "answers", "service", "server")
"""The folders of the simulator, lowest first."""


@pytest.mark.parametrize("layer", SIMULATOR_LAYERS)
def test_a_layer_of_the_simulator_imports_only_lower_ones(layer):
    sources = sorted((ROOT / "app" / "simulator" / layer).glob("*.py"))
    assert sources
    used = {name.split(".")[2] for path in sources for name in imports(path) if room(name)}
    assert used <= set(SIMULATOR_LAYERS[: SIMULATOR_LAYERS.index(layer) + 1])


def test_only_the_entrances_import_the_application():
    users = [module_name(path) for path in SOURCES if "app.application.create_app" in imports(path)]
    assert set(users) <= {"app.__main__", "app.wsgi"}


def test_gunicorn_reads_only_the_settings_before_the_worker_starts():
    tree = ast.parse((ROOT / "gunicorn.conf.py").read_text(encoding="utf-8"))
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert ast.unparse(statements[0]) == "from gevent import events, monkey"
    top = "\n".join(ast.unparse(node) for node in statements)
    rooms = {room(name) for name in imported_names(top, "gunicorn.conf", "conf")} - {""}
    assert rooms == {"output", "settings"}


def is_sans_io(module: str) -> bool:
    return room(module) in SANS_IO_ROOMS and module not in WITH_IO | EXCUSED


SANS_IO = [path for path in SOURCES if is_sans_io(module_name(path))]


@pytest.mark.parametrize("path", SANS_IO, ids=module_name)
def test_sans_io_parts_do_no_io_nor_import_what_does(path):
    names = set(imports(path))
    assert {name.partition(".")[0] for name in names} & IO_MODULES == set()
    assert {name.rpartition(".")[0] for name in names} & WITH_IO == set()


def test_only_these_rooms_know_flask():
    users = {room(module_name(path)) for path in SOURCES if knows_flask(path)}
    assert users <= {"server", "web", "page", "pages", "entry", "operating", "application"}
    in_server = {module_name(path) for path in SOURCES if knows_flask(path)}
    assert {name for name in in_server if room(name) == "server"} == {"app.server.framework"}


def knows_flask(path: Path) -> bool:
    return any(name.partition(".")[0] in ("flask", "flask_cors") for name in imports(path))


def test_only_modules_that_are_there_are_excused():
    assert {module_name(path) for path in SOURCES} >= WITH_IO | EXCUSED


def test_only_the_settings_read_the_environment():
    readers = {
        module_name(path)
        for path in SOURCES
        if {"os.environ", "os.getenv"} & {ast.unparse(node) for node in attributes(path)}
    }
    assert readers <= {"app.settings", "app.__main__"}


def attributes(path: Path) -> Iterator[ast.Attribute]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def test_functions_fit_a_screen():
    sizes = sorted(functions())
    lengths = [lines for lines, _ in sizes]
    assert lengths, "no function was found"
    assert sizes[-1][0] <= FUNCTION_LINES["longest"], sizes[-1][1]
    assert statistics.quantiles(lengths, n=10)[-1] < FUNCTION_LINES["nine in ten"]
    assert statistics.median(lengths) <= FUNCTION_LINES["median"]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_are_short_and_say_what_they_are(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= FILE_LINES
    assert ast.get_docstring(ast.parse(source)), "a module states its contract in its docstring"


def test_nothing_names_the_machine_it_was_written_on():
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["see ../" + "shared/notes", 'open("/' + 'work/main/x")'])
def test_a_machine_path_is_found(line):
    assert MACHINE_PATH.search(line)
