"""Every metric, once: the documentation, the dashboard of Grafana and the files are made from it.

Names follow OpenTelemetry's conventions for generative AI where those have one
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/), written as Prometheus writes
them: ``gen_ai.server.request.duration`` in seconds is ``gen_ai_server_request_duration_seconds``.
Others begin with ``kiro2api_``. Values of labels are bounded (:mod:`.labels`).
"""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Merge: TypeAlias = Literal["", "livesum", "livemax", "livemin"]
"""How the gauges of several workers become one: only workers that live count."""

FIRST = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
TOTAL = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    163.84, 327.68, 655.36,
)  # fmt: skip
GAP = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
TOKENS = tuple(4.0**power for power in range(14))

GENERATED = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_response_model")
"""Labels that the conventions require; of every request they are ``chat`` and ``kiro``."""


class Metric(NamedTuple):
    """``name`` without the suffix ``_total`` of a counter. ``unit`` as Grafana names it, and
    ``panel`` the title of its panel there, "" for none.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Merge = ""
    unit: str = "short"
    panel: str = ""

    @property
    def exposed(self) -> str:
        """The name as Prometheus knows it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


REQUESTS = Metric(
    "kiro2api_requests", "counter", "Requests that are over, by their status and kind of failure.",
    ("dialect", "model", "status", "error_type"), unit="reqps", panel="Requests",
)  # fmt: skip
DURATION = Metric(
    "gen_ai_server_request_duration_seconds", "histogram",
    "Time from the arrival of a request that calls a model to the end of its answer.",
    (*GENERATED, "error_type"), buckets=TOTAL, unit="s", panel="Whole answer",
)  # fmt: skip
FIRST_EVENT = Metric(
    "gen_ai_server_time_to_first_token_seconds", "histogram",
    "Time from the arrival of a request to the first content of its answer.",
    GENERATED, buckets=FIRST, unit="s", panel="First content",
)  # fmt: skip
LONGEST_GAP = Metric(
    "kiro2api_stream_longest_gap_seconds", "histogram",
    "Longest time between two writes of content, of each stream.",
    ("model",), buckets=GAP, unit="s", panel="Longest gap in a stream",
)  # fmt: skip
TOKEN_USAGE = Metric(
    "gen_ai_client_token_usage", "histogram",
    "Tokens of each request that called a model; those of the cache are among the input.",
    (*GENERATED, "gen_ai_token_type"), buckets=TOKENS, panel="Tokens of a request",
)  # fmt: skip
TOKENS_USED = Metric(
    "kiro2api_tokens", "counter",
    "Tokens by key and model. type: input (neither read from the cache nor written to it), output, "
    "cache_read, cache_write.",
    ("key", "model", "type"), panel="Tokens",
)  # fmt: skip
CREDITS = Metric(
    "kiro2api_credits", "counter", "Credits that the service billed, by key and model.",
    ("key", "model"), panel="Credits",
)  # fmt: skip
RETRIES = Metric(
    "kiro2api_retries", "counter", "Attempts upstream beyond the first of each request.",
    ("model",), panel="Retries",
)  # fmt: skip
REPAIRS = Metric(
    "kiro2api_repairs", "counter",
    "Requests in which something was rewritten so that the service accepts them, by what.",
    ("name",), panel="Repairs",
)  # fmt: skip
IGNORED = Metric(
    "kiro2api_ignored", "counter", "Requests in which a member has no effect, by its name.",
    ("name",), panel="Ignored members",
)  # fmt: skip
REFUSALS = Metric(
    "kiro2api_refusals", "counter", "Answers that the model declined, by the service's category.",
    ("category",), panel="Refusals",
)  # fmt: skip
REFRESHES = Metric(
    "kiro2api_token_refreshes", "counter",
    "Refreshes of logins. outcome: ok, failed (it is tried again), over (it is not).",
    ("outcome",), panel="Refreshes of logins",
)  # fmt: skip
DROPPED = Metric(
    "kiro2api_log_lines_dropped", "counter", "Log lines that nobody took.", panel="Lost log lines",
)  # fmt: skip
STARTS = Metric(
    "kiro2api_worker_starts", "counter",
    "Workers that have begun to serve: at the start, at a reload, instead of one that ended.",
    panel="Starts of workers",
)  # fmt: skip
WORKERS = Metric(
    "kiro2api_workers", "gauge", "Workers that serve, or finish answers.", merge="livesum",
)  # fmt: skip
STUCK = Metric(
    "kiro2api_workers_stuck", "gauge",
    "Workers without a sign of life for 5 s; the master ends them after 30 s.",
    merge="livemax", panel="Stuck workers",
)  # fmt: skip
ANSWERS = Metric(
    "kiro2api_answers_in_progress", "gauge", "Answers in progress.", merge="livesum",
    panel="Answers in progress",
)  # fmt: skip
WAITING = Metric(
    "kiro2api_requests_waiting", "gauge", "Requests that wait for a place (KIRO_MAX_STREAMS).",
    merge="livesum", panel="Requests that wait",
)  # fmt: skip
CONNECTIONS = Metric(
    "kiro2api_connections", "gauge", "Connections of clients.", merge="livesum",
    panel="Connections",
)  # fmt: skip
READY = Metric(
    "kiro2api_ready", "gauge", "1 if any account may serve, as /health/ready says; else 0.",
    merge="livemin", panel="Ready",
)  # fmt: skip
ACCOUNTS = Metric(
    "kiro2api_accounts", "gauge", "Accounts by state, as `kiro2api accounts` names it.",
    ("state",), merge="livemax", panel="Accounts",
)  # fmt: skip
CATALOGUE_AGE = Metric(
    "kiro2api_catalogue_age_seconds", "gauge",
    "Time since the oldest of the accounts' lists of models was read; absent without a list.",
    merge="livemin", unit="s", panel="Age of the lists of models",
)  # fmt: skip
BUILD = Metric(
    "kiro2api_build_info", "gauge", "Always 1; the label says which version runs.",
    ("version",), merge="livemax",
)  # fmt: skip

METRICS = (
    REQUESTS, DURATION, FIRST_EVENT, LONGEST_GAP, TOKEN_USAGE, TOKENS_USED, CREDITS, RETRIES,
    REPAIRS, IGNORED, REFUSALS, REFRESHES, DROPPED, STARTS, WORKERS, STUCK, ANSWERS, WAITING,
    CONNECTIONS, READY, ACCOUNTS, CATALOGUE_AGE, BUILD,
)  # fmt: skip
