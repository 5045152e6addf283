"""Asks the service which models it offers an account.

The newest hosts list them for a profile and refuse a call without one. The host before them also
serves logins without a profile. The list depends on the ``origin`` of the call, so it is that of
the account's chat requests, wherever it is asked for. Sources: the mock of the Kiro runtime service
in the Amazon Q CLI's repository, captures of kiro-cli, other open gateways.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from app.aws.regions import home_regions
from app.common.errors import GatewayError, Kind
from app.models.catalogue import Catalogue
from app.models.model import Model

from .catalogue import read_page
from .hosts import Host, HostChoice, Operation, authorization
from .profiles import profile_for

MOST_PAGES, MOST_MODELS = 10, 1000
"""More were never seen; a list that goes on is cut here."""

_ELSEWHERE = (Kind.REFUSED_TOKEN, Kind.FORBIDDEN, Kind.REJECTED, Kind.NOT_FOUND)
"""Errors that another host or region may not have."""


class Call(Protocol):
    """Calls an operation of the control plane and decodes its answer. Raises GatewayError."""

    def __call__(
        self,
        host: Host,
        operation: Operation,
        parameters: Mapping[str, Any],
        auth: Mapping[str, str],
        response_type: type[object],
    ) -> object: ...


def list_models(
    call: Call,
    hosts: HostChoice,
    access_token: str,
    kind: str,
    profile_arn: str | None,
    region: str | None,
) -> Catalogue:
    """The models that the service offers the account. ``region`` is the account's, None if not
    known; it is then looked for. Raises GatewayError, also for an empty list.
    """
    auth = authorization(access_token, kind)
    failure: GatewayError | None = None
    for first in dict.fromkeys(map(hosts.first, [region] if region else home_regions(None))):
        for host, arn in _ways(hosts, first, kind, profile_arn):
            try:
                return _all_pages(call, host, first.origin, arn, auth)
            except GatewayError as error:
                failure = failure or error
                if error.kind not in _ELSEWHERE:
                    raise
    assert failure
    raise failure


def _ways(
    hosts: HostChoice, first: Host, kind: str, known: str | None
) -> Iterator[tuple[Host, str | None]]:
    """The hosts to ask, each with the profile to name."""
    older = hosts.of("q", first.region) if first.generation == "kiro" else None
    profile_arn = profile_for(first, kind, known)
    if profile_arn or older is None:
        yield first, profile_arn
    if older is not None:
        yield older, None


def _all_pages(
    call: Call, host: Host, origin: str, profile_arn: str | None, auth: Mapping[str, str]
) -> Catalogue:
    """The whole list; a part of it would hide models."""
    parameters = {"origin": origin} | ({"profileArn": profile_arn} if profile_arn else {})
    models: dict[str, Model] = {}
    seen, default = {""}, ""
    for _ in range(MOST_PAGES):
        page = read_page(call(host, "ListAvailableModels", parameters, auth, object))
        for model in page.models:
            models.setdefault(model.current_id, model)
        default = default or page.default
        if page.next_token in seen or len(models) >= MOST_MODELS:
            break  # the last page; or a token that repeats, which would have no end
        seen.add(page.next_token)
        parameters = parameters | {"nextToken": page.next_token}
    if not models:
        raise GatewayError(Kind.NOT_FOUND, "The upstream listed no model for this account.")
    return Catalogue(tuple(models.values())[:MOST_MODELS], default)
