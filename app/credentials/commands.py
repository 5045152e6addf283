"""The commands ``accounts``, ``login`` and ``logout``."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app.aws.regions import A_REGION, DEFAULT_REGION, is_region
from app.credentials.accounts.report import line
from app.credentials.sign_in.device import BUILDER_ID, DeviceFlow, Registration
from app.credentials.sources.documents import Source
from app.errors import GatewayError
from app.settings import Settings, SettingsError

from . import assembly
from .model import Grant
from .pool import Credentials
from .sign_in import token_file as login_file
from .sources import chain

if TYPE_CHECKING:
    from app.credentials.accounts.state import ControlPlane

_QUOTA_AGE = 300.0  # seconds for which a quota that was asked is still shown


def add_to(
    group: click.Group,
    control: "Callable[[Settings], ControlPlane]",
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Add the commands. ``control`` makes what asks the upstream for quotas."""

    @group.command()
    @click.option("--clear", metavar="ACCOUNT", help="Forget what is held against this account.")
    def accounts(clear: str | None) -> None:
        """One line for each account: source, kind, expiry, profile, quota, state, why."""
        with _failures_told():
            show_accounts(_settings(), control, clear)

    @group.command()
    @click.option("--start-url", default=BUILDER_ID, show_default="AWS Builder ID")
    @click.option(
        "--region",
        default=DEFAULT_REGION,
        show_default=True,
        callback=_checked_region,
        help="Of the start URL.",
    )
    def login(start_url: str, region: str) -> None:
        """Log in with AWS Builder ID or IAM Identity Center, in a browser anywhere."""
        with _failures_told():
            log_in(_settings(), start_url, region, sleep)

    @group.command()
    def logout() -> None:
        """Remove the token file and what is kept for its login."""
        with _failures_told():
            log_out(_settings())


def _checked_region(context: click.Context, option: click.Parameter, region: str) -> str:
    """It becomes part of a host name, to which secrets are sent."""
    if not is_region(region):
        raise click.BadParameter(f"must be {A_REGION}")
    return region


def show_accounts(
    settings: Settings, control: "Callable[[Settings], ControlPlane]", clear: str | None = None
) -> None:
    """Print the accounts. Raises GatewayError."""
    logging.getLogger("kiro2api").addHandler(logging.NullHandler())  # problems are printed below
    credentials = Credentials.from_settings(settings, control=control(settings))
    try:
        if clear and not credentials.clear(clear):
            raise click.BadParameter(f"there is no account {clear}", param_hint="--clear")
        credentials.ask_quotas(older_than=_QUOTA_AGE)
        for one in credentials.report():
            click.echo(line(one, time.time()))
        for problem in credentials.problems():
            click.echo(f"! {problem}", err=True)
    finally:
        credentials.close()


def log_in(settings: Settings, start_url: str, region: str, sleep: Callable[[float], None]) -> None:
    """The device flow, from the code to the token file. Raises GatewayError and OSError."""
    calls = assembly.calls(settings)
    flow = DeviceFlow(calls, assembly.oidc_url(settings, region), sleep=sleep)
    token_file = settings.kiro_token_file
    path = login_file.registration_path(token_file, region, start_url)
    registration = login_file.read_registration(path, time.time())
    if registration is None:
        registration = flow.register()
        login_file.write_registration(path, registration)
    grant = _confirmed(flow, registration, start_url)
    login_file.write_login(token_file, grant, path, region=region, start_url=start_url)
    calls.close()
    click.echo(f"Logged in. The login is in {token_file}; a running gateway takes it up by itself.")
    for earlier in _before_the_token_file(settings):
        click.echo(f"But {earlier.name} is set and comes first: unset it to use this login.")


def log_out(settings: Settings) -> None:
    """Remove the token file, and what the store keeps for its login. Raises OSError."""
    path = settings.kiro_token_file
    kept = chain.token_file(settings).read().logins
    if login_file.remove_login(path):
        store = assembly.store(settings)
        for login in kept:
            store.forget(login)
        store.close()
        click.echo(f"Logged out: {path} is removed.")
    else:
        click.echo(f"There is no login in {path}.")
    for earlier in _before_the_token_file(settings):
        click.echo(f"But {earlier.name} is set and goes on to be used.")


def _confirmed(flow: DeviceFlow, registration: Registration, start_url: str) -> Grant:
    code = flow.begin(registration, start_url)
    click.echo(f"Open {code.full_page}\nand confirm that the code is  {code.user_code}")
    return flow.wait(registration, code)


def _before_the_token_file(settings: Settings) -> Iterator[Source]:
    return (place for place in chain.from_settings(settings) if place.chosen)


def _settings() -> Settings:
    return Settings.from_env()


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (GatewayError, SettingsError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or 'the file'}: {error.strerror or error}")
