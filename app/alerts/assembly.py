"""Builds the parts of this package from the settings."""

from app.credentials import Credentials
from app.settings import Settings
from app.version import __version__

from .receiver import Receiver
from .watch import OnQuota, Watch


def watch(settings: Settings, credentials: Credentials, on_quota: OnQuota | None) -> Watch | None:
    """Looks after the accounts of a worker; None if nobody wants to know of them."""
    url = settings.kiro_alert_url
    if not url and on_quota is None:
        return None
    receiver = Receiver(url, user_agent=f"kiro2api/{__version__}") if url else None
    return Watch(
        credentials, settings.kiro_token_cache, receiver, on_quota=on_quota, version=__version__
    )
