"""The rows of ListAvailableModels, as captured, and the lists that they make up.

Sources: the answers that users of kiro-cli and Kiro IDE published (July to October 2026), the
changelog of Kiro for the models that became available since, and the tables of other open gateways
where no capture shows a row. `kimi-k3` is bare on purpose: no source states anything about it.
"""

from typing import Any, Literal

Row = dict[str, Any]

_FULL = ("low", "medium", "high", "xhigh", "max")
_NO_XHIGH = ("low", "medium", "high", "max")
_1M = 1_000_000


def _row(
    model: str,
    description: str,
    rate: float,
    window: int,
    *,
    output: int | None = 64_000,
    inputs: str = "TEXT IMAGE",
    cache: int | Literal["yes", "no"] = "no",
    schema: Row | None = None,
    refused_goes_to: str | None = None,
) -> Row:
    """A row. `cache` is the smallest prompt that is cached, or only whether one is."""
    limits = {"maxInputTokens": window}
    caching: Row = {"supportsPromptCaching": cache != "no"}
    if isinstance(cache, int):
        caching |= {
            "maximumCacheCheckpointsPerRequest": 4,
            "minimumTokensPerCacheCheckpoint": cache,
        }
    row: Row = {
        "modelId": model,
        "modelName": model,
        "description": description,
        "rateMultiplier": rate,
        "rateUnit": "Credit",
        "tokenLimits": limits if output is None else limits | {"maxOutputTokens": output},
        "supportedInputTypes": inputs.split(),
        "promptCaching": caching,
    }
    if schema:
        row["additionalModelRequestFieldsSchema"] = schema
    if refused_goes_to:
        row["refusalFallbackModels"] = [{"modelId": refused_goes_to}]
    return row


def _enum(values: tuple[str, ...], default: str | None = None) -> Row:
    given = {"type": "string", "enum": list(values)}
    return given if default is None else given | {"default": default}


def _claude(
    efforts: tuple[str, ...] = _FULL,
    default: str = "high",
    *,
    output: int = 128_000,
    types: tuple[str, ...] = ("adaptive", "disabled"),
    closed: bool = False,
) -> Row:
    """The schema of a Claude model. `closed`: the object `thinking` is closed as well."""
    thinking: Row = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": _enum(types), "display": _enum(("summarized", "omitted"))},
    }
    if closed:
        thinking["additionalProperties"] = False
    effort = {"effort": _enum(efforts, default)}
    members = {
        "thinking": thinking,
        "output_config": {"type": "object", "properties": effort},
        "max_tokens": {"type": "integer", "minimum": 1024, "maximum": output},
    }
    return {"type": "object", "additionalProperties": False, "properties": members}


def _gpt(*, mode: bool = False) -> Row:
    """The schema of a GPT model. `mode`: with the member of that name, which July had."""
    reasoning = {"effort": _enum(("none", *_FULL), "high")}
    if mode:
        reasoning["mode"] = _enum(("standard", "pro"), "standard")
    members = {"reasoning": {"type": "object", "properties": reasoning}}
    return {"type": "object", "additionalProperties": False, "properties": members}


def _by_id(*rows: Row) -> dict[str, Row]:
    return {row["modelId"]: row for row in rows}


# fmt: off
JULY: dict[str, Row] = _by_id(
    _row("auto", "Models chosen by task for optimal usage and consistent quality", 1, _1M,
         cache=1024),
    _row("claude-sonnet-5", "Experimental preview of Claude Sonnet 5 model with 1M context window",
         1.3, _1M, cache=1024, schema=_claude()),
    _row("claude-opus-4.8", "Claude Opus 4.8 model with 1M context window", 2.2, _1M,
         output=128_000, cache=1024, schema=_claude()),
    _row("gpt-5.6-sol", "Experimental preview of OpenAI GPT 5.6 Sol with 272k context window",
         2.4, 272_000, output=128_000, cache=1024, schema=_gpt(mode=True)),
    _row("gpt-5.6-terra", "Experimental preview of OpenAI GPT 5.6 Terra with 272k context window",
         1.2, 272_000, output=128_000, cache=1024, schema=_gpt(mode=True)),
    _row("gpt-5.6-luna", "Experimental preview of OpenAI GPT 5.6 Luna with 272k context window",
         0.6, 272_000, output=128_000, cache=1024, schema=_gpt(mode=True)),
    _row("claude-opus-4.7", "Claude Opus 4.7 model with 1M context window", 2.2, _1M,
         output=128_000, cache=4096, schema=_claude(default="xhigh")),
    _row("claude-opus-4.6", "Claude Opus 4.6 model with 1M context window", 2.2, _1M,
         cache=4096, schema=_claude(_NO_XHIGH, output=64_000)),
    _row("claude-sonnet-4.6", "Claude Sonnet 4.6 model with 1M context window", 1.3, _1M,
         cache=1024, schema=_claude(_NO_XHIGH, output=64_000)),
    _row("claude-opus-4.5", "Claude Opus 4.5 model", 2.2, 200_000, cache=4096),
    _row("claude-sonnet-4.5", "Claude Sonnet 4.5 model", 1.3, 200_000, cache=1024),
    _row("claude-sonnet-4", "Hybrid reasoning and coding for regular use", 1.3, 200_000,
         cache=1024),
    _row("claude-haiku-4.5", "The latest Claude Haiku model", 0.4, 200_000, cache=4096),
    _row("deepseek-3.2", "Experimental preview of DeepSeek V3.2", 0.25, 164_000),
    _row("minimax-m2.5", "MiniMax M2.5 model", 0.25, 196_000, inputs="TEXT"),
    _row("minimax-m2.1", "Experimental preview of MiniMax M2.1", 0.15, 196_000),
    _row("glm-5", "GLM-5 model", 0.5, 200_000, inputs="TEXT"),
    _row("qwen3-coder-next", "Experimental preview of Qwen3 Coder Next", 0.05, 256_000),
)
"""What a paid account was offered in July 2026."""

_SINCE_JULY = _by_id(
    _row("claude-opus-5.5", "Claude Opus 5.5 model with 1M context window", 2.0, _1M,
         output=128_000, cache="yes", refused_goes_to="claude-opus-4.8",
         schema=_claude(default="medium", types=("adaptive",), closed=True)),
    _row("claude-sonnet-5.5", "Claude Sonnet 5.5 model with 1M context window", 1.3, _1M,
         output=128_000, cache="yes", refused_goes_to="claude-sonnet-5",
         schema=_claude(types=("adaptive", "between_tools"), closed=True)),
    _row("claude-haiku-5.5", "Claude Haiku 5.5 model with 1M context window", 0.06, _1M,
         output=None, cache="yes"),
    _row("claude-opus-5", "Claude Opus 5 model with 1M context window", 2.2, _1M,
         output=128_000, cache="yes", refused_goes_to="claude-opus-4.8", schema=_claude()),
    _row("gpt-5.6-sol", "OpenAI GPT 5.6 Sol with 1M context window", 4.4, _1M,
         output=128_000, cache="yes", schema=_gpt()),
    _row("gpt-5.6-terra", "OpenAI GPT 5.6 Terra with 1M context window", 2.2, _1M,
         output=128_000, cache="yes", schema=_gpt()),
    _row("gpt-5.6-luna", "OpenAI GPT 5.6 Luna with 1M context window", 1.1, _1M,
         output=128_000, cache="yes", schema=_gpt()),
    {"modelId": "kimi-k3", "modelName": "kimi-k3"},
    *({**JULY[model], "supportedInputTypes": ["TEXT"]}
      for model in ("deepseek-3.2", "minimax-m2.1", "qwen3-coder-next")),
)
_ORDER = (
    "auto", "claude-opus-5.5", "claude-sonnet-5.5", "claude-haiku-5.5", "claude-opus-5",
    "claude-sonnet-5", "claude-opus-4.8", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna",
    "claude-opus-4.7", "claude-opus-4.6", "claude-sonnet-4.6", "claude-opus-4.5",
    "claude-sonnet-4.5", "claude-sonnet-4", "claude-haiku-4.5", "kimi-k3", "deepseek-3.2",
    "minimax-m2.5", "minimax-m2.1", "glm-5", "qwen3-coder-next",
)
_FREE = (
    "auto", "claude-sonnet-4.5", "claude-sonnet-4", "claude-haiku-4.5", "deepseek-3.2",
    "minimax-m2.5", "minimax-m2.1", "glm-5", "qwen3-coder-next",
)
_FABLE = _row("claude-fable-5.1", "Claude Fable 5.1 model with 1M context window", 6, _1M,
              output=128_000, cache="yes")
# fmt: on

_CURRENT = JULY | _SINCE_JULY
NOVEMBER: dict[str, Row] = {model: _CURRENT[model] for model in _ORDER}
"""What a paid personal account is offered in November 2026."""

FREE: dict[str, Row] = {model: NOVEMBER[model] for model in _FREE}
"""What the Free plan is offered: no row has a schema of request fields."""

ENTERPRISE: dict[str, Row] = {**NOVEMBER, **_by_id(_FABLE)}
"""What an organisation in us-east-1 is offered; also the list of its administrator."""
