"""Which hosts the gateway calls with these settings and accounts."""

from collections.abc import Iterable, Iterator, Sequence

from app.aws.regions import DEFAULT_REGION
from app.codewhisperer.service.hosts import candidates
from app.credentials import AccountReport, sign_in_url
from app.settings import Settings

from .network import Host


def wanted(settings: Settings, reports: Iterable[AccountReport]) -> Sequence[Host]:
    """Each URL once: the sign-in service of each account, then the hosts of each generation, of
    which one is enough.
    """
    reports = list(reports)
    found: dict[str, Host] = {}
    for host in (*_sign_in(settings, reports), *_service(settings, reports)):
        found.setdefault(host.url, host)
    return list(found.values())


def _sign_in(settings: Settings, reports: Iterable[AccountReport]) -> Iterator[Host]:
    for one in reports:
        if url := sign_in_url(settings, one.kind, one.login_region):
            yield Host("sign-in", url)


def _service(settings: Settings, reports: Iterable[AccountReport]) -> Iterator[Host]:
    regions = {settings.kiro_region or one.region or DEFAULT_REGION for one in reports}
    for region in sorted(regions or {settings.kiro_region or DEFAULT_REGION}):
        for host in candidates(region, settings.kiro_api_url):
            for what, url in (("chat", host.chat_url), ("control", host.control_url)):
                yield Host(f"{what} ({host.generation}, {region})", url, f"{what} {region}")
