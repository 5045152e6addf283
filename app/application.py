"""The WSGI application: the only place that wires the parts together."""

from functools import partial
from math import inf
from typing import Any

from flask_cors import CORS

from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.service.operations import ControlPlane
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
from app.gateway import Gateway, Timeouts
from app.keys.authentication import AUTHORIZATION, Authenticator
from app.keys.key_file import KeyFile
from app.keys.limits import KeyLimits, Rates
from app.models import names as models
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
from app.web import failures, hooks
from app.web.context import current
from app.web.serving import Serving

OPEN_PATHS = frozenset({"/", "/health", "/openapi.json"})
"""Served without a key."""

KEY_HEADERS = (AUTHORIZATION, "x-api-key")
"""In which clients send their key."""

USER_AGENT = f"kiro2api/{__version__}"


def create_app(settings: Settings) -> Application:
    """The WSGI application of one worker; the master has checked that there is a credential."""
    lifecycle = Lifecycle(client_stall=settings.kiro_client_stall)
    gateway = _gateway(settings)
    app = Application(__name__, lifecycle=lifecycle, on_exit=gateway.credentials.close)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
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
    hooks.install(app, _authenticator(settings), open_paths=OPEN_PATHS, shape_of=_shape)
    if settings.kiro_cors_origins:
        CORS(app, origins=list(settings.kiro_cors_origins), expose_headers="*")
    app.register_blueprint(health.blueprint(__version__, gateway.credentials.problems))
    app.register_blueprint(openapi.blueprint(_description))
    app.register_blueprint(
        catalogue.blueprint(
            models.listing(settings.kiro_default_model, settings.kiro_models),
            gateway.resolve,
            lambda model: key_limits.may_use(current().client, model),
        )
    )
    app.register_blueprint(anthropic.blueprint(serving))
    app.register_blueprint(openai_chat.blueprint(serving))
    app.register_blueprint(openai_responses.blueprint(serving, settings.kiro_default_model))
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _authenticator(settings: Settings) -> Authenticator:
    path = settings.kiro_client_keys_file
    return Authenticator(
        settings.owner_key,
        KeyFile(path) if path else None,
        key_headers=KEY_HEADERS,
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


def control_plane(settings: Settings) -> ControlPlane:
    """What asks the upstream about an account, for the command line."""
    return ControlPlane(_client(settings), _hosts(settings))


def _gateway(settings: Settings) -> Gateway:
    client, hosts = _client(settings), _hosts(settings)
    return Gateway(
        client=client,
        credentials=Credentials.from_settings(
            settings, control=ControlPlane(client, hosts), checked=True
        ),
        hosts=hosts,
        resolve=partial(
            models.resolve, default=settings.kiro_default_model, aliases=settings.kiro_models
        ),
        timeouts=Timeouts(
            first_event=settings.kiro_first_event_timeout,
            idle=settings.kiro_idle_timeout,
            total=settings.kiro_total_timeout or inf,
            ping=settings.kiro_ping_interval,
        ),
        max_tool_description=settings.max_tool_description_length,
    )


def _client(settings: Settings) -> Client:
    return Client(
        connections=settings.kiro_max_streams,
        connect_timeout=settings.kiro_connect_timeout,
        user_agent=USER_AGENT,
        proxy=settings.kiro_upstream_proxy or "",
    )


def _hosts(settings: Settings) -> HostChoice:
    return HostChoice(settings.kiro_api_url, settings.kiro_region)


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
