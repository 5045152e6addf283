"""What is checked before the server opens a socket: a start that cannot serve is refused at once,
in one message that says what to do.

gunicorn's configuration does it in the master, the command ``serve`` before it prints anything, and
``settings check`` and gunicorn's ``--check-config`` without a start.
"""

import errno
import logging
import socket
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.common.errors import GatewayError
from app.credentials import Credentials
from app.keys import key_file
from app.settings import Settings, SettingsError
from app.settings.process import EVERYWHERE, check_exposure


class CannotStart(Exception):
    """Why the server cannot start and what to do, in words. Holds no secrets."""


_done = False


def is_done() -> bool:
    """Whether the checks have passed in this process, or in its parent before a fork."""
    return _done


def check(
    settings: Settings,
    addresses: Iterable[object],
    *,
    opens: bool = True,
    needs_credential: bool = True,
) -> str:
    """Returns a warning to log, "" for none. Raises CannotStart.

    ``addresses`` are those to be served, as in :func:`check_exposure`; ``opens``: this process
    opens them itself. The logins in use are logged here, and only here.
    """
    global _done
    try:
        found = list(addresses)
        warning = check_exposure(settings, found)
        if opens:
            check_addresses(found, settings.metrics_port)
        if needs_credential and (missing := missing_credential(settings)):
            raise CannotStart(missing)
        if settings.kiro_client_keys_file:
            key_file.read(settings.kiro_client_keys_file)
        _require_exporter(settings)
    except SettingsError as error:
        raise CannotStart(_with_notes(str(error), settings)) from None
    except key_file.KeysError as error:
        message = f"KIRO_CLIENT_KEYS_FILE: {error}"
        raise CannotStart(_with_notes(message, settings)) from None
    except CannotStart as error:
        raise CannotStart(_with_notes(str(error), settings)) from None
    _done = True
    return warning


def _require_exporter(settings: Settings) -> None:
    """Raises CannotStart if traces are wanted and their packages are not installed."""
    if settings.otel_exporter_otlp_endpoint and find_spec("opentelemetry") is None:
        raise CannotStart(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: install the extra "
            "`otel`, in a checkout with `pip install '.[otel]'`."
        )


def check_quietly(settings: Settings, *, opens: bool = False, needs_credential: bool = True) -> str:
    """The same for the address in the settings, before logs are configured."""
    logging.getLogger("kiro2api").addHandler(logging.NullHandler())
    address = (settings.host or EVERYWHERE, settings.port)
    return check(settings, [address], opens=opens, needs_credential=needs_credential)


def missing_credential(settings: Settings) -> str:
    """Why no login can be used, "" if one can."""
    try:
        Credentials.from_settings(settings).close()
    except GatewayError as error:
        return error.message
    return ""


def check_addresses(addresses: Iterable[object], metrics_port: int | None = None) -> None:
    """Raises CannotStart for the first address that cannot be opened. An address of another form
    than (host, port) or a path is left to gunicorn: a socket that it inherits. ``metrics_port`` is
    that of KIRO_METRICS_BIND.
    """
    for address in addresses:
        if isinstance(address, str):
            _check_path(Path(address))
        elif isinstance(address, tuple):
            host, port = address[:2]
            check_address(host, port, "KIRO_METRICS_BIND" if port == metrics_port else "")


def check_address(host: str, port: int, setting: str = "") -> None:
    """Raises CannotStart if no server can listen there now. ``setting`` has the address, "" if that
    is HOST and PORT.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError, OverflowError) as error:
            raise CannotStart(_why_not(error, host, port, setting)) from None


def _check_path(path: Path) -> None:
    if not path.parent.is_dir():
        raise CannotStart(f"{path}: there is no directory {path.parent}; make it first")


def _why_not(error: Exception, host: str, port: int, setting: str) -> str:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if setting:
        why = getattr(error, "strerror", None) or error
        return f"{setting}: {where} cannot be opened: {why}; set another address"
    if isinstance(error, socket.gaierror | UnicodeError):
        return (
            f"HOST: {host!r} cannot be resolved; set it to an address of this machine, such as "
            f"127.0.0.1, or {EVERYWHERE} for all of them"
        )
    reasons: dict[int | None, Any] = {
        errno.EADDRINUSE: f"{where} is in use; stop that program or set PORT",
        errno.EADDRNOTAVAIL: f"HOST: {host} is not an address of this machine; set it to one that "
        f"is, such as 127.0.0.1, or {EVERYWHERE} for all of them",
        errno.EACCES: f"{where}: only root may open this port; set PORT to 1024 or more",
    }
    number = getattr(error, "errno", None)
    return reasons.get(number) or f"{where} cannot be opened: {error}; set HOST and PORT"


def _with_notes(message: str, settings: Settings) -> str:
    """The message, and what may be its cause: variables that hide others or are misspelt."""
    return message + "".join(f"\n  note: {warning}" for warning in settings.warnings)
