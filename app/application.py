"""The WSGI application: the only place that wires the parts together."""

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any, cast

from flask import Blueprint
from flask_cors import CORS

from app import operating
from app.accounting import assembly as accounting
from app.alerts import assembly as alerts
from app.catalogue import assembly as catalogue
from app.catalogue.choice import ModelChoice
from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import GatewayError, Kind
from app.common.openapi import Group, describe
from app.common.tls import tls_context
from app.compaction import call as compaction
from app.core.conversation import Conversation
from app.core.demands.plan import plan
from app.core.headers import Headers
from app.core.tokens.prompt import measure
from app.credentials import Credentials
from app.demands import opener as demands
from app.demands.call import Times
from app.dialects.anthropic.dialect import ANTHROPIC
from app.dialects.dialect import Dialect, key_headers, select
from app.dialects.openai_chat.dialect import CHAT_COMPLETIONS
from app.dialects.openai_responses.dialect import RESPONSES
from app.explaining import Explainer
from app.fetching import fetcher
from app.gateway import Gateway, Open
from app.hosted import loop as hosted_loop
from app.hosted.web_search import AccountSearch
from app.kept.keeper import Keeper
from app.keys import assembly as keys
from app.keys.authentication import Authenticator
from app.keys.key_file import OWN
from app.keys.limits import KeyLimits
from app.pages import models as model_pages
from app.pages import openapi, stream_check, usage
from app.recording.recorder import Recorder, Which
from app.server import native
from app.server.admission import Admission
from app.server.connections.addresses import ClientAddresses, ConnectionLimit
from app.server.connections.refusals import Answer as RefusalAnswer
from app.server.connections.refusals import Refusals
from app.server.framework import Application
from app.server.lifecycle import Lifecycle
from app.server.paths import CanonicalPaths
from app.settings import Settings, process
from app.version import __version__
from app.web import failures, hooks
from app.web.context import current
from app.web.headers import STREAM_HEADERS
from app.web.serving import Serving

DIALECTS = (ANTHROPIC, CHAT_COMPLETIONS, RESPONSES)
"""The client dialects. The first is used for a request that identifies none."""

OPEN_PATHS = frozenset(
    {"/", "/health", "/health/ready", "/health/version", "/openapi.json", "/api/hello"}
)
"""Served without a key."""


def create_app(settings: Settings) -> Application:
    """The WSGI application of one worker; the master has checked that there is a credential."""
    lifecycle = Lifecycle(client_stall=settings.kiro_client_stall)
    models = catalogue.model_choice(settings)
    key_limits = keys.key_limits(settings, models.resolve)
    may_use = partial(_may_use, key_limits)
    upstream = CodeWhisperer.from_settings(settings, run=native.run)
    gateway = _gateway(settings, upstream, models, may_use)
    lists = catalogue.live_lists(
        settings, models, gateway.credentials, upstream.control, since=process.loaded_at()
    )
    recorder, keeper = _recorder(settings), _keeper(settings)
    writers = accounting.writers(settings)
    admission = Admission(settings.kiro_max_streams)
    telemetry = operating.telemetry(
        settings, models, lifecycle, admission, gateway.credentials, lists
    )
    watch = alerts.watch(settings, gateway.credentials, accounting.on_quota(writers))
    parts = (watch, key_limits, *writers, keeper, lists, recorder, telemetry, gateway.credentials)
    app = Application(
        __name__,
        lifecycle=lifecycle,
        refusals=Refusals(_refusal),
        connections=ConnectionLimit(
            settings.kiro_max_connections_per_address, settings.kiro_trusted_proxies
        ),
        on_start=partial(_start, lists, telemetry, watch),
        on_exit=partial(_close, *parts),
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    serving = _serving(settings, gateway, lifecycle, admission, key_limits, keeper)
    authenticator = keys.authenticator(settings, key_headers(DIALECTS))
    page = operating.page(settings, gateway, key_limits, lifecycle, authenticator)
    routes = [dialect.blueprint(serving) for dialect in DIALECTS]
    hooks.install(
        app,
        page.doorkeeper,
        open_paths=OPEN_PATHS | page.paths,
        form_of=_error_form,
        recorder=recorder,
        dialects=frozenset(blueprint.name for blueprint in routes),
        addresses=ClientAddresses(settings.kiro_trusted_proxies),
        observers=[*accounting.observers(writers), *telemetry.observers],
        makes_spans=telemetry.spans is not None,
        side_door=operating.side_door(settings),
    )
    _allow_origins(app, settings)
    pages = _pages(settings, gateway, telemetry, authenticator, may_use)
    for blueprint in (*pages, page.routes, *routes):
        app.register_blueprint(blueprint)
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _serving(
    settings: Settings,
    gateway: Gateway,
    lifecycle: Lifecycle,
    admission: Admission,
    key_limits: KeyLimits,
    keeper: Keeper | None,
) -> Serving:
    """What the routes of all dialects answer with."""
    expected = partial(_expected_tokens, gateway)
    around = partial(_around, settings, gateway, expected)
    return Serving(
        fetch=_fetcher(settings),
        open=around(gateway.open),
        explained=Explainer(gateway, around),
        expected=expected,
        lifecycle=lifecycle,
        admission=admission,
        limits=key_limits,
        early_headers=settings.kiro_early_headers,
        ping_interval=settings.kiro_ping_interval,
        default_model=lambda: gateway.models.names.default_name(),
        keeper=keeper,
    )


def _around(
    settings: Settings,
    gateway: Gateway,
    expected: Callable[[Conversation], int],
    open_call: Open,
) -> Open:
    """What opens conversations, around what opens a call: each call is watched, hosted tools make
    several, and so does a summary that is due, by the tokens that are ``expected``.
    """
    ping_interval = settings.kiro_ping_interval
    watched = demands.opener(
        open_call, Times(ping_interval, settings.kiro_early_headers), native.apart
    )
    searches = AccountSearch(gateway.upstream, gateway.credentials, gateway.sleep)
    looped = hosted_loop.opener(watched, searches.find, ping_interval)
    return compaction.opener(looped, open_call, ping_interval, expected)


def _allow_origins(app: Application, settings: Settings) -> None:
    """Let the web pages of these origins read answers."""
    if settings.kiro_cors_origins:
        CORS(app, origins=list(settings.kiro_cors_origins), expose_headers="*")


def _pages(
    settings: Settings,
    gateway: Gateway,
    telemetry: operating.Telemetry,
    authenticator: Authenticator,
    may_use: Callable[[str], bool],
) -> Iterator[Blueprint]:
    """The endpoints that belong to no dialect."""
    reports = accounting.reports(settings)
    yield operating.health_pages(gateway.credentials, authenticator)
    yield operating.metrics_page(telemetry.metrics, authenticator)
    yield stream_check.blueprint(STREAM_HEADERS)
    yield openapi.blueprint(_description)
    yield model_pages.blueprint(lambda: gateway.models.names, may_use)
    yield usage.blueprint(reports.make if reports else None, _own_key)


def _own_key() -> str:
    """The name of the key that asks, "" for the owner's."""
    name = current().client.name
    return "" if name == OWN else name


def _recorder(settings: Settings) -> Recorder | None:
    """Records exchanges; None if no directory is set."""
    directory = settings.kiro_record_dir
    if directory is None:
        return None
    return Recorder(
        directory,
        which=cast(Which, settings.kiro_record),
        most=settings.kiro_record_max,
        most_bytes=settings.kiro_record_max_bytes,
        keeps_text=settings.kiro_record_text,
    )


def _may_use(key_limits: KeyLimits, model: str) -> bool:
    """Whether the key of the request being served allows a model."""
    return key_limits.may_use(current().client, model)


def _start(*parts: Any) -> None:
    """What a worker does when it begins to serve; a part that there is not is None."""
    for part in parts:
        if part is not None:
            part.start()


def _close(*parts: Any) -> None:
    """What a worker does after its last answer; a part that there is not is None."""
    for part in parts:
        if part is not None:
            part.close()


def preload(settings: Settings) -> None:
    """Load what the workers forked from this process then share: the certificate authorities, the
    modules of gevent's first name look-up, and those that only some settings need.
    """
    import gevent.threadpool  # noqa: F401

    tls_context()
    if settings.kiro_client_keys_file:
        import app.keys.host_ledger
    if settings.kiro_usage_days:
        import app.accounting.host_store
    if settings.kiro_metrics:
        import app.metrics.assembly
        import app.metrics.exposition
    if settings.otel_exporter_otlp_endpoint:
        import app.tracing.assembly  # noqa: F401


def prepare_kept(settings: Settings) -> None:
    """In the master: make what its workers share of the responses that they keep."""
    if settings.kiro_responses_ttl:
        from app.kept import assembly

        assembly.prepare(settings)


def prepare_metrics(settings: Settings) -> None:
    """In the master: make what its workers share of the figures for Prometheus."""
    if settings.kiro_metrics:
        from app.metrics import assembly  # 0.7 MB with prometheus_client

        assembly.prepare(settings)


def _keeper(settings: Settings) -> Keeper | None:
    """Keeps responses; None if none are to be kept."""
    if not settings.kiro_responses_ttl:
        return None
    from app.kept import assembly

    return assembly.keeper(settings)


def _gateway(
    settings: Settings,
    upstream: CodeWhisperer,
    models: ModelChoice,
    may_use: Callable[[str], bool],
) -> Gateway:
    return Gateway(
        upstream=upstream,
        credentials=Credentials.from_settings(settings, control=upstream.control, checked=True),
        models=models,
        first_event=settings.kiro_first_event_timeout,
        total=settings.kiro_total_timeout or inf,
        falls_back=settings.kiro_refusal_fallback,
        may_use=may_use,
        run=native.run,
    )


def _fetcher(settings: Settings) -> Callable[[Conversation], Conversation]:
    if not settings.kiro_fetch_urls:
        return fetcher.refuse
    seconds, most_bytes = settings.kiro_fetch_timeout, settings.kiro_fetch_max_bytes
    return fetcher.Fetcher(seconds=seconds, most_bytes=most_bytes, run=native.run)


def _expected_tokens(gateway: Gateway, conversation: Conversation) -> int:
    """The tokens of a prompt, as a call of the gateway would expect them: with the tool by which an
    answer of JSON is asked for.
    """
    demanded = plan(conversation)
    conversation = demanded.asked if demanded else conversation
    model = gateway.models.choose(conversation.model).model
    prompt = gateway.run(conversation.size, measure, conversation, model.current_id)
    return gateway.told.expected(prompt).tokens


def _error_form(path: str, headers: Headers) -> failures.ErrorForm:
    """How the dialect of a request reports failures."""
    return select(DIALECTS, path, headers).error_form


def _refusal(error: GatewayError, request_id: str) -> RefusalAnswer:
    """The answer to what could not be parsed, and so identifies no dialect."""
    form = DIALECTS[0].error_form
    headers = failures.retry_headers(error)
    return RefusalAnswer(form.status(error), headers, form.body(error, request_id))


def _description() -> dict[str, Any]:
    """What the service takes and answers, as OpenAPI."""
    first = DIALECTS[0]  # its form is used for a request that identifies no dialect
    service = Group(
        name="Service",
        operations=openapi.OPERATIONS,
        errors=list(dict.fromkeys(dialect.error_type for dialect in DIALECTS)),
        failures=_failures(first.error_form),
    )
    groups = [*map(_group, DIALECTS), service]
    return describe("kiro2api", __version__, groups, key_headers(DIALECTS))


def _group(dialect: Dialect) -> Group:
    return Group(
        name=dialect.name,
        operations=dialect.operations,
        errors=[dialect.error_type],
        failures=_failures(dialect.error_form),
    )


def _failures(form: failures.ErrorForm) -> dict[int, str]:
    """Each HTTP status, and the kinds of failure that it is the status of."""
    kinds: dict[int, list[str]] = {}
    for kind in Kind:
        if kind is not Kind.CANCELLED:  # no client is left to read it
            kinds.setdefault(form.status(GatewayError(kind, "")), []).append(kind.value)
    return {status: ", ".join(names) for status, names in kinds.items()}
