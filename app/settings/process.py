"""The settings of a serving process: loads them, checks that they are safe, configures the logs.

``gunicorn.conf.py`` uses this before it loads the rest of the application. It therefore imports
neither Flask nor any part of ``app`` but the table of models and the region names.
"""

from __future__ import annotations

import ipaddress
import resource
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from . import DEFAULT_CLIENT_TOKEN, Settings, SettingsError

EVERYWHERE = "0.0.0.0"  # nosec B104 # only shown, for an empty host
OTHER_CONNECTIONS = 200
"""Connections of a worker beside those of its answers: room for /health when all places are taken.
"""
OTHER_FILES = 100
"""Files of a worker that are no connections of clients or answers."""

_current: Settings | None = None
_loaded_at = 0.0


def load() -> Settings:
    """Read the settings again and make them :func:`current`. Raises :class:`SettingsError` and then
    keeps the previous ones.
    """
    global _current, _loaded_at
    _loaded_at = time.time()
    _current = Settings.from_env()
    return _current


def current() -> Settings | None:
    """The settings last loaded in this process or, before a fork, in its parent: all workers of a
    server run with the same settings even if ``.env`` changes meanwhile. None if none were loaded.
    """
    return _current


def loaded_at() -> float:
    """When the server was started or last reloaded, in seconds since the epoch, the same in all
    workers of that start; 0 if settings were never loaded.
    """
    return _loaded_at


def check_exposure(settings: Settings, binds: Iterable[object]) -> str:
    """A warning to log at start-up if the default key is in use, else "".

    ``binds`` are the addresses actually served: (host, port, ...) for TCP, a path for a unix
    socket. Raises :class:`SettingsError` if the default key would work from other machines; it does
    not at KIRO_METRICS_BIND.
    """
    if not settings.has_default_token:
        return ""
    hosts = {
        bind[0] for bind in binds if isinstance(bind, tuple) and bind[1] != settings.metrics_port
    }
    exposed = sorted(host for host in hosts if not _is_loopback(host))
    if exposed:
        raise SettingsError(
            [
                f"KIRO_CLIENT_TOKEN: found {DEFAULT_CLIENT_TOKEN} (the publicly known default) "
                f"while listening on {host or EVERYWHERE}, allowed: your own key (for example "
                "from `openssl rand -hex 24`), or a loopback address (HOST=127.0.0.1)"
                for host in exposed
            ]
        )
    return (
        f"clients can use the default key {DEFAULT_CLIENT_TOKEN}; "
        "set KIRO_CLIENT_TOKEN to your own key"
    )


def log_config(settings: Settings) -> dict[str, Any]:
    """The configuration of all logs, including gunicorn's, for ``logging.config.dictConfig``.

    Formatters and handlers are given by name, since this room imports no other.
    """
    handlers: dict[str, dict[str, Any]] = {}
    if settings.log_console:
        handlers["console"] = {
            "()": "app.server.log_handlers.ConsoleHandler",
            "formatter": _format(settings, has_reader=_is_terminal(sys.stderr)),
        }
    if settings.log_file:
        handlers["file"] = {
            "()": "app.server.log_handlers.FileHandler",
            "formatter": _format(settings, has_reader=False),
            "filename": str(settings.log_file),
        }
    level = settings.log_level.upper()
    # gunicorn's debug lines contain its -e variables, those of urllib3 whole URLs
    library_level = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "app.server.logs.JsonFormatter"},
            "text": {"()": "app.server.logs.TextFormatter"},
        },
        "filters": {"notices": {"()": "app.server.logs.ServerNotices"}},
        "handlers": handlers,
        "root": {"level": library_level, "handlers": list(handlers)},
        "loggers": {
            "kiro2api": {"level": level},
            "gunicorn.error": {
                "level": library_level,
                "propagate": True,
                "handlers": [],
                "filters": ["notices"],
            },
        },
    }


def _format(settings: Settings, *, has_reader: bool) -> str:
    """The formatter for a place where a person may be reading."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if has_reader else "json"


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether it is one; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def connections(settings: Settings) -> tuple[int, str]:
    """How many clients a worker may have connected, and a warning to log if its open files allow
    fewer than KIRO_MAX_STREAMS asks for. Each client needs two: its own connection, and that of its
    answer to the upstream. Raises this process's limit of open files as far as it may."""
    wanted = settings.kiro_max_streams + OTHER_CONNECTIONS
    needed = 2 * wanted + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == needed:
        return wanted, ""
    possible = max(1, (allowed - OTHER_FILES) // 2)
    return possible, (
        f"a worker accepts only {possible} connections, since it may open {allowed} files; for "
        f"KIRO_MAX_STREAMS={settings.kiro_max_streams} it needs {needed}: raise the hard limit "
        "(ulimit -Hn, LimitNOFILE), or set KIRO_MAX_STREAMS lower"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # any other name may resolve to another address later
        return False
