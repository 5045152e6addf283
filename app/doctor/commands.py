"""The command ``doctor``."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import GatewayError
from app.credentials import Credentials
from app.settings import Settings, SettingsError

from . import finding, front, logins, models, network, question, server, storage
from .fetching import Fetcher
from .finding import Finding
from .hosts import wanted

_TIMEOUT = 10.0
_KEY_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks for beyond the usual."""

    refresh: bool = False
    ask: bool = False
    front: str | None = None
    key_file: Path | None = None


def add_to(group: click.Group, environ: Mapping[str, str]) -> None:
    """Add the command."""

    @group.command()
    @click.option("--refresh", is_flag=True, help="Try each login; a token that is due is renewed.")
    @click.option("--ask", is_flag=True, help="Ask a model one short question. COSTS CREDITS.")
    @click.option("--front", metavar="URL", help="What clients use: the address of nginx, say.")
    @click.option("--key-file", type=_KEY_FILE, help="The key for --front.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def doctor(
        refresh: bool, ask: bool, front: str | None, key_file: Path | None, as_json: bool
    ) -> None:
        """Look for what is wrong, and say what it means and what to do.

        Nothing costs credits without --ask. Exit code: 0 if nothing is wrong, 1 for warnings, 2 for
        problems.
        """
        logging.getLogger("kiro2api").addHandler(logging.NullHandler())
        found: list[Finding] = []
        for one in examine(environ, Wishes(refresh, ask, front, key_file)):
            found.append(one)
            if not as_json:
                for line in finding.lines(one):
                    click.echo(line)
        code = int(max((one.level for one in found), default=0))
        document = finding.document(found, code)
        click.echo(json.dumps(document, indent=2) if as_json else finding.summary(found))
        sys.exit(code)


def examine(environ: Mapping[str, str], wishes: Wishes) -> Iterator[Finding]:
    """All findings, as they are made, without secrets."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        yield from map(finding.Mask(None), server.invalid(error))
        return
    mask = finding.Mask(settings)
    for one in _all(settings, environ, wishes):
        yield mask(one)


def _all(settings: Settings, environ: Mapping[str, str], wishes: Wishes) -> Iterator[Finding]:
    here = Fetcher(None, _TIMEOUT)
    there = Fetcher(settings.kiro_upstream_proxy, min(_TIMEOUT, settings.kiro_connect_timeout))
    yield from server.interpreter()
    yield from server.settings(settings)
    yield from server.port(settings, here)
    yield from logins.files(settings)
    yield from storage.directory(settings)
    yield from storage.redis(settings)
    yield from network.proxy(settings.kiro_upstream_proxy, environ)
    yield from _service(settings, there, wishes)
    if wishes.front:
        yield from front.front(wishes.front, _key(settings, wishes), here)
    here.close()
    there.close()


def _service(settings: Settings, fetcher: Fetcher, wishes: Wishes) -> Iterator[Finding]:
    upstream = CodeWhisperer.from_settings(settings)
    credentials, missing = None, None
    try:
        credentials = Credentials.from_settings(settings, control=upstream.control)
    except GatewayError as error:
        missing = error
    reports = credentials.report() if credentials else []
    proxy, timeout = settings.kiro_upstream_proxy, min(_TIMEOUT, settings.kiro_connect_timeout)
    yield from network.hosts(wanted(settings, reports), fetcher, proxy, timeout)
    if missing:
        yield from logins.missing(missing)
    if credentials is None:
        return
    try:
        yield from logins.accounts(credentials, refresh=wishes.refresh or wishes.ask)
        yield from models.lists(settings, credentials, upstream.control)
        if wishes.ask:
            model = models.default_model(settings, credentials, upstream.control)
            yield from question.ask(upstream, credentials, model)
    finally:
        credentials.close()


def _key(settings: Settings, wishes: Wishes) -> str:
    if wishes.key_file:
        return wishes.key_file.read_text(encoding="utf-8").strip()
    return settings.owner_key or ""
