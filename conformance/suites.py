"""The table of suites, and of the tests that are excluded.

A suite covers a whole platform, of which the gateway serves a part. The first rule that matches a
test's id excludes the test and gives the reason. All other tests run.
"""

from dataclasses import dataclass, field
from typing import Any

TOLERANT = "with_all_params|_cancel"
"""A pattern of the ids of tests for which a 400 is as correct as a 2xx: the real services refuse
those that send every parameter at once, with placeholder values, and those that cancel a response
which has ended."""

NOT_OFFERED = "endpoints that the gateway does not offer"


@dataclass(frozen=True)
class ExclusionRule:
    """Excludes the tests whose id, relative to ``tests/api_resources``, contains ``pattern``."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class StandIn:
    """What takes the place of a placeholder in a test: a thing of its own, made before the test by
    a request to ``path`` (GET without ``body``), in which ``{0}``, ``{1}``, ... are the stand-ins
    before this one. ``member`` is where the answer has the value, as ``data.0.id``.
    """

    placeholder: str
    path: str
    member: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Suite:
    """The tests of one SDK.

    ``key`` is the API key that they send, ``base_path`` the path of their base URL, ``settings``
    are settings of the gateway, ``options`` arguments of pytest. ``stand_ins`` are for what the
    tests expect to be there already.
    """

    package: str
    key: str
    base_path: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    rules: tuple[ExclusionRule, ...] = ()
    stand_ins: tuple[StandIn, ...] = ()


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
            r"^(?!chat/test_completions\.py|test_models\.py|test_conversations\.py|conversations/"
            r"|(beta/)?test_responses\.py|(beta/)?responses/)",
            f"{NOT_OFFERED} (embeddings, files, ...)",
        ),
        ExclusionRule(
            r"test_completions\.py.*_(retrieve|update|list|delete)",
            "the gateway keeps no answers of Chat Completions",
        ),
        ExclusionRule(
            r"test_responses\.py.*_(create_overload|compact(?!_with))",
            "asks nothing at all, which the API itself refuses too",
        ),
        ExclusionRule(r"test_models\.py.*_delete", "models cannot be deleted"),
    ),
    stand_ins=(
        StandIn("resp_677efb5139a88190b512bc3fef8e535d", "/responses", "id", {"input": "hi"}),
        StandIn("response_id", "/responses", "id", {"input": "hi"}),
        StandIn(
            "conv_123",
            "/conversations",
            "id",
            {"items": [{"type": "message", "role": "user", "content": "hi"}]},
        ),
        StandIn("msg_abc", "/conversations/{2}/items", "data.0.id"),
    ),
)

SUITES = (ANTHROPIC, OPENAI)
