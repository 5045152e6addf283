# ruff: noqa: RUF009 -- setting() returns a dataclass field, whatever the annotation
"""All settings, each with its variable, default, unit and meaning in one place.

The environment variable of a field is its name in capitals. ``docs/settings.md`` and
``.env.example`` are generated from the fields (:mod:`app.settings.docs`), and a test fails if they
are out of date. No other module reads the environment.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.models.names import UnknownModel

from . import sources, values
from .declaration import setting

DEFAULT_CLIENT_TOKEN = "123456"


class SettingsError(Exception):
    """All problems, one per line, each with the variable, the value found and the values allowed.

    Holds no secrets.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("invalid settings:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = problems


def worker_count() -> int:
    """One worker per CPU that this process may use. At least two, so that one still answers while
    another restarts or hangs; at most four, since streams mostly wait and each worker needs its own
    memory and upstream connections.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # missing on macOS
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(2, min(4, cpus))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a user can set. Immutable; its repr holds no secrets."""

    # fmt: off
    kiro_client_token: str = setting("Serving", values.client_key(), DEFAULT_CLIENT_TOKEN,
        "The owner's key, which clients must send. The default works only on a loopback address "
        "or a unix socket, and not together with KIRO_CLIENT_KEYS_FILE.", secret=True)
    kiro_client_keys_file: Path | None = setting("Serving", values.path("file"), "",
        "File of more client keys, each with its models, limits and expiry date; manage it with "
        "`kiro2api keys`.")
    host: str = setting("Serving", values.text("a host name or address"), "127.0.0.1",
        "Address to listen on. Any address but loopback requires your own KIRO_CLIENT_TOKEN.")
    port: int = setting("Serving", values.integer(1, 65535), "8080", "Port to listen on.")
    web_concurrency: int = setting("Serving", values.integer(1, 64),
        "one per CPU, at least 2, at most 4", "Number of worker processes.", compute=worker_count)
    kiro_cors_origins: tuple[str, ...] = setting("Serving", values.origins(), "",
        "Origins of web pages that may call the gateway from a browser.")
    max_body_bytes: int = setting("Serving", values.integer(1024, 1 << 30, "bytes"), "33554432",
        "Largest request body, as sent and as decoded. Larger ones are rejected with status 413.")

    log_level: str = setting("Logs",
        values.choice("debug", "info", "warning", "error", aliases={"warn": "warning"}), "info",
        "Lowest severity to log.")
    log_format: str = setting("Logs", values.choice("auto", "json", "text"), "auto",
        "Format of the log lines: for programs or for people. auto is text on a terminal, and JSON "
        "elsewhere.")
    log_file: Path | None = setting("Logs", values.appendable_file(), "",
        "Also append the log to this file, which may be rotated.")
    log_console: bool = setting("Logs", values.flag(), "true",
        "Log to stderr. false is allowed only together with LOG_FILE.")

    kiro_metrics: bool = setting("Metrics", values.flag(), "true",
        "Count for Prometheus: GET /metrics, for the owner's key.")
    kiro_metrics_bind: str | None = setting("Metrics", values.address(), "",
        "Address and port that serve /metrics and /health without a key, and nothing else. Let "
        "only those reach it who may see what each key has used.")

    otel_exporter_otlp_endpoint: str | None = setting("Traces", values.base_url(), "",
        "Base URL of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318: "
        "each request is sent there as a span, without its texts. Needs the extra `otel`.")
    otel_exporter_otlp_headers: str | None = setting("Traces", values.pairs(), "",
        "Headers for the collector, as OpenTelemetry writes them: name=value, separated by commas.",
        secret=True)
    otel_service_name: str = setting("Traces", values.text("a name"), "kiro2api",
        "Name of this service in traces.")

    kiro_record_dir: Path | None = setting("Recording", values.path("directory"), "",
        "Keep exchanges with the upstream in this directory, so that a failure can be reported and "
        "replayed. Only its owner can read them. If unset, nothing of a request is written to "
        "disk.")
    kiro_record: str = setting("Recording", values.choice("failed", "all"), "failed",
        "Which exchanges to keep.")
    kiro_record_max: int = setting("Recording", values.integer(1, 100_000), "100",
        "Most recordings to keep; the oldest are removed first.")
    kiro_record_max_bytes: int = setting("Recording",
        values.integer(65536, 1 << 40, "bytes"), "67108864", "Most bytes of all recordings.")
    kiro_record_text: bool = setting("Recording", values.flag(), "false",
        "Keep prompts and answers as they are. If false, every text is replaced by filler of the "
        "same length and script. Tokens, keys and ARNs are removed in both cases.")

    kiro_api_key: str | None = setting("Credential", values.api_key(), "",
        "API key of a Kiro account, made at app.kiro.dev: the official way without a browser. "
        "Used before token files and databases; beside another credential variable it is one more "
        "account.", secret=True)
    kiro_auth_token: str | None = setting("Credential",
        values.text("JSON, or the path of a JSON file"), "",
        "One login or an array of logins as JSON, or the path of a file with that JSON.",
        secret=True)
    aws_refreshtoken: str | None = setting("Credential", values.text(), "",
        "Refresh token of a social login; separate several with commas.", secret=True)
    refresh_token: str | None = setting("Credential", values.text(), "",
        "Alternative name of AWS_REFRESHTOKEN, read if that is not set.", secret=True)
    bulk_refresh_tokens: str | None = setting("Credential", values.text(), "",
        "Refresh tokens of social logins, separated by commas.", secret=True)
    auth_method: str | None = setting("Credential", values.choice("social", "idc"), "",
        "With social, the IDC_ variables are not read.")
    idc_client_id: str | None = setting("Credential", values.text(), "",
        "Client id of a Builder ID or IAM Identity Center login in us-east-1. For other regions "
        "use KIRO_AUTH_TOKEN.")
    idc_client_secret: str | None = setting("Credential", values.text(), "",
        "Client secret of that login.", secret=True)
    idc_refresh_token: str | None = setting("Credential", values.text(), "",
        "Refresh token of that login.", secret=True)
    kiro_token_file: Path = setting("Credential", values.path("file"),
        "~/.aws/sso/cache/kiro-auth-token.json",
        "Token file of the Kiro IDE, read if no variable above is set. If it has no login, the "
        "databases of kiro-cli and Amazon Q are read.")
    kiro_token_cache: Path = setting("Credential", values.path("directory"),
        "~/.local/state/kiro2api",
        "Directory for refreshed tokens of credentials from the environment.")
    kiro_token_store: str | None = setting("Credential", values.redis_url(), "",
        "Redis or Valkey server that shares refreshed tokens between hosts; needs "
        "the extra `redis`.", secret=True)
    kiro_store_key: str | None = setting("Credential", values.fernet_key(), "",
        "Key that encrypts the tokens in KIRO_TOKEN_STORE.", secret=True)

    kiro_responses_ttl: float = setting("Kept responses", values.seconds(0, 30 * 86400), "3600",
        "How long answers of /v1/responses, what they answered, and conversations can be referred "
        "to. They are kept encrypted, in a file in KIRO_TOKEN_CACHE whose key is only in memory, "
        "or in KIRO_TOKEN_STORE if KIRO_STORE_KEY is set. 0: nothing is kept.")
    kiro_responses_max_bytes: int = setting("Kept responses",
        values.integer(1 << 20, 1 << 40, "bytes"), "268435456",
        "Most bytes of all that is kept, compressed, on this host and in KIRO_TOKEN_STORE each; "
        "the oldest is removed first.")

    kiro_usage_days: int = setting("Usage", values.integer(0, 3660, "days"), "90",
        "How long it is kept what each answer has cost (names and numbers, no texts), in "
        "KIRO_TOKEN_CACHE, and as sums of each day in KIRO_TOKEN_STORE. 0: nothing is kept.")
    kiro_alert_url: str | None = setting("Usage", values.receiver_url(), "",
        "Where alerts are sent, each as one POST of JSON: when a login is over, an account is "
        "suspended, less than 10 % of a quota are left, no account can be used or KIRO_TOKEN_STORE "
        "cannot, and once more when that is over.", secret=True)

    kiro_default_model: str | None = setting("Models", values.model(), "",
        "Model for requests that name none, or one of no known family. If unset: the default that "
        "the service names for the account, else the newest Sonnet that the account has.")
    kiro_unknown_model: UnknownModel = setting("Models", values.choice("nearest", "pass", "refuse"),
        "nearest", "What to do for a name that no model has: let the nearest model of its family "
        "answer, send the name to the service as it is, or refuse the request.")
    kiro_models_refresh: float = setting("Models", values.seconds(0, 86400), "1800",
        "Time between two readings of the accounts' lists of models. 0: they are read at the "
        "start, upon SIGHUP and when the service refuses a listed model.")
    kiro_models: Mapping[str, str] = setting("Models", values.aliases(), "",
        "Additional model names, for example fast=claude-haiku-4-5.")
    max_tool_description_length: int = setting("Models",
        values.integer(100, 10000, "characters"), "10000",
        "Longer tool descriptions are moved into the system prompt.")
    kiro_refusal_fallback: bool = setting("Models", values.flag(), "false",
        "Whether a request that a model refuses without an answer is sent once to the model that "
        "the service names for that, if the client's key allows it. x-kiro-repairs lists it.")
    kiro_max_image_bytes: int = setting("Models",
        values.integer(1, 1 << 30, "bytes"), "3750000",
        "Bytes of all images of a request together, before base64. Where there are more, the "
        "oldest images are left out and the model is told so.")

    kiro_fetch_urls: bool = setting("Fetching", values.flag(), "false",
        "Fetch images and documents by URL, from public addresses and by no proxy; or refuse them.")
    kiro_fetch_timeout: float = setting("Fetching", values.seconds(0.1, 600), "15",
        "Time limit for all files of a request together.")
    kiro_fetch_max_bytes: int = setting("Fetching", values.integer(1, 1 << 30, "bytes"),
        "10000000", "Bytes of all files of a request together.")

    kiro_share_content: bool = setting("Upstream", values.flag(), "false",
        "Whether the service may use the content of conversations to improve itself.")
    kiro_region: str | None = setting("Upstream", values.region(), "",
        "AWS region of the API. If unset: the region of the credential's profile, else us-east-1.")
    kiro_api_url: str | None = setting("Upstream",
        values.base_url_or("codewhisperer", "q", "kiro"), "",
        "Host generation or base URL of the API. If unset: the newest generation that answers.")
    kiro_auth_url: str | None = setting("Upstream", values.base_url(), "",
        "Base URL of the token refresh service for social logins. If unset: that of the region.")
    kiro_oidc_url: str | None = setting("Upstream", values.base_url(), "",
        "Base URL of the OIDC service. If unset: that of the credential's region.")
    kiro_upstream_proxy: str | None = setting("Upstream", values.proxy_url(), "",
        "Proxy for all calls to AWS. HTTP_PROXY and similar variables are not read.", secret=True)

    kiro_connect_timeout: float = setting("Limits", values.seconds(0.1, 600), "10",
        "Time limit for connecting to the upstream.")
    kiro_first_event_timeout: float = setting("Limits", values.seconds(0.1, 3600), "300",
        "Time limit for the first event of an answer.")
    kiro_idle_timeout: float = setting("Limits", values.seconds(0.1, 3600), "300",
        "Longest silence of the upstream between two events of an answer.")
    kiro_quiet_end: float = setting("Limits", values.seconds(0, 3600), "5",
        "Silence of the upstream, after the event with the cost of an answer, that ends the "
        "answer. 0: it ends when the upstream ends it, or fails by KIRO_IDLE_TIMEOUT.")
    kiro_total_timeout: float | None = setting("Limits",
        values.seconds_or_off(0.1, 86400), "off", "Time limit for a whole answer.")
    kiro_max_answer_bytes: int = setting("Limits", values.integer(65536, 1 << 32, "bytes"),
        "67108864", "Largest answer of the upstream, in bytes of its own stream. A larger one ends "
        "in an error.")
    kiro_early_headers: float = setting("Limits", values.seconds(0.1, 600), "10",
        "Time after which a stream without an event sends its headers, so that proxies keep "
        "waiting.")
    kiro_ping_interval: float = setting("Limits", values.seconds(0.1, 600), "15",
        "Silence in a stream after which the client is sent a ping.")
    kiro_client_stall: float = setting("Limits", values.seconds(0.1, 3600), "60",
        "Time after which a client that reads nothing is disconnected.")
    kiro_graceful_timeout: int = setting("Limits", values.integer(2, 3600, "seconds"), "30",
        "Time that running answers get to finish on a stop or reload.")
    kiro_max_streams: int = setting("Limits", values.integer(1, 100_000), "1000",
        "Concurrent answers per worker. Further requests are told to retry later.")
    kiro_max_connections_per_address: int = setting("Limits", values.integer(0, 100_000), "0",
        "Open connections per worker of one client address, or of one IPv6 /64 network; further "
        "ones are refused. 0: no limit.")
    kiro_trusted_proxies: tuple[Any, ...] = setting("Limits", values.peers(),
        "127.0.0.0/8, ::1, unix",
        "Reverse proxies in front of the gateway, by address or network; unix means all peers of "
        "a unix socket. They are believed when X-Forwarded-For names the client and "
        "X-Forwarded-Proto the scheme, and KIRO_MAX_CONNECTIONS_PER_ADDRESS does not apply to "
        "them.")
    # fmt: on

    warnings: tuple[str, ...] = ()
    """Variables that the user set and nothing reads, to be logged at start-up."""

    secret_files: Mapping[str, Path] = field(default_factory=dict)
    """The files that secrets were read from, by variable."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each variable that is set was found, in words: ``the environment``, ``.env line 3``."""

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, dotenv_path: str | Path = ".env"
    ) -> Settings:
        """Settings from ``environ`` (by default that of the process), then the ``.env`` file.

        Raises :class:`SettingsError` with all problems.
        """
        dotenv, problems = sources.read_dotenv(Path(dotenv_path))
        environ = os.environ if environ is None else environ
        found = sources.merge(environ, dotenv)
        hiding = sources.hiding(environ, dotenv)
        warnings = hiding + sources.honour_historic(found)
        known = {variable(item): item for item in setting_fields()}
        secrets = [name for name, item in known.items() if item.metadata["secret"]]
        files, unread = sources.read_secret_files(found, secrets)
        problems += unread
        warnings += sources.unknown_names(found, dotenv, known)
        if "KIRO_STORE_KEY" in found and "KIRO_TOKEN_STORE" not in found:
            warnings.append("KIRO_STORE_KEY has no effect without KIRO_TOKEN_STORE")
        parsed: dict[str, Any] = {}
        for name, item in known.items():
            if name in found:
                try:
                    parsed[item.name] = item.metadata["value"].parse(found[name].text)
                except ValueError:
                    problems.append(_problem(name, item, found[name]))
        if parsed.get("kiro_record_text") and parsed.get("kiro_record_dir"):
            warnings.append("KIRO_RECORD_TEXT=1: recordings hold prompts and answers as they are")
        origins = {name: found[name].where for name in known if name in found}
        settings = cls(**parsed, warnings=tuple(warnings), secret_files=files, origins=origins)
        if not settings.log_console and settings.log_file is None and not problems:
            problems.append("LOG_CONSOLE: found 'false', allowed: only together with LOG_FILE")
        if settings.metrics_port == settings.port:
            problems.append(f"KIRO_METRICS_BIND: found port {settings.port}, allowed: another one")
        if problems:
            raise SettingsError(problems + hiding)
        return settings

    @property
    def bind(self) -> str:
        """The address to listen on as ``host:port``, with an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def metrics_port(self) -> int | None:
        """The port of ``kiro_metrics_bind``."""
        bind = self.kiro_metrics_bind
        return int(bind.rpartition(":")[2]) if bind else None

    @property
    def trusted_addresses(self) -> str:
        """The addresses and networks of ``kiro_trusted_proxies``, separated by commas."""
        return ",".join(str(one) for one in self.kiro_trusted_proxies if one != "unix")

    @property
    def has_default_token(self) -> bool:
        """Whether clients may use the publicly known default key."""
        return self.owner_key == DEFAULT_CLIENT_TOKEN

    @property
    def owner_key(self) -> str | None:
        """The key without limits; None if a keys file is set and this key is not."""
        is_default = self.kiro_client_token == DEFAULT_CLIENT_TOKEN
        return None if is_default and self.kiro_client_keys_file else self.kiro_client_token


def setting_fields() -> list[dataclasses.Field[Any]]:
    """The fields that a user can set, in the order of the documentation."""
    return [item for item in dataclasses.fields(Settings) if item.metadata]


def variable(item: dataclasses.Field[Any]) -> str:
    """The environment variable of a field."""
    return item.name.upper()


def _problem(name: str, item: dataclasses.Field[Any], found: sources.RawValue) -> str:
    shown = f"{len(found.text)} hidden characters" if item.metadata["secret"] else repr(found.text)
    if len(shown) > 80:
        shown = f"{shown[:76]}...{shown[-1]}"
    return f"{name}: found {shown} in {found.where}, allowed: {item.metadata['value'].allowed}"
