"""What a serving process makes of the settings: which ones, whether they are safe, how to log.

Used by ``gunicorn.conf.py`` before anything else of the application is loaded, hence free of Flask
and, but for the table of models, of the rest of ``app``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from . import DEFAULT_CLIENT_TOKEN, Settings, SettingsError

EVERYWHERE = "0.0.0.0"  # nosec B104 # what no host means, to tell it
_current: Settings | None = None


def load() -> Settings:
    """Read the settings anew; from then on they are what :func:`current` answers. Upon
    :class:`SettingsError` the former ones stay.
    """
    global _current
    _current = Settings.from_env()
    return _current


def current() -> Settings | None:
    """The settings last loaded in this process or, by fork, in its parent: every worker of a server
    runs with the same ones even when ``.env`` is edited meanwhile. None if nobody loaded any.
    """
    return _current


def check_exposure(settings: Settings, binds: Iterable[object]) -> str:
    """The warning to log at start-up, "" if none is due.

    ``binds`` are the addresses served in fact: (host, port, ...) for TCP, a path for a unix socket.
    Raises :class:`SettingsError` if the default key would be reachable from another machine.
    """
    if not settings.has_default_token:
        return ""
    hosts = {bind[0] for bind in binds if isinstance(bind, tuple)}
    exposed = sorted(host for host in hosts if not _is_loopback(host))
    if exposed:
        raise SettingsError(
            [
                f"KIRO_CLIENT_TOKEN: found {DEFAULT_CLIENT_TOKEN} (the default, which everybody "
                f"knows) while listening on {host or EVERYWHERE}, allowed: a key of your own (for "
                "example from `openssl rand -hex 24`), or a loopback address (HOST=127.0.0.1)"
                for host in exposed
            ]
        )
    return (
        f"clients are let in with the default key {DEFAULT_CLIENT_TOKEN}; "
        "set KIRO_CLIENT_TOKEN to one of your own"
    )


def log_config(settings: Settings) -> dict[str, Any]:
    """The configuration of all logs, gunicorn's included, for ``logging.config.dictConfig``.

    Formatters are named and not imported here, which would load Flask.
    """
    handlers: dict[str, dict[str, Any]] = {}
    if settings.log_console:
        handlers["console"] = {"class": "logging.StreamHandler", "formatter": "line"}
    if settings.log_file:
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "formatter": "line",
            "filename": str(settings.log_file),
            "encoding": "utf-8",
        }
    formatter = {"json": "JsonFormatter", "text": "TextFormatter"}[settings.log_format]
    level = settings.log_level.upper()
    # debug lines of gunicorn hold its -e variables, those of urllib3 whole URLs
    library_level = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"app.server.logs.{formatter}"}},
        "handlers": handlers,
        "root": {"level": library_level, "handlers": list(handlers)},
        "loggers": {
            "kiro2api": {"level": level},
            "gunicorn.error": {"level": library_level, "propagate": True, "handlers": []},
        },
    }


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # any other name may resolve to anything tomorrow
        return False
