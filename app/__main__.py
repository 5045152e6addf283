"""The command line: ``kiro2api serve | simulate | settings | accounts | models | login | logout |
keys | usage | client | doctor | load | replay``, in a checkout also ``python -m app ...``.

``serve`` is gunicorn with ``gunicorn.conf.py``; it adds only what a newcomer without a credential
needs, the simulated upstream. Serving for real, gunicorn may as well be started directly.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NoReturn

import click
from gunicorn.systemd import listen_fds

from app import launch, preflight, settings_commands
from app.accounting import commands as usage_commands
from app.catalogue import commands as model_commands
from app.catalogue.assembly import known_models, listed_models
from app.client_setup import banner
from app.client_setup import commands as client_commands
from app.common.output import never_wait
from app.common.program import NAME
from app.credentials import commands, is_configured
from app.keys import commands as key_commands
from app.recording import replay
from app.settings import Settings, SettingsError
from app.version import __version__


class _Cli(click.Group):
    """Loads what only one command needs when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LATE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATE and cmd_name not in self.commands:
            _LATE[cmd_name](self)
        return super().get_command(ctx, cmd_name)


def _add_doctor(group: click.Group) -> None:
    from app.doctor import commands as doctor_commands

    doctor_commands.add_to(group, os.environ)


def _add_load(group: click.Group) -> None:
    from app.load import commands as load_commands

    load_commands.add_to(group, os.environ)


_LATE: dict[str, Callable[[click.Group], None]] = {"doctor": _add_doctor, "load": _add_load}


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=NAME)
def cli() -> None:
    """A gateway from Anthropic and OpenAI clients to AWS CodeWhisperer."""


@cli.command()
@click.option("--host", help="Address to listen on; wins over HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; wins over PORT.")
def serve(host: str | None, port: int | None) -> NoReturn:
    """Serve; with the simulated upstream if no credential is configured."""
    never_wait("stdout", "stderr")
    environment = launch.environment(os.environ)
    if host is not None:
        environment["HOST"] = host
    if port is not None:
        environment["PORT"] = str(port)
    try:
        settings = Settings.from_env(environment)
        is_simulated = _is_unconfigured(settings)
        opens = not listen_fds(unset_environment=False)  # else systemd has opened the address
        preflight.check_quietly(settings, opens=opens, needs_credential=not is_simulated)
    except (SettingsError, preflight.CannotStart) as error:
        sys.exit(f"kiro2api cannot start: {error}")
    if is_simulated:
        environment |= launch.start_companion(os.environ).environment
        click.secho(banner.simulated(settings), bold=True)
    listed = listed_models(settings, time.time())
    for line in banner.welcome(settings, listed, is_simulated=is_simulated):
        click.echo(line)
    sys.stdout.flush()
    gunicorn = launch.server()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until that has begun: no traceback for Ctrl-C
    os.execve(sys.executable, gunicorn, environment)  # nosec B606 # our own arguments


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9001, show_default=True, help="0 takes a free one.")
def simulate(host: str, port: int) -> None:
    """Run the simulated upstream alone, until Ctrl-C."""
    from app.simulator import serve as serve_simulator

    never_wait("stdout", "stderr")
    try:
        preflight.check_address(host, port)
    except preflight.CannotStart as error:
        hint = str(error).replace("HOST", "--host").replace("PORT", "--port")
        sys.exit(f"the simulator cannot start: {hint}")
    serve_simulator(host, port)


@cli.command(hidden=True)
def companion() -> None:
    """The simulator beside ``serve``: says where it is, and ends when its stdin does."""
    from app.simulator import Simulator

    never_wait("stderr")  # it is the server's
    with tempfile.TemporaryDirectory(prefix="kiro2api-") as cache, Simulator() as upstream:
        click.echo(json.dumps({"url": upstream.url, "cache": cache}))
        sys.stdin.buffer.read()


def _is_unconfigured(settings: Settings) -> bool:
    """Whether nobody said anything about a credential. A wrong one is no reason to simulate: the
    server stops and says what is wrong with it.
    """
    named = settings.kiro_token_file != Settings().kiro_token_file
    return not named and not is_configured(settings)


def _control_plane(settings: Settings) -> Any:
    """What the commands ask the service with."""
    from app.codewhisperer.upstream import CodeWhisperer

    return CodeWhisperer.from_settings(settings).control


settings_commands.add_to(cli)
commands.add_to(cli, _control_plane)
model_commands.add_to(cli, _control_plane)
key_commands.add_to(cli, known_models)
usage_commands.add_to(cli)
client_commands.add_to(cli, listed_models, os.environ)
replay.add_to(cli)


if __name__ == "__main__":
    cli()
