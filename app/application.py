"""The WSGI application: the only place that wires the parts together."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, cast

from flask_cors import CORS

from app.catalogue import assembly as catalogue
from app.catalogue.choice import ModelChoice
from app.catalogue.live import LiveLists
from app.codewhisperer.upstream import CodeWhisperer
from app.core.headers import Headers
from app.credentials import Credentials
from app.dialects.anthropic.dialect import ANTHROPIC
from app.dialects.dialect import Dialect, key_headers, select
from app.dialects.openai_chat.dialect import CHAT_COMPLETIONS
from app.dialects.openai_responses.dialect import RESPONSES
from app.errors import GatewayError, Kind
from app.gateway import Gateway
from app.hosted import loop as hosted_loop
from app.kept.keeper import Keeper
from app.keys.authentication import Authenticator
from app.keys.key_file import KeyFile
from app.keys.limits import KeyLimits, Rates
from app.openapi import Group, describe
from app.pages import health, openapi, stream_check
from app.pages import models as model_pages
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
from app.tls import tls_context
from app.version import __version__
from app.web import failures, hooks
from app.web.context import current
from app.web.headers import STREAM_HEADERS
from app.web.serving import Serving

DIALECTS = (ANTHROPIC, CHAT_COMPLETIONS, RESPONSES)
"""The client dialects. The first is used for a request that identifies none."""

OPEN_PATHS = frozenset({"/", "/health", "/openapi.json", "/api/hello"})
"""Served without a key."""


def create_app(settings: Settings) -> Application:
    """The WSGI application of one worker; the master has checked that there is a credential."""
    lifecycle = Lifecycle(client_stall=settings.kiro_client_stall)
    models = catalogue.model_choice(settings)
    key_limits = KeyLimits(
        _rates(settings), workers=settings.web_concurrency, resolve=models.resolve
    )

    def may_use(model: str) -> bool:
        """Whether the key of the request being served allows a model."""
        return key_limits.may_use(current().client, model)

    upstream = CodeWhisperer.from_settings(settings, run=native.run)
    gateway = _gateway(settings, upstream, models, may_use)
    lists = catalogue.live_lists(
        settings, models, gateway.credentials, upstream.control, since=process.loaded_at()
    )
    recorder = _recorder(settings)
    keeper = _keeper(settings)
    app = Application(
        __name__,
        lifecycle=lifecycle,
        refusals=Refusals(_refusal),
        connections=ConnectionLimit(
            settings.kiro_max_connections_per_address, settings.kiro_trusted_proxies
        ),
        on_start=lists.start,
        on_exit=partial(_close, gateway, lists, recorder, keeper),
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    serving = Serving(
        open=hosted_loop.opener(gateway.open, settings.kiro_ping_interval),
        lifecycle=lifecycle,
        admission=Admission(settings.kiro_max_streams),
        limits=key_limits,
        early_headers=settings.kiro_early_headers,
        ping_interval=settings.kiro_ping_interval,
        default_model=lambda: models.names.default_name(),
        keeper=keeper,
    )
    routes = [dialect.blueprint(serving) for dialect in DIALECTS]
    hooks.install(
        app,
        _authenticator(settings),
        open_paths=OPEN_PATHS,
        form_of=_error_form,
        recorder=recorder,
        dialects=frozenset(blueprint.name for blueprint in routes),
        addresses=ClientAddresses(settings.kiro_trusted_proxies),
    )
    if settings.kiro_cors_origins:
        CORS(app, origins=list(settings.kiro_cors_origins), expose_headers="*")
    app.register_blueprint(health.blueprint(__version__, gateway.credentials.problems))
    app.register_blueprint(stream_check.blueprint(STREAM_HEADERS))
    app.register_blueprint(openapi.blueprint(_description))
    app.register_blueprint(model_pages.blueprint(lambda: models.names, may_use))
    for blueprint in routes:
        app.register_blueprint(blueprint)
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


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


def _close(
    gateway: Gateway, lists: LiveLists, recorder: Recorder | None, keeper: Keeper | None
) -> None:
    """What a worker does after its last answer."""
    if keeper is not None:
        keeper.close()
    lists.close()
    if recorder is not None:
        recorder.close()
    gateway.credentials.close()


def _authenticator(settings: Settings) -> Authenticator:
    path = settings.kiro_client_keys_file
    return Authenticator(
        settings.owner_key,
        KeyFile(path) if path else None,
        key_headers=key_headers(DIALECTS),
        only_loopback=settings.has_default_token,
    )


def _rates(settings: Settings) -> Rates | None:
    """The counter of requests per minute; None if no key can have a limit."""
    if not settings.kiro_client_keys_file:
        return None
    from app.keys.rates import Share  # 3 MB with asyncio, which few installations need

    share = Share(settings.web_concurrency)
    if not settings.kiro_token_store:
        return share
    from app.keys.shared_rates import SharedRates  # its packages are an extra

    return SharedRates(settings.kiro_token_store, share)


def preload(settings: Settings) -> None:
    """Load what the workers forked from this process then share: the certificate authorities, the
    modules of gevent's first name look-up, and those that only some settings need.
    """
    import gevent.threadpool  # noqa: F401

    tls_context()
    if settings.kiro_client_keys_file:
        import app.keys.rates  # noqa: F401


def prepare_kept(settings: Settings) -> None:
    """In the master: make what its workers share of the responses that they keep."""
    if settings.kiro_responses_ttl:
        from app.kept import assembly  # 7 MB with cryptography

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
