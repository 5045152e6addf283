"""Builds the parts of this package from the settings."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.common.errors import GatewayError, Kind
from app.credentials.model import AuthKind
from app.credentials.refresh.client import ServiceClient
from app.credentials.refresh.refresher import AUTH_URL, OIDC_URL, Refresher, in_region
from app.credentials.store.files import FileStore
from app.credentials.store.interface import TokenStore
from app.version import __version__

if TYPE_CHECKING:
    from app.settings import Settings


def service_client(settings: "Settings") -> ServiceClient:
    """The HTTP client of the sign-in services."""
    return ServiceClient(
        user_agent=f"kiro2api/{__version__}",
        proxy=settings.kiro_upstream_proxy,
        connect_timeout=settings.kiro_connect_timeout,
    )


def refresher(settings: "Settings", clock: Callable[[], float] = time.time) -> Refresher:
    """The refresher of tokens."""
    return Refresher(
        service_client(settings),
        auth_url=settings.kiro_auth_url,
        oidc_url=settings.kiro_oidc_url,
        clock=clock,
    )


def auth_url(settings: "Settings") -> str:
    """The base URL of Kiro's sign-in service, which is in one region only."""
    return in_region(settings.kiro_auth_url or AUTH_URL, None)


def oidc_url(settings: "Settings", region: str) -> str:
    """The base URL of the OIDC service in a region."""
    return in_region(settings.kiro_oidc_url or OIDC_URL, region)


def sign_in_url(settings: "Settings", kind: str, region: str | None) -> str:
    """The base URL of the service that refreshes a login of this kind, "" if none that the settings
    name does.
    """
    urls = {AuthKind.SOCIAL: settings.kiro_auth_url or AUTH_URL}
    urls[AuthKind.IDC] = settings.kiro_oidc_url or OIDC_URL
    url = urls.get(AuthKind(kind), "")
    return in_region(url, region) if url else ""


def check_store(settings: "Settings") -> None:
    """Find out whether KIRO_TOKEN_STORE answers. Raises GatewayError."""
    try:
        from app.credentials.store.redis_backend import RedisBackend, RedisUnavailable
    except ImportError:
        store(settings)  # raises the error that says what to install
        raise
    try:
        RedisBackend(settings.kiro_token_store or "", settings.kiro_store_key).check()
    except (RedisUnavailable, ValueError) as error:
        raise GatewayError(Kind.UNAVAILABLE, str(error)) from None


def store(settings: "Settings") -> TokenStore:
    """The token store. Raises GatewayError if a package that it needs is not installed."""
    local = FileStore(settings.kiro_token_cache)
    if not settings.kiro_token_store:
        return local
    try:
        from app.credentials.store.redis import RedisStore  # its packages are an extra
        from app.credentials.store.redis_backend import RedisBackend
    except ImportError as error:
        raise GatewayError(
            Kind.NO_CREDENTIAL,
            f"KIRO_TOKEN_STORE needs a package that is not installed ({error.name}): "
            "install the extra `redis`, in a checkout with `pip install '.[redis]'`.",
        ) from None
    return RedisStore(RedisBackend(settings.kiro_token_store, settings.kiro_store_key), local)
