"""The WSGI application: the only place that wires the parts together."""

from functools import partial
from math import inf
from typing import Any

from flask import Flask
from flask_cors import CORS

from app.codewhisperer.upstream import CodeWhisperer
from app.core.headers import Headers
from app.credentials import Credentials
from app.dialects import openai
from app.dialects.anthropic import errors as anthropic_errors
from app.dialects.anthropic import openapi as anthropic_api
from app.dialects.anthropic import routes as anthropic
from app.dialects.openai_chat import openapi as openai_chat_api
from app.dialects.openai_chat import routes as openai_chat
from app.dialects.openai_responses import openapi as openai_responses_api
from app.dialects.openai_responses import routes as openai_responses
from app.errors import GatewayError, Kind
from app.gateway import Gateway
from app.keys import authentication, limits
from app.keys.key_file import KeyFile
from app.keys.limits import KeyLimits, Rates
from app.models import names
from app.openapi import Group, describe
from app.pages import health, openapi
from app.pages import models as catalogue
from app.server.admission import Admission
from app.server.framework import Application
from app.server.lifecycle import Lifecycle
from app.server.paths import CanonicalPaths
from app.settings import Settings
from app.tls import tls_context
from app.version import __version__
from app.web import access, failures
from app.web.serving import Serving


def create_app(settings: Settings) -> Flask:
    """The WSGI application of one worker; the master has checked that there is a credential."""
    app = Application(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    lifecycle = Lifecycle(client_stall=settings.kiro_client_stall)
    gateway = _gateway(settings)
    app.extensions["credentials"] = gateway.credentials
    key_limits = KeyLimits(
        _rates(settings), workers=settings.web_concurrency, resolve=gateway.resolve
    )
    serving = Serving(
        open=gateway.open,
        lifecycle=lifecycle,
        admission=Admission(settings.kiro_max_streams),
        limits=key_limits,
        early_headers=settings.kiro_early_headers,
        ping_interval=settings.kiro_ping_interval,
    )
    access.install(app)
    lifecycle.install(app)
    failures.install(app, _shape)
    limits.install(app, lambda path, headers: _shape(path, headers).rate_headers)
    authentication.install(
        app, _doorkeeper(settings), open_paths=frozenset({"/", "/health", "/openapi.json"})
    )
    if settings.kiro_cors_origins:
        CORS(app, origins=list(settings.kiro_cors_origins), expose_headers="*")
    app.register_blueprint(health.blueprint(__version__))
    app.register_blueprint(openapi.blueprint(_description))
    app.register_blueprint(
        catalogue.blueprint(
            names.listing(settings.kiro_default_model, settings.kiro_models),
            gateway.resolve,
            lambda model: key_limits.may_use(authentication.client_key(), model),
        )
    )
    app.register_blueprint(anthropic.blueprint(serving))
    app.register_blueprint(openai_chat.blueprint(serving))
    app.register_blueprint(openai_responses.blueprint(serving, settings.kiro_default_model))
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _doorkeeper(settings: Settings) -> authentication.Doorkeeper:
    path = settings.kiro_client_keys_file
    return authentication.Doorkeeper(
        settings.owner_key,
        KeyFile(path) if path else None,
        only_loopback=settings.has_default_token,
    )


def _rates(settings: Settings) -> Rates | None:
    """What counts the requests of a minute; None where no key can have a limit."""
    if not settings.kiro_client_keys_file:
        return None
    from app.keys.rates import Share  # 3 MB, asyncio among them, that few are in need of

    share = Share(settings.web_concurrency)
    if not settings.kiro_token_store:
        return share
    from app.keys.shared_rates import SharedRates  # its packages are an extra

    return SharedRates(settings.kiro_token_store, share)


def preload(settings: Settings) -> None:
    """Load what workers forked from this process then share: the certificate authorities, what
    gevent loads upon the first look-up of a name, and what only these settings ask for.
    """
    import gevent.threadpool  # noqa: F401

    tls_context()
    if settings.kiro_client_keys_file:
        import app.keys.rates  # noqa: F401


def _gateway(settings: Settings) -> Gateway:
    upstream = CodeWhisperer.from_settings(settings)
    return Gateway(
        upstream=upstream,
        credentials=Credentials.from_settings(settings, control=upstream.control, checked=True),
        resolve=partial(
            names.resolve, default=settings.kiro_default_model, aliases=settings.kiro_models
        ),
        first_event=settings.kiro_first_event_timeout,
        total=settings.kiro_total_timeout or inf,
    )


ANTHROPIC = failures.Shape(
    anthropic_errors.body, lambda error: error.status, anthropic_errors.rate_headers
)
OPENAI = failures.Shape(openai.body, openai.status, openai.rate_headers)
OPENAI_PATHS = ("/v1/chat", "/v1/responses", "/v1/completions", "/v1/embeddings")


def _description() -> dict[str, Any]:
    """What the service takes and answers, as OpenAPI."""
    either = [anthropic_api.AnthropicError, openai.OpenAIError]
    groups = (
        ("Anthropic", anthropic_api.OPERATIONS, [anthropic_api.AnthropicError], ANTHROPIC),
        ("Chat Completions", openai_chat_api.OPERATIONS, [openai.OpenAIError], OPENAI),
        ("Responses", openai_responses_api.OPERATIONS, [openai.OpenAIError], OPENAI),
        ("Service", openapi.OPERATIONS, either, ANTHROPIC),
    )
    return describe(
        "kiro2api",
        __version__,
        [
            Group(name=name, operations=operations, errors=errors, failures=_failures(shape))
            for name, operations, errors, shape in groups
        ],
    )


def _failures(shape: failures.Shape) -> dict[int, str]:
    """What each HTTP status stands for."""
    kinds: dict[int, list[str]] = {}
    for kind in Kind:
        if kind is not Kind.CANCELLED:  # there is nobody to tell
            kinds.setdefault(shape.status(GatewayError(kind, "")), []).append(kind.value)
    return {status: ", ".join(names) for status, names in kinds.items()}


def _shape(path: str, headers: Headers) -> failures.Shape:
    """The dialect that a request speaks: by its path, and by the header that every SDK of
    Anthropic's sends where both have that path; Anthropic's where nothing tells.
    """
    if path.startswith(OPENAI_PATHS):
        return OPENAI
    if path.startswith("/v1/models") and headers.get("anthropic-version") is None:
        return OPENAI
    return ANTHROPIC
