"""Each rule, with bodies that keep it and bodies that violate it."""

from typing import Any

import pytest

from app.simulator.catalogue.models import LISTS
from app.simulator.checks.refusals import refusal
from app.simulator.checks.rules import RULES
from app.simulator.checks.validate import Violation, violations
from app.simulator.wire.bindings import Binding
from tests.simulator.checks.attachments import ATTACHMENT_CASES, Case
from tests.simulator.checks.bodies import (
    ARN,
    PDF,
    after_tool,
    documented,
    image,
    offering,
    paper,
    papers,
    pictured,
    property_schema,
    schema,
    user_with,
    with_model,
)
from tests.simulator.client import assistant, call, chat_body, result, tool, user

CLI = {"content-type": "application/x-amz-json-1.0"}
BINDINGS: tuple[Binding, ...] = ("rest", "json-rpc")


CASES: dict[str, list[Case]] = {
    **ATTACHMENT_CASES,
    "type": [
        (chat_body(), chat_body(user(content=None))),
        (chat_body(), chat_body(user(modelId=None))),
        (chat_body(history=[]), chat_body(history={})),
        (chat_body(user_with(tools=[])), chat_body(user(userInputMessageContext=[]))),
    ],
    "missing-member": [
        (chat_body(), {}),
        (chat_body(), {"conversationState": {"currentMessage": user()}}),
        (
            after_tool([result()]),
            after_tool([{"toolUseId": "tooluse_1"}]),
        ),
        (
            offering(tool()),
            offering({"toolSpecification": {"name": "read", "inputSchema": {"json": {}}}}),
        ),
    ],
    "unknown-member": [
        (chat_body(), {**chat_body(), "temperature": 1}),
        (chat_body(), chat_body(stream=True)),
        (chat_body(), chat_body(user(name="me"))),
        (
            chat_body(history=[user(), assistant(messageId="m")]),
            chat_body(history=[user(), assistant(modelId="claude-sonnet-4")]),
        ),
        (after_tool([result()]), after_tool([result() | {"isError": True}])),
    ],
    "union": [
        (chat_body(), chat_body({})),
        (chat_body(), chat_body({**user(), **assistant()})),
        (
            after_tool([result()]),
            after_tool([result() | {"content": [{"text": "a", "json": {}}]}]),
        ),
    ],
    "enum": [
        (chat_body(agentTaskType="vibe"), chat_body(agentTaskType="Vibe")),
        (chat_body(user(userIntent="IMPROVE_CODE")), chat_body(user(userIntent="IMPROVE"))),
        (
            chat_body(user_with(envState={"operatingSystem": "linux"})),
            chat_body(user_with(envState={"operatingSystem": "darwin"})),
        ),
    ],
    "length": [
        (chat_body(workspaceId="w" * 36), chat_body(workspaceId="w" * 35)),
        (
            chat_body(user_with(envState={"timezoneOffset": 60})),
            chat_body(user_with(envState={"timezoneOffset": 2000})),
        ),
    ],
    "pattern": [(chat_body(customizationArn="arn:x"), chat_body(customizationArn="x"))],
    "trigger-type": [(chat_body(chatTriggerType="MANUAL"), chat_body(chatTriggerType="AUTO"))],
    "conversation-id": [
        (chat_body(conversationId="c" * 128), chat_body(conversationId="c" * 129)),
        (chat_body(conversationId="c"), chat_body(conversationId="")),
    ],
    "origin": [(chat_body(user(origin="KIRO_CLI")), chat_body(user(origin="kiro")))],
    "profile-arn": [
        ({**chat_body(), "profileArn": ARN}, {**chat_body(), "profileArn": ARN + "X"}),
        ({**chat_body(), "profileArn": ARN}, {**chat_body(), "profileArn": ""}),
    ],
    "model-id": [(with_model("claude-sonnet-4.5"), with_model("claude sonnet"))],
    "model-unknown": [
        (with_model("claude-sonnet-4.5"), with_model("claude-3-opus")),
        (with_model("CLAUDE_SONNET_4_20250514_V1_0"), with_model("CLAUDE_SONNET_9_V1_0")),
        (with_model("auto"), with_model("AUTO")),
    ],
    "content-length": [
        (chat_body(user("x" * 600_000)), chat_body(user("x" * 600_001))),
        (
            chat_body(history=[user(), assistant("x" * 100_000)]),
            chat_body(history=[user(), assistant("x" * 100_001)]),
        ),
    ],
    "empty-content": [
        (after_tool([result()]), chat_body(user(""))),
        (chat_body(history=[user("."), assistant("")]), chat_body(history=[user(""), assistant()])),
    ],
    "weight": [
        (
            chat_body(user("é" * 100_000, modelId="auto")),
            chat_body(user("é" * 163_000, modelId="auto")),
        ),
        (
            pictured(image(2_000_000)),
            chat_body(history=[user("x" * 450_000), assistant()] * 3),
        ),
    ],
    "context-window": [
        (with_model("auto"), chat_body(history=[user("x" * 500_000), assistant()] * 2)),
        (
            chat_body(user(modelId="auto"), history=[user("x" * 500_000), assistant()] * 2),
            chat_body(user(modelId="glm-5"), history=[user("x" * 500_000), assistant()] * 2),
        ),
    ],
    "current-message": [(chat_body(), chat_body(assistant(), [user(), assistant()]))],
    "history-order": [
        (chat_body(history=[user(), assistant()]), chat_body(history=[assistant(), user()])),
        (chat_body(history=[]), chat_body(history=[user()])),
        (
            chat_body(history=[user(), assistant()] * 2),
            chat_body(history=[user(), user(), assistant(), assistant()]),
        ),
    ],
    "first-user-tool-results": [
        (
            after_tool([result()]),
            chat_body(history=[user_with(toolResults=[result()]), assistant()]),
        )
    ],
    "tool-pairing": [
        (after_tool([result()]), after_tool([])),
        (after_tool([result()]), after_tool([result("tooluse_2")])),
        (after_tool([result()]), after_tool([result(), result("tooluse_2")])),
        (after_tool([result()]), after_tool([result(), result()])),
        (
            after_tool([result("b"), result("a")], [call(id="a"), call(id="b")]),
            after_tool([result("a")], [call(id="a"), call(id="b")]),
        ),
        (chat_body(), chat_body(user_with(toolResults=[result()]))),
        (
            after_tool([result()]),
            chat_body(
                user_with(toolResults=[result()], tools=[tool()]),
                [user(), assistant(toolUses=[call()]), user("later"), assistant()],
            ),
        ),
    ],
    "tool-use-id": [
        (after_tool([result("a" * 64)], [call(id="a" * 64)]), after_tool([result("a" * 65)])),
        (after_tool([result()]), after_tool([result("a.b")], [call(id="a.b")])),
        (after_tool([result()]), after_tool([result("")], [call(id="")])),
    ],
    "tool-use-ids-unique": [
        (
            after_tool([result("a"), result("b")], [call(id="a"), call(id="b")]),
            after_tool([result("a"), result("a")], [call(id="a"), call(id="a")]),
        )
    ],
    "tool-input": [
        (after_tool([result()], [call(input={"a": 1})]), after_tool([result()], [call(input="{}")]))
    ],
    "status": [(after_tool([result()]), after_tool([result() | {"status": "SUCCESS"}]))],
    "tools-only-current": [
        (offering(tool()), chat_body(history=[user_with(tools=[tool()]), assistant()]))
    ],
    "tool-name": [
        (offering(tool("a" * 64)), offering(tool("a" * 65))),
        (offering(tool("a_b-c")), offering(tool("a.b"))),
        (offering(tool("a1")), offering(tool("1a"))),
        (offering(tool("a")), offering(tool(""))),
        (offering(tool("naive")), offering(tool("naïve"))),
        (offering(tool("a")), offering(tool("a\n"))),
    ],
    "tool-names-unique": [
        (offering(tool("read"), tool("write")), offering(tool("read"), tool("Read")))
    ],
    "tool-offered": [
        (after_tool([result()]), after_tool([result()], tools=[])),
        (after_tool([result()]), after_tool([result()], tools=[tool("write")])),
    ],
    "tools-missing": [
        (after_tool([result()]), after_tool([result()], tools=[])),
        (
            chat_body(history=[user(), assistant()]),
            chat_body(
                history=[
                    user(),
                    assistant(toolUses=[call()]),
                    user("", userInputMessageContext={"toolResults": [result()]}),
                    assistant(),
                ]
            ),
        ),
    ],
    "tool-description": [
        (offering(tool(description="d" * 10_240)), offering(tool(description="d" * 10_241))),
        (offering(tool(description="d")), offering(tool(description=""))),
    ],
    "cache-point-in-tools": [
        (offering(tool()), offering(tool(), {"cachePoint": {"type": "default"}}))
    ],
    "tool-schema": [
        (schema({"type": "object"}), schema({"type": "string"})),
        (schema({"type": "object"}), schema({})),
        (schema({"type": "object"}), offering(tool(schema=[]))),
        (schema({"type": "object", "required": ["a"]}), schema({"type": "object", "required": []})),
        (schema({"type": "object"}), schema({"type": "object", "required": None})),
        (schema({"type": "object"}), schema({"type": "object", "properties": None})),
        (property_schema({"anyOf": [{}]}), schema({"type": "object", "anyOf": [{}]})),
        (property_schema({"oneOf": [{}]}), schema({"type": "object", "oneOf": [{}]})),
        (schema({"type": "object"}), schema({"type": "object", "additionalProperties": False})),
        (schema({"type": "object"}), schema({"type": "object", "$schema": "x"})),
        (property_schema({"type": "string"}), property_schema({"pattern": "x"})),
        (
            schema({"type": "object", "properties": {"pattern": {}, "format": {}, "if": {}}}),
            schema({"type": "object", "properties": {"pattern": {"format": "uri"}}}),
        ),
        (
            property_schema({"enum": [{"minimum": 1}], "default": {"required": []}}),
            property_schema({"items": {"anyOf": [{"minimum": 1}]}}),
        ),
        (
            schema({"type": "object", "$defs": {"format": {"type": "string"}}}),
            schema({"type": "object", "$defs": {"a": {"format": "uri"}}}),
        ),
    ],
    "depth": [],
    "content-type": [],
    "model-fields": [],
    "json": [],
    "signature": [],
    "region": [],
}
PAIRS = [(rule, *pair) for rule, pairs in CASES.items() for pair in pairs]


def rules_of(found: list[Violation]) -> set[str]:
    return {violation.rule for violation in found}


@pytest.mark.parametrize(
    ("rule", "good", "bad"), PAIRS, ids=[f"{pair[0]}-{n}" for n, pair in enumerate(PAIRS)]
)
def test_the_good_body_keeps_the_rule_and_the_bad_one_violates_it(
    rule: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    assert violations(good, binding="rest") == []
    assert rule in rules_of(violations(bad, binding="rest"))


def test_every_rule_has_a_test() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize(
    ("model", "fields", "good"),
    [
        ("claude-opus-4.8", {"output_config": {"effort": "xhigh"}, "max_tokens": 1024}, True),
        ("claude-opus-4.8", {"thinking": {"type": "adaptive", "display": "omitted"}}, True),
        ("claude-opus-4.8", {"max_tokens": 1000}, False),
        ("claude-opus-4.8", {"max_tokens": "2000"}, False),
        ("claude-opus-4.8", {"temperature": 1}, False),
        ("claude-opus-4.8", {"reasoning": {"effort": "low"}}, False),
        ("claude-opus-4.6", {"output_config": {"effort": "xhigh"}}, False),
        ("claude-sonnet-4.6", {"max_tokens": 64_001}, False),
        ("gpt-5.6-sol", {"reasoning": {"effort": "none"}}, True),
        ("claude-sonnet-4.5", {"max_tokens": 2000}, False),
        ("claude-sonnet-4.5", {}, False),
        ("claude-opus-4.8", [], False),
    ],
)
def test_model_fields_fit_the_schema_of_the_model(model: str, fields: Any, good: bool) -> None:
    body = with_model(model, additionalModelRequestFields=fields)
    for binding in BINDINGS:
        found = rules_of(violations(body, binding=binding))
        assert found == (set() if good else {"model-fields"})


CLOSED = "is not defined in the schema and the schema does not allow additional properties"


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        ("claude-sonnet-4.5", {}, "additionalModelRequestFields is not supported for this model"),
        ("kimi-k3", {}, "additionalModelRequestFields is not supported for this model"),
        ("gpt-5.6-sol", {"max_tokens": 4096}, f"property 'max_tokens' {CLOSED}"),
        ("claude-opus-5.5", {"max_tokens": 10}, "must have a minimum value of 1024.0"),
        ("claude-opus-4.6", {"max_tokens": 64_001}, "must have a maximum value of 64000.0"),
        (
            "claude-opus-5.5",
            {"thinking": {"type": "disabled"}},
            "does not have a value in the enumeration [adaptive]",
        ),
        (
            "claude-sonnet-5.5",
            {"thinking": {"type": "adaptive", "budget_tokens": 1}},
            f"property 'budget_tokens' {CLOSED}",
        ),
        ("claude-opus-5", {"thinking": {}}, "required property 'type' not found"),
        ("claude-opus-5", {"max_tokens": True}, "boolean found, integer expected"),
        ("claude-opus-5", None, "null found, object expected"),
    ],
)
def test_the_refusal_of_a_model_field_is_in_the_words_of_the_service(
    model: str, fields: Any, message: str, binding: Binding
) -> None:
    body = with_model(model, additionalModelRequestFields=fields)
    refused, reason = refusal(violations(body, binding=binding))
    whole = "" if "not supported" in message else "Invalid additionalModelRequestFields: "
    assert (refused, reason) == (whole + message, "REQUEST_BODY_INVALID")


def test_an_object_inside_the_fields_is_open_unless_its_schema_closes_it() -> None:
    fields = {"thinking": {"type": "disabled", "budget_tokens": 1}}
    body = with_model("claude-opus-4.8", additionalModelRequestFields=fields)
    assert violations(body, binding="rest") == []


def test_july_offered_other_models_than_november() -> None:
    for model, known in (("gpt-5.6-sol", True), ("claude-opus-5.5", False)):
        found = violations(with_model(model), binding="rest", offered=LISTS["2026-07"])
        assert rules_of(found) == (set() if known else {"model-unknown"})


def test_the_json_rpc_binding_takes_no_upper_case_ids() -> None:
    body = with_model("CLAUDE_SONNET_4_20250514_V1_0")
    assert rules_of(violations(body, binding="json-rpc")) == {"model-unknown"}
    assert violations(with_model("claude-sonnet-4"), binding="json-rpc") == []


def test_headers_are_checked_when_given() -> None:
    assert violations(chat_body(), headers=CLI, binding="json-rpc") == []
    wrong = violations(chat_body(), headers=CLI, binding="rest")
    assert rules_of(wrong) == {"content-type"}
    good = {"Content-Type": "application/json; charset=utf-8", "X-Amzn-Kiro-Profile-Arn": ARN}
    assert violations(chat_body(), headers=good, binding="rest") == []
    bad = good | {"X-Amzn-Kiro-Profile-Arn": "arn"}
    assert rules_of(violations(chat_body(), headers=bad, binding="rest")) == {"profile-arn"}


@pytest.mark.parametrize("nonsense", [[], "x", None, 3, {"conversationState": [1]}])
def test_any_other_json_value_is_reported_and_never_raises(nonsense: Any) -> None:
    assert violations(nonsense, binding="rest")


def test_a_deeply_nested_body_is_reported() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"items": deep}
    found = violations(schema({"type": "object", "properties": {"p": deep}}), binding="rest")
    assert rules_of(found) == {"depth"}


def test_messages_name_the_place_and_never_the_content() -> None:
    secret = "s3cret " * 100_000
    [violation] = violations(chat_body(user(secret, modelId="auto")), binding="rest")
    assert violation.rule == "content-length"
    assert "currentMessage.userInputMessage.content" in violation.message
    assert "s3cret" not in violation.message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (documented(paper("a.pdf")), "INVALID_DOCUMENT_NAME"),
        (documented(paper(data=b"x")), "DISALLOWED_FILE_TYPE"),
        (documented(paper(), paper()), "DOCUMENT_DUPLICATE_NAME"),
        (documented(*papers(6)), "DOCUMENT_COUNT_EXCEEDED"),
        (documented(paper(data=PDF.ljust(20 * 1024 * 1024 + 1))), "DOCUMENT_SIZE_EXCEEDED"),
        (
            documented(paper(data=PDF + b"/Type /Page\n" * 101)),
            "DOCUMENT_MAXIMUM_PAGES_EXCEEDED",
        ),
        (documented(paper(data=PDF + b"/Encrypt")), "DOCUMENT_PASSWORD_PROTECTED"),
        (documented(paper(), model="glm-5"), "DOCUMENT_MODEL_NOT_SUPPORTED"),
        (pictured(image(format="jpg")), "IMAGE_FORMAT_UNSUPPORTED"),
        (pictured(image(format="jpeg")), "IMAGE_MIME_MISMATCH"),
        (pictured(image(2_800_001)), "IMAGE_SIZE_EXCEEDED"),
        (pictured(image(side=8001)), "IMAGE_DIMENSION_EXCEEDED"),
        (pictured(*[image()] * 11), "IMAGE_COUNT_EXCEEDED"),
        (offering(tool("read"), tool("Read")), "TOOL_DUPLICATE"),
        (schema({"type": "string"}), "TOOL_SCHEMA_INVALID"),
        (after_tool([result()], tools=[]), "TOOL_CONFIG_MISSING"),
        (after_tool([]), "TOOL_USE_RESULT_MISMATCH"),
        (chat_body(conversationId=""), "INVALID_CONVERSATION_ID"),
        (with_model("gpt-6.1-sol"), "INVALID_MODEL_ID"),
    ],
)
def test_the_service_has_a_reason_for_the_refusal(body: dict[str, Any], reason: str) -> None:
    for binding in BINDINGS:
        message, given = refusal(violations(body, binding=binding))
        assert (bool(message), given) == (True, reason)


@pytest.mark.parametrize(
    ("region", "good"), [(None, True), ("us-east-1", True), ("eu-central-1", False)]
)
def test_the_profile_is_of_the_region_of_the_host(region: str | None, good: bool) -> None:
    for body, headers in (
        ({**chat_body(), "profileArn": ARN}, CLI),
        (chat_body(), CLI | {"x-amzn-kiro-profile-arn": ARN}),
    ):
        found = violations(body, headers=headers, binding="json-rpc", region=region)
        assert rules_of(found) == (set() if good else {"region"})
        assert refusal(found) == ("Improperly formed request.", None)


def test_the_most_specific_rule_decides_the_refusal() -> None:
    order, model = Violation("history-order", ""), Violation("model-unknown", "")
    assert refusal([order]) == ("Improperly formed request.", None)
    assert refusal([order, model])[1] == "INVALID_MODEL_ID"
    assert refusal([Violation("weight", "")])[1] == "CONTENT_LENGTH_EXCEEDS_THRESHOLD"
