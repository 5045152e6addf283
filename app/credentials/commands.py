"""The commands ``accounts``, ``login`` and ``logout``."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app.aws.regions import A_REGION, DEFAULT_REGION, is_gov, is_region
from app.common.errors import GatewayError
from app.credentials.accounts.report import document, table
from app.credentials.sign_in.browser import PROVIDERS, BrowserFlow, Callback, device_login
from app.credentials.sign_in.device import BUILDER_ID, DeviceFlow, Registration
from app.credentials.sources.source import Source
from app.settings import Settings, SettingsError

from . import assembly
from .model import Grant
from .pool import Credentials
from .sign_in import token_file
from .sources import chain

if TYPE_CHECKING:
    from app.credentials.accounts.state import ControlPlane

_BROWSER = """\
Open this page and sign in with {provider}:

  {page}

It sends your browser back to port {port} of this machine. If the browser is on another machine,
forward the port first: ssh -L {port}:127.0.0.1:{port} USER@THIS-MACHINE
Or copy the address that the browser cannot open in the end, and run here: curl 'ADDRESS'
"""
_QUOTA_AGE = 300.0  # seconds after which a quota is queried again


def add_to(
    group: click.Group,
    control: "Callable[[Settings], ControlPlane]",
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Add the commands. ``control`` builds the client that queries quotas."""

    @group.command()
    @click.option("--check", is_flag=True, help="Try each login now: refresh it, ask its quota.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--clear", metavar="ACCOUNT", help="Clear what is held against this account.")
    def accounts(check: bool, as_json: bool, clear: str | None) -> None:
        """The accounts: state, login, token, quota, and what is wrong with them.

        Exit code: 0 if every account can be used, as far as is known; 1 if some cannot, or
        something is to be repaired; 2 if none can.
        """
        with _exit_on_failure(2):
            sys.exit(show_accounts(_settings(), control, clear, check=check, as_json=as_json))

    @group.command()
    @click.option(
        "--social",
        type=click.Choice(list(PROVIDERS)),
        help="Log in with Google or GitHub. The browser must reach this machine.",
    )
    @click.option("--start-url", default=BUILDER_ID, show_default="AWS Builder ID")
    @click.option(
        "--region",
        default=DEFAULT_REGION,
        show_default=True,
        callback=_checked_region,
        help="The region of the start URL.",
    )
    def login(social: str | None, start_url: str, region: str) -> None:
        """Log in with AWS Builder ID or IAM Identity Center, using any browser, or with Google or
        GitHub.
        """
        _check_together(social, start_url, region)
        with _exit_on_failure():
            if social:
                log_in_with_browser(_settings(), PROVIDERS[social], sleep)
            else:
                log_in(_settings(), start_url, region, sleep)

    @group.command()
    def logout() -> None:
        """Remove the token file and what is stored for its login."""
        with _exit_on_failure():
            log_out(_settings())


def _checked_region(context: click.Context, option: click.Parameter, region: str) -> str:
    """Check the region, which becomes part of the host name that secrets are sent to."""
    if not is_region(region):
        raise click.BadParameter(f"must be {A_REGION}")
    return region


def _check_together(social: str | None, start_url: str, region: str) -> None:
    if social and (start_url, region) != (BUILDER_ID, DEFAULT_REGION):
        raise click.UsageError("--social takes neither --start-url nor --region: those are of AWS.")
    if start_url == BUILDER_ID and is_gov(region):
        raise click.UsageError(
            f"AWS Builder ID does not exist in {region}: name your organisation's --start-url."
        )


def show_accounts(
    settings: Settings,
    control: "Callable[[Settings], ControlPlane]",
    clear: str | None = None,
    *,
    check: bool = False,
    as_json: bool = False,
) -> int:
    """Print the accounts. Returns the exit code. Raises GatewayError."""
    logging.getLogger("kiro2api").addHandler(logging.NullHandler())  # problems are printed below
    credentials = Credentials.from_settings(settings, control=control(settings))
    try:
        credentials.sync()
        if clear and not credentials.clear(clear):
            raise click.BadParameter(f"there is no account {clear}", param_hint="--clear")
        if check:
            credentials.check()
        else:
            credentials.ask_quotas(older_than=_QUOTA_AGE)
        reports, problems = credentials.report(), credentials.problems()
    finally:
        credentials.close()
    if as_json:
        click.echo(json.dumps(document(reports, problems), indent=2))
    else:
        for line in table(reports, time.time()):
            click.echo(line)
        for problem in problems:
            click.echo(f"! {problem}", err=True)
    usable = [one.usable for one in reports]
    return 2 if not any(usable) else int(bool(problems) or not all(usable))


def log_in(settings: Settings, start_url: str, region: str, sleep: Callable[[float], None]) -> None:
    """The device flow, from the code to the token file. Raises GatewayError and OSError."""
    client = assembly.service_client(settings)
    flow = DeviceFlow(client, assembly.oidc_url(settings, region), sleep=sleep)
    login_path = settings.kiro_token_file
    path = token_file.registration_path(login_path, region, start_url)
    registration = token_file.read_registration(path, time.time())
    if registration is None:
        registration = flow.register()
        token_file.write_registration(path, registration)
    grant = _confirmed(flow, registration, start_url)
    token_file.write_login(login_path, grant, path, region=region, start_url=start_url)
    client.close()
    _tell_of_login(settings)


def log_in_with_browser(settings: Settings, provider: str, sleep: Callable[[float], None]) -> None:
    """The flow through Kiro's page, from its address to the token file. If the user chooses AWS on
    the page, the device flow goes on. Raises GatewayError and OSError.
    """
    client = assembly.service_client(settings)
    with BrowserFlow(client, assembly.auth_url(settings)) as flow:
        click.echo(_BROWSER.format(page=flow.page, provider=provider, port=flow.port))
        callback = flow.wait()
        if signed_in_with := PROVIDERS.get(callback.login_option):
            grant = flow.exchange(callback)
            token_file.write_social_login(settings.kiro_token_file, grant, signed_in_with)
    client.close()
    if signed_in_with:
        _tell_of_login(settings)
    else:
        _go_on_with_device_flow(settings, callback, sleep)


def _go_on_with_device_flow(
    settings: Settings, callback: Callback, sleep: Callable[[float], None]
) -> None:
    start_url, region = device_login(callback)
    name = "AWS Builder ID" if start_url == BUILDER_ID else f"IAM Identity Center ({start_url})"
    click.echo(f"You chose {name} on the page. That login needs one more page:")
    log_in(settings, start_url, region, sleep)


def _tell_of_login(settings: Settings) -> None:
    path = settings.kiro_token_file
    click.echo(f"Logged in. The login is in {path}; a running gateway will use it at once.")
    for earlier in _before_the_token_file(settings):
        click.echo(f"But {earlier.name} is set and takes precedence: unset it to use this login.")


def log_out(settings: Settings) -> None:
    """Remove the token file, and what is stored for its login. Raises OSError."""
    path = settings.kiro_token_file
    logins = chain.token_file(settings).read().logins
    if token_file.remove_login(path):
        store = assembly.store(settings)
        for login in logins:
            store.forget(login)
        store.close()
        click.echo(f"Logged out: removed {path}.")
    else:
        click.echo(f"There is no login in {path}.")
    for earlier in _before_the_token_file(settings):
        click.echo(f"But {earlier.name} is set and remains in use.")


def _confirmed(flow: DeviceFlow, registration: Registration, start_url: str) -> Grant:
    code = flow.begin(registration, start_url)
    click.echo(f"Open {code.full_page}\nand confirm that the code is  {code.user_code}")
    return flow.wait(registration, code)


def _before_the_token_file(settings: Settings) -> Iterator[Source]:
    return (source for source in chain.from_settings(settings) if source.is_explicit)


def _settings() -> Settings:
    return Settings.from_env()


@contextmanager
def _exit_on_failure(status: int = 1) -> Iterator[None]:
    try:
        yield
    except (GatewayError, SettingsError) as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'the file'}: {error.strerror or error}"
    else:
        return
    click.echo(message, err=True)
    sys.exit(status)
