"""The settings, and what listens at their address."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from app.client_setup.gateway import local_url
from app.common import python_build
from app.common.program import command
from app.preflight import CannotStart, check_address, check_quietly
from app.settings import Settings, SettingsError

from .fetching import Fetcher, NoAnswer
from .finding import Finding, ok, problem, warning

_JSON = {"Accept": "application/json"}


def interpreter() -> Iterator[Finding]:
    """What runs this command; a server of the same installation runs with the same."""
    text = python_build.description()
    if python_build.is_optimized():
        yield ok("python", text)
    else:
        means = "each request costs a tenth more CPU"
        advice = "use your distribution's Python, or one configured with --enable-optimizations"
        yield ok("python", f"{text}: {means}; {advice}")


def invalid(error: SettingsError) -> Iterator[Finding]:
    """What is wrong with settings that could not be read."""
    for text in error.problems:
        yield problem(
            "settings",
            text,
            "the server does not start with it",
            f"correct it; `{command()} settings show` prints what is in force",
        )


def settings(found: Settings) -> Iterator[Finding]:
    """Whether a start would be refused, and what nothing reads."""
    before = len(found.warnings)
    try:
        exposure = check_quietly(found, needs_credential=False)
    except CannotStart as error:
        text = str(error).partition("\n  note:")[0]
        yield problem("settings", text, "the server does not start", "change what is named")
    else:
        if exposure:
            means = "every program of this machine can use your account"
            yield warning("settings", exposure, means, "set KIRO_CLIENT_TOKEN")
        elif not before:
            yield ok("settings", f"valid; {len(found.origins)} set, the others have their defaults")
    for text in found.warnings:
        means = "what you meant to set is not in force"
        yield warning("settings", text, means, "correct or remove the variable")


def port(found: Settings, fetcher: Fetcher) -> Iterator[Finding]:
    """Whether the address is free, or this program is what listens there."""
    where = found.bind
    try:
        check_address(found.host, found.port)
    except CannotStart as error:
        if "in use" not in str(error):
            text = str(error)
            yield problem("port", text, "the server cannot listen there", "set HOST and PORT")
            return
    else:
        yield ok("port", f"{where} is free; no gateway listens there now")
        return
    version = _version(fetcher, local_url(found))
    if version is None:
        text = f"{where} is in use by another program"
        yield problem("port", text, "the gateway cannot start there", "stop it, or set PORT")
    elif version.get("status") == "degraded":
        text = f"kiro2api {version['version']} listens on {where}, and says that it is degraded"
        yield warning("port", text, _degraded(version), "read its log")
    else:
        yield ok("port", f"kiro2api {version['version']} listens on {where}")


def _degraded(health: Mapping[str, Any]) -> str:
    """What follows from that which /health says is wrong."""
    if count := health.get("stuck_workers"):
        return f"{count} of its workers does nothing any more; the others serve"
    what = "a login" if "credentials" in health else "something"
    return f"requests work, but {what} needs repair"


def _version(fetcher: Fetcher, url: str) -> Mapping[str, Any] | None:
    try:
        answer = fetcher.fetch(f"{url}/health", _JSON)
        found = msgspec.json.decode(answer.body)
    except (NoAnswer, msgspec.MsgspecError):
        return None
    return found if isinstance(found, dict) and "version" in found else None
