"""Which generation of hosts this worker talks to: the newest that answers, once that is known."""

import logging

from .hosts import Host, candidates, region_of

log = logging.getLogger("kiro2api.upstream")


class HostChoice:
    """Remembers for each region what worked. ``api_url`` and ``region`` are the settings."""

    def __init__(self, api_url: str | None, region: str | None) -> None:
        self._api_url = api_url
        self._region = region
        self._worked: dict[str, Host] = {}

    def region(self, profile_arn: str | None) -> str:
        """The API's region for an account: the setting, else its profile's, else the default."""
        return self._region or region_of(profile_arn)

    def first(self, region: str) -> Host:
        """The host to try first."""
        return self._worked.get(region) or candidates(region, self._api_url)[0]

    def older(self, host: Host, region: str) -> Host | None:
        """The next to try after one that cannot be reached or does not know the operation."""
        known = candidates(region, self._api_url)
        following = known[known.index(host) + 1 :]
        return following[0] if following else None

    def worked(self, host: Host, region: str) -> None:
        """This one took a request: stay with it. Logged when it is news."""
        if self._worked.get(region) != host:
            self._worked[region] = host
            log.info("upstream host chosen: %s (%s)", host.chat_url, host.generation)
