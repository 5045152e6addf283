"""What whoever runs the gateway is shown: whether it is ready, its figures, and the page."""

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent
from flask import Blueprint, request

from app.accounting import assembly as accounting
from app.catalogue.choice import ModelChoice
from app.catalogue.live import LiveLists
from app.common import output
from app.common.finished import Observer
from app.credentials import Credentials
from app.gateway import Gateway
from app.keys.authentication import Authenticator
from app.keys.limits import KeyLimits
from app.page.routes import PATHS, Doorkeeper, blueprint
from app.page.sessions import Sessions
from app.page.sources import InProgress, Sources
from app.pages import health
from app.pages import metrics as metrics_pages
from app.server import native, progress, spread
from app.server.admission import Admission
from app.server.lifecycle import Lifecycle
from app.settings import DEFAULT_CLIENT_TOKEN, Settings
from app.version import __version__
from app.web.context import current
from app.web.headers import STREAM_HEADERS
from app.web.side_door import SideDoor

if TYPE_CHECKING:
    from app.metrics.assembly import Metrics
    from app.tracing.spans import Spans

SIDE_PATHS = frozenset({"/metrics", "/health", "/health/ready", "/health/version"})
"""Served at KIRO_METRICS_BIND, where nothing else is."""

QUOTA_AGE = 300.0
"""Seconds after which a quota is asked for once more while somebody looks."""


def side_door(settings: Settings) -> SideDoor | None:
    """The door of KIRO_METRICS_BIND; None if that is not set."""
    return SideDoor(port, SIDE_PATHS) if (port := settings.metrics_port) else None


def health_pages(credentials: Credentials, authenticator: Authenticator) -> Blueprint:
    """``/health`` and what is below it."""

    def accounts() -> list[dict[str, Any]] | None:
        if not authenticator.is_owner(request.headers):
            return None
        return [
            {
                "account": one.account,
                "source": one.source,
                "state": one.state,
                "why": one.why,
                "until": one.until or None,
                "expires_at": one.expires_at or None,
            }
            for one in credentials.report()
        ]

    return health.blueprint(
        __version__,
        credentials.problems,
        why_unready=credentials.why_unready,
        stuck_workers=spread.stuck_workers,
        accounts=accounts,
    )


class Telemetry(NamedTuple):
    """What learns of every request, and is shown to whoever runs the gateway; each is None if that
    is not asked for.
    """

    metrics: "Metrics | None"
    spans: "Spans | None"

    @property
    def observers(self) -> list[Observer]:
        """What is to be called with each request that is over."""
        observers: list[Observer] = [self.metrics.requests] if self.metrics else []
        return [*observers, self.spans] if self.spans else observers

    def start(self) -> None:
        """The worker begins to serve."""
        if self.metrics is not None:
            self.metrics.start()

    def close(self) -> None:
        """The worker has sent its last answer."""
        if self.metrics is not None:
            self.metrics.close()
        if self.spans is not None:
            self.spans.close()


def telemetry(
    settings: Settings,
    models: ModelChoice,
    lifecycle: Lifecycle,
    admission: Admission,
    credentials: Credentials,
    lists: LiveLists,
) -> Telemetry:
    """The telemetry of this worker."""
    metrics = _metrics(settings, models, lifecycle, admission, credentials, lists)
    return Telemetry(metrics, _spans(settings))


def _metrics(
    settings: Settings,
    models: ModelChoice,
    lifecycle: Lifecycle,
    admission: Admission,
    credentials: Credentials,
    lists: LiveLists,
) -> "Metrics | None":
    """The figures of this worker; None if nothing is counted."""
    if not settings.kiro_metrics:
        return None
    from app.metrics import assembly, sampler

    def now() -> sampler.Now:
        return sampler.Now(
            answers=lifecycle.answers,
            waiting=admission.waiting,
            connections=lifecycle.connections,
            ready=not credentials.why_unready(),
            accounts=Counter(one.state for one in credentials.report()),
            catalogue_age=lists.age(),
            stuck_workers=spread.stuck_workers(),
        )

    return assembly.metrics(
        settings,
        is_model=models.is_known,
        now=now,
        so_far=lambda: sampler.SoFar(output.lost(), credentials.refreshes),
    )


def _spans(settings: Settings) -> "Spans | None":
    """What makes spans of requests; None if there is no collector for them."""
    if not settings.otel_exporter_otlp_endpoint:
        return None
    from app.tracing import assembly  # its packages are an extra

    return assembly.spans(settings)


def metrics_page(figures: "Metrics | None", authenticator: Authenticator) -> Blueprint:
    """``/metrics``, for the owner and through the side door."""

    def may_read() -> bool:
        return current().by_side_door or authenticator.is_owner(request.headers)

    if figures is None:
        return metrics_pages.blueprint(None, may_read)
    from app.metrics import exposition as of

    text = partial(native.apart, of.exposition, figures.path)
    return metrics_pages.blueprint(metrics_pages.Exposition(text, of.CONTENT_TYPE), may_read)


class Page(NamedTuple):
    """The page for people: its routes, which paths they serve without a key, and who lets in the
    requests that its scripts make.
    """

    routes: Blueprint
    paths: frozenset[str]
    doorkeeper: Doorkeeper


def page(
    settings: Settings,
    gateway: Gateway,
    limits: KeyLimits,
    lifecycle: Lifecycle,
    authenticator: Authenticator,
) -> Page:
    """The page of this worker."""
    credentials = gateway.credentials
    sources = Sources(
        version=__version__,
        accounts=credentials.report,
        why_unready=credentials.why_unready,
        problems=credentials.problems,
        names=lambda: gateway.models.names,
        may_use=limits.may_use,
        reports=accounting.reports(settings),
        recent=accounting.recent(settings),
        in_progress=lambda: InProgress(progress.BOARD.answers(), progress.BOARD.count()),
        ask_quotas=partial(gevent.spawn, credentials.ask_quotas, older_than=QUOTA_AGE),
        is_ending=lambda: lifecycle.is_ending,
        public_key=DEFAULT_CLIENT_TOKEN if settings.has_default_token else "",
    )
    sessions = Sessions(settings.kiro_token_cache, authenticator)
    routes = blueprint(sources, sessions, lambda: current().address, STREAM_HEADERS)
    return Page(routes, PATHS, Doorkeeper(authenticator, sessions))
