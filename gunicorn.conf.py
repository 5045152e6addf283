"""The process model of the server; what it serves is made in ``wsgi.py``.

gunicorn executes this file in the master at start-up and again upon SIGHUP. Of ``app`` it imports
the settings and the output alone; what the start-up checks need beyond them is imported where it is
used, after the patch. Absent on purpose: an access log (the application writes one line a request)
and ``max_requests`` (it would cut streams).
"""

# ruff: noqa: E402 -- a module that is imported before the patch keeps blocking sockets
from gevent import events, monkey

# for each of 25 steps of the patch all installed packages would be searched for plug-ins
events.notify_and_call_entry_points = events.notify  # type: ignore[attr-defined]
monkey.patch_all()

import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# upon SIGUSR2 `python -m gunicorn` runs its file by the path, beside which are another app and http
sys.path[:] = [entry for entry in sys.path if Path(entry).name != "gunicorn"]

from gunicorn.errors import HaltServer

from app.common.output import never_wait
from app.settings import SettingsError
from app.settings.process import check_exposure, connections, current, load, log_config

never_wait("stderr")  # tracebacks and start-up messages too: nobody may be reading

# requests would load a detector of character encodings (3 MB) for responses that name none; nothing
# here needs it, and requests works without the module
sys.modules.setdefault("charset_normalizer", None)  # type: ignore[arg-type]
warnings.filterwarnings("ignore", "Unable to find acceptable character detection")

try:
    settings = load()
except SettingsError as error:
    former = current()
    if former is None:
        sys.exit(f"kiro2api cannot start: {error}")
    logging.getLogger("kiro2api").error("not reloaded, the former settings stay: %s", error)
    settings = former

bind = [settings.bind, *filter(None, [settings.kiro_metrics_bind])]
workers = settings.web_concurrency
worker_class = "app.server.worker.Worker"
worker_connections, few_files = connections(settings)
preload_app = False  # with it, code imported before the patch would break TLS
timeout = 30  # a watchdog for a blocked event loop, no limit on answers
graceful_timeout = settings.kiro_graceful_timeout
keepalive = max(1, graceful_timeout // 2)  # an idle connection must not outlast a graceful stop
limit_request_field_size = 64 * 1024  # as common fronts; all of a head may have no more either
limit_request_fields = 200
http_parser = "python"  # the one in C refuses less (docs/decisions/0043)
forwarded_allow_ips = settings.trusted_addresses  # X-Forwarded-Proto; the client's address is ours
forwarder_headers = ""  # SCRIPT_NAME and PATH_INFO: nothing here is mounted below another path
control_socket_disable = True  # two masters of one user would claim the same path
loglevel = settings.log_level
logconfig_dict = log_config(settings)

# what the log lines do not show is not looked up for each of them (Logging HOWTO, "Optimization")
logging._srcfile = None
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def on_starting(server: Any) -> None:
    """Refuse a start that cannot serve, with one message and before a socket is open."""
    from app.server import signals

    signals.release_after_forks()
    server.ends_with_terminal = _has_terminal() and not _is_nohup()
    warning = _preflight(server)
    _load_application()
    for text in filter(None, [warning, few_files, *settings.warnings]):
        server.log.warning(text)


def when_ready(server: Any) -> None:
    """Check the exposure of inherited sockets too (systemd, SIGUSR2), which no setting names."""
    from app.server.connections import listeners

    listeners.end_gently(server)
    addresses = _addresses(server)
    _refuse_exposure(addresses)
    ports = {address[1] for address in addresses if isinstance(address, tuple)}
    if settings.metrics_port and settings.metrics_port not in ports:
        server.log.warning("KIRO_METRICS_BIND is not served: the sockets were given by another")


def on_reload(server: Any) -> None:
    """Check the exposure again after SIGHUP; running answers may finish. SIGHUP also comes when the
    terminal is closed, which must not leave a server behind that nobody sees.
    """
    if server.ends_with_terminal and not _has_terminal():
        raise HaltServer("the terminal was closed", exit_status=0)
    try:
        check_exposure(settings, _addresses(server))
    except SettingsError as error:
        raise HaltServer(str(error), exit_status=1) from None
    from app.preflight import missing_credential

    if missing := missing_credential(settings):  # a file may be half written; workers had one
        server.log.error(missing)
    _prepare_shared()


def on_exit(_server: Any) -> None:
    """Remove what the workers shared, after the last of them."""
    for name in ("app.kept.master", "app.metrics.directory"):
        if (shared := sys.modules.get(name)) is not None:
            shared.end()


def pre_exec(server: Any) -> None:
    """Pass nohup on to the master that SIGUSR2 starts: an ignored signal outlives exec, a handler
    does not."""
    if not server.ends_with_terminal:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def pre_fork(_server: Any, _worker: Any) -> None:
    """Hold signals until the worker's own handlers can take them."""
    from app.server import signals

    signals.hold()


def child_exit(_server: Any, worker: Any) -> None:
    """A worker that was killed is gone, not stuck, and has no answers in progress."""
    from app.server import spread
    from app.server.progress import BOARD

    BOARD.clear(worker.age)
    spread.ended(worker.age)


def post_worker_init(_worker: Any) -> None:
    """Ctrl-C reaches workers twice, from the terminal and through the master: the second call of
    gunicorn's handler would end the first in a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _load_application() -> None:
    """Load the application's modules once: workers start sooner and share the memory. Each worker
    makes its own application from them. New code therefore needs a new master.
    """
    from app.application import preload
    from app.server.memory import keep_freed

    preload(settings)
    _prepare_shared()
    keep_freed()
    gc.collect()
    gc.freeze()  # else the first collection in each worker would copy every page of it


def _prepare_shared() -> None:
    """Make what the workers share, unless it is there; a reload changes nothing of it."""
    from app.application import prepare_kept, prepare_metrics

    prepare_kept(settings)
    prepare_metrics(settings)


def _preflight(server: Any) -> str:
    """Check what a start needs; the addresses too, unless the sockets are inherited (SIGUSR2,
    systemd). Returns a warning to log.
    """
    from gunicorn.systemd import listen_fds

    from app import preflight

    inherits = server.master_pid or listen_fds(unset_environment=False)
    opens = not inherits and not server.cfg.reuse_port
    try:
        return preflight.check(settings, server.cfg.address, opens=opens)
    except preflight.CannotStart as error:
        sys.exit(f"kiro2api cannot start: {error}")


def _refuse_exposure(addresses: Iterable[object]) -> None:
    try:
        check_exposure(settings, addresses)
    except SettingsError as error:
        sys.exit(f"kiro2api cannot start: {error}")


def _addresses(server: Any) -> list[Any]:
    return [listener.sock.getsockname() for listener in server.LISTENERS]


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _is_nohup() -> bool:
    return signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
