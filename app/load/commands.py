"""The command ``load``."""

import asyncio
import ipaddress
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from app.client_setup.gateway import local_url
from app.settings import Settings, SettingsError

from . import streams
from .figures import Figures
from .gateway import NotStarted, own_gateway
from .streams import Target

_MODEL = "claude-sonnet-5-5"
_QUESTION = "Count from one to fifty in words."


def add_to(group: click.Group, environ: Mapping[str, str]) -> None:
    """Add the command."""

    @group.command()
    @click.option("--streams", "count", type=click.IntRange(1, 5000), default=50, show_default=True)
    @click.option("--seconds", type=click.FloatRange(0.1, 3600), default=10.0, show_default=True)
    @click.option("--pieces", type=click.IntRange(1, 1000), default=50, show_default=True,
                  help="Of each simulated answer.")  # fmt: skip
    @click.option("--delay", type=click.FloatRange(0, 10), default=0.02, show_default=True,
                  help="Seconds between two of them.")  # fmt: skip
    @click.option("--running", is_flag=True,
                  help="Test the gateway that runs here. COSTS CREDITS.")  # fmt: skip
    @click.option("--url", help="Where it runs, for --running. Default: as the settings say.")
    @click.option("--key-file", type=click.Path(path_type=Path), help="The key, for --running.")
    @click.option("--model", default=_MODEL, show_default=True, help="The model, for --running.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def load(
        count: int, seconds: float, pieces: int, delay: float, running: bool, url: str | None,
        key_file: Path | None, model: str, as_json: bool,
    ) -> None:  # fmt: skip
        """Load-test a gateway on this machine: how long clients wait for the first piece of an
        answer, and between two.

        By default it starts a gateway with your settings and a simulated upstream, which costs
        nothing. Exit code: 0 if every answer was whole, 1 if one was not, 2 if nothing could be
        tested.
        """
        if url and not running:
            raise click.UsageError("--url goes with --running, which costs credits.")
        try:
            if running:
                target = _running(environ, url, key_file, model)
                figures = asyncio.run(streams.run(target, count, seconds))
            else:
                figures = _simulated(environ, count, seconds, _prompt(pieces, delay))
        except (NotStarted, SettingsError, OSError) as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        _show(figures, as_json)
        sys.exit(int(bool(figures.failures) or not figures.totals))


def _simulated(environ: Mapping[str, str], count: int, seconds: float, prompt: str) -> Figures:
    with own_gateway(environ) as gateway:
        target = Target("127.0.0.1", gateway.port, gateway.key, _MODEL, prompt)
        return asyncio.run(streams.run(target, count, seconds))


def _running(
    environ: Mapping[str, str], url: str | None, key_file: Path | None, model: str
) -> Target:
    """The gateway that runs here. Others' gateways are not for load tests."""
    settings = Settings.from_env(environ)
    parts = urlsplit(url or local_url(settings))
    host = parts.hostname or ""
    if parts.scheme != "http" or not _is_here(host):
        raise click.UsageError(f"{parts.netloc} is not on this machine: use http://127.0.0.1:PORT.")
    key = key_file.read_text(encoding="utf-8").strip() if key_file else settings.owner_key
    if not key:
        raise click.UsageError("No key is known here: name its file with --key-file.")
    return Target(host, parts.port or 80, key, model, _QUESTION)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prompt(pieces: int, delay: float) -> str:
    """What makes the simulator answer in this way."""
    return "!sim " + json.dumps({"text": ["word "] * pieces, "delay": delay})


def _show(figures: Figures, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures.document(), indent=2))
        return
    for line in figures.lines():
        click.echo(line)
