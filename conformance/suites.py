"""Which suites are run, and which of their tests are not: one table.

A suite covers a whole platform; the gateway serves a part of it. The first rule that is found in a
test's id excludes it and says why. What no rule names is run.
"""

from dataclasses import dataclass, field

ALL_PARAMETERS = "with_all_params"
"""In the name of tests that send every parameter at once, filled with words that mean nothing. The
real services refuse them too, so a 400 is as right an answer as a 2xx."""

ELSEWHERE = "endpoints that the gateway does not have"


@dataclass(frozen=True)
class Rule:
    """Excludes the tests whose id, relative to ``tests/api_resources``, matches ``pattern``."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Suite:
    """The tests of one SDK.

    ``key`` is the API key they send, ``base_path`` what their base URL has after the host,
    ``settings`` what the gateway runs with, ``options`` what pytest is called with.
    """

    package: str
    key: str
    base_path: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()


ANTHROPIC = Suite(
    package="anthropic",
    key="my-anthropic-api-key",
    settings={"KIRO_MODELS": "model_id=claude-sonnet-4-6"},
    options=("-p", "tests._alias_httpx"),
    rules=(
        Rule(r"test_output_format_conversion\.py", "asks no server"),
        Rule(r"^(?!(beta/)?test_(messages|models)\.py)", f"{ELSEWHERE} (batches, files, ...)"),
    ),
)

OPENAI = Suite(
    package="openai",
    key="My API Key",
    base_path="/v1",
    settings={"KIRO_MODELS": "gpt-6-astra=claude-sonnet-4-6"},
    rules=(
        Rule(
            r"^(?!chat/test_completions\.py|(beta/)?test_responses\.py|test_models\.py)",
            f"{ELSEWHERE} (embeddings, files, ...)",
        ),
        Rule(
            r"test_(completions|responses)\.py.*_(retrieve|update|list|delete|cancel)",
            "the gateway keeps no answers to give out later",
        ),
        Rule(r"test_responses\.py.*_compact", f"{ELSEWHERE} (compact)"),
        Rule(r"test_models\.py.*_delete", "models cannot be deleted"),
    ),
)

SUITES = (ANTHROPIC, OPENAI)
