"""The credential chain: sources in order of precedence; the first one with a login wins.

``KIRO_AUTH_TOKEN`` (a JSON object, an array of them, or the path of a file with either), then
``AWS_REFRESHTOKEN`` or ``REFRESH_TOKEN``, ``BULK_REFRESH_TOKENS``, the ``IDC_`` variables,
``KIRO_API_KEY``, the token file of the Kiro IDE, and the databases of kiro-cli and Amazon Q.
``KIRO_API_KEY`` beside one of the variables before it is one more account. A source is read again
whenever one of its files changes. Reading never writes and makes no network calls.

An invalid entry is reported by name and does not affect valid ones. A variable that is set but
holds no usable entry stops the start; the chain does not silently continue with another login.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.common.errors import GatewayError, Kind
from app.common.program import command

from . import databases
from .documents import read_api_key, read_json, read_refresh_tokens
from .joined import JoinedSource
from .source import ReadResult, Source
from .token_files import FileSource
from .variables import IdcSource, TextSource, Variable

if TYPE_CHECKING:
    from app.settings import Settings


def from_settings(settings: "Settings") -> list[Source]:
    """The sources in order of precedence."""

    def variable(field: str) -> Variable:
        name = field.upper()
        return Variable(name, getattr(settings, field), settings.secret_files.get(name))

    sources: list[Source] = []
    if auth_token := variable("kiro_auth_token"):
        sources.append(_auth_token_source(auth_token))
    for name in ("aws_refreshtoken", "refresh_token", "bulk_refresh_tokens"):
        if refresh_tokens := variable(name):
            sources.append(TextSource(refresh_tokens, read_refresh_tokens))
    idc = [variable(name) for name in ("idc_client_id", "idc_client_secret", "idc_refresh_token")]
    if settings.auth_method == "idc" or (any(idc) and not settings.auth_method):
        sources.append(IdcSource(*idc))
    if api_key := variable("kiro_api_key"):
        key = TextSource(api_key, read_api_key)
        sources = [JoinedSource(sources[0], key)] if sources else [key]
    sources.append(token_file(settings))
    sources += databases.known()
    return sources


def token_file(settings: "Settings") -> Source:
    """The token file of the Kiro IDE, which the command ``login`` writes too."""
    name = "KIRO_TOKEN_FILE"
    return FileSource(
        "the Kiro token file",
        settings.kiro_token_file,
        is_explicit=False,
        named_by=name if name in settings.origins else "",
    )


def is_configured(settings: "Settings") -> bool:
    """Whether a credential is configured anywhere, valid or not."""
    return any(
        source.is_explicit or any(path.exists() for path in source.watched())
        for source in from_settings(settings)
    )


def _auth_token_source(variable: Variable) -> Source:
    if variable.file or (variable.value or "")[0] in "[{":
        return TextSource(variable, read_json)
    return FileSource(variable.name, Path(variable.value or "").expanduser(), is_explicit=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen source, None if no source has a login, and the result up to that source."""

    source: Source | None
    result: ReadResult


def choose(sources: Iterable[Source]) -> Choice:
    """The first source with a usable login. None if there is none, or if a source that the user
    set explicitly comes first and has no usable login.
    """
    total = ReadResult()
    for source in sources:
        result = source.read()
        total.problems += result.problems
        if result.logins:
            total.warnings += result.warnings
            total.logins += result.logins
            return Choice(source, total)
        if source.is_explicit:
            if not result.problems:
                total.problems.append(f"{source.name} holds no enabled login")
            break
    return Choice(None, total)


def no_credential(problems: Sequence[str]) -> GatewayError:
    """The error if there is no usable login: the problems found, and what to do, in one line."""
    found = f": {'; '.join(problems)}. Repair that, or set" if problems else ". Set"
    return GatewayError(
        Kind.NO_CREDENTIAL,
        f"There is no usable credential for the upstream{found} KIRO_API_KEY, KIRO_AUTH_TOKEN or "
        f"AWS_REFRESHTOKEN, or log in on this machine with `{command()} login`, the Kiro IDE or "
        "kiro-cli.",
    )
