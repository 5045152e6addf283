"""The table of suites, and of the tests that are excluded.

A suite covers a whole platform, of which the gateway serves a part. The first rule that matches a
test's id excludes the test and gives the reason. All other tests run.
"""

from dataclasses import dataclass, field

ALL_PARAMETERS = "with_all_params"
"""Part of the names of tests that send every parameter at once, with placeholder values. The real
services refuse such requests too, so a 400 is as correct as a 2xx."""

NOT_OFFERED = "endpoints that the gateway does not offer"


@dataclass(frozen=True)
class ExclusionRule:
    """Excludes the tests whose id, relative to ``tests/api_resources``, contains ``pattern``."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Suite:
    """The tests of one SDK.

    ``key`` is the API key that they send, ``base_path`` the path of their base URL, ``settings``
    are settings of the gateway, ``options`` arguments of pytest.
    """

    package: str
    key: str
    base_path: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    rules: tuple[ExclusionRule, ...] = ()


ANTHROPIC = Suite(
    package="anthropic",
    key="my-anthropic-api-key",
    settings={"KIRO_MODELS": "model_id=claude-sonnet-4-6"},
    options=("-p", "tests._alias_httpx"),
    rules=(
        ExclusionRule(r"test_output_format_conversion\.py", "sends no request"),
        ExclusionRule(
            r"^(?!(beta/)?test_(messages|models)\.py)", f"{NOT_OFFERED} (batches, files, ...)"
        ),
    ),
)

OPENAI = Suite(
    package="openai",
    key="My API Key",
    base_path="/v1",
    settings={"KIRO_MODELS": "gpt-6-astra=claude-sonnet-4-6"},
    rules=(
        ExclusionRule(
            r"^(?!chat/test_completions\.py|(beta/)?test_responses\.py"
            r"|(beta/)?responses/test_input_tokens\.py|test_models\.py)",
            f"{NOT_OFFERED} (embeddings, files, ...)",
        ),
        ExclusionRule(
            r"test_(completions|responses)\.py.*_(retrieve|update|list|delete|cancel)",
            "the gateway does not store answers",
        ),
        ExclusionRule(r"test_responses\.py.*_compact", f"{NOT_OFFERED} (compact)"),
        ExclusionRule(
            r"test_responses\.py.*_create_overload",
            "asks nothing at all, which the API itself refuses too",
        ),
        ExclusionRule(r"test_models\.py.*_delete", "models cannot be deleted"),
    ),
)

SUITES = (ANTHROPIC, OPENAI)
