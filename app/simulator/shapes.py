"""A small vocabulary of closed shapes, and the shape of a GenerateAssistantResponse request.

A checker is a function `(value, path, report)` that reports every breach it finds and never raises;
reports name the place and the sizes, never the content. The shapes are those of the AWS service
models (members, enums, lengths, patterns), narrowed where the Amazon Q clients are stricter. Models
are closed: a member that is not listed is a breach. What the gateway has no use for (editor state
and the like) is taken as any object.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

Report = Callable[[str, str], None]
Checker = Callable[[Any, str, Report], None]

CONTENT_MAX = 600_000
ASSISTANT_CONTENT_MAX = 100_000
RESULT_TEXT_MAX = 800_000
IMAGES_MAX = 10
IMAGE_BYTES_MAX = 2_800_000
TOOL_NAME = r"[a-zA-Z][a-zA-Z0-9_-]{0,63}"
PROFILE_ARN = r"arn:aws:(codewhisperer|transform):[-.a-z0-9]{1,63}:\d{12}:profile/[a-zA-Z0-9]{12}"


def string(
    shortest: int = 0,
    longest: int | None = None,
    pattern: str | None = None,
    *,
    rule: str | None = None,
) -> Checker:
    """Text of `shortest` to `longest` characters that `pattern` matches as a whole."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str):
            report("type", f"{path} must be a string")
        elif len(value) < shortest or (longest is not None and len(value) > longest):
            bounds = f"{shortest}..{'' if longest is None else longest}"
            report(rule or "length", f"{path} has {len(value)} characters, allowed are {bounds}")
        elif compiled and not compiled.fullmatch(value):
            report(rule or "pattern", f"{path} does not match {compiled.pattern}")

    return check


def enum(*values: str, rule: str = "enum") -> Checker:
    """One of the given strings, letter case included."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str) or value not in values:
            report(rule, f"{path} must be one of {', '.join(values)}")

    return check


def integer(lowest: int, highest: int) -> Checker:
    """A whole number within bounds."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report("type", f"{path} must be an integer")
        elif not lowest <= value <= highest:
            report("length", f"{path} must be within {lowest}..{highest}")

    return check


def array(item: Checker, longest: int | None = None, *, rule: str = "length") -> Checker:
    """A list of at most `longest` items."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, list):
            report("type", f"{path} must be a list")
            return
        if longest is not None and len(value) > longest:
            report(rule, f"{path} has {len(value)} items, allowed are {longest}")
        for index, element in enumerate(value):
            item(element, f"{path}[{index}]", report)

    return check


def structure(members: Mapping[str, Checker], *required: str) -> Checker:
    """An object with these members and no other."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report("type", f"{path or 'the body'} must be an object")
            return
        for name in required:
            if name not in value:
                report("missing-member", f"{_join(path, name)} is required")
        for name, element in value.items():
            if name in members:
                members[name](element, _join(path, name), report)
            else:
                report("unknown-member", f"{_join(path, name)} is not a member of this shape")

    return check


def union(members: Mapping[str, Checker]) -> Checker:
    """An object with exactly one of these members."""
    closed = structure(members)

    def check(value: Any, path: str, report: Report) -> None:
        closed(value, path, report)
        if isinstance(value, dict) and len(value.keys() & members.keys()) != 1:
            report("union", f"{path} must have exactly one of {', '.join(members)}")

    return check


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def document(value: Any, path: str, report: Report) -> None:
    """Any JSON value."""


def mapping(*, rule: str = "type") -> Checker:
    """Any JSON object."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report(rule, f"{path} must be an object")

    return check


def boolean(value: Any, path: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report("type", f"{path} must be a boolean")


def image_bytes(value: Any, path: str, report: Report) -> None:
    """Base64 of 1 to `IMAGE_BYTES_MAX` bytes."""
    try:
        size = len(base64.b64decode(value, validate=True))
    except (TypeError, ValueError, binascii.Error):
        report("image-bytes", f"{path} must be base64")
        return
    if not 1 <= size <= IMAGE_BYTES_MAX:
        report("image-bytes", f"{path} holds {size} bytes, allowed are 1..{IMAGE_BYTES_MAX}")


_any_object = mapping()
_tool_use_id = string(1, 64, r"[a-zA-Z0-9_-]+", rule="tool-use-id")
_tool_name = string(0, None, TOOL_NAME, rule="tool-name")
_cache_point = structure({"type": enum("default")}, "type")

_image = structure(
    {
        "format": enum("png", "jpeg", "gif", "webp", rule="image-format"),
        "source": union({"bytes": image_bytes}),
    },
    "format",
    "source",
)

_tool = union(
    {
        "toolSpecification": structure(
            {
                "name": _tool_name,
                "description": string(1, 10_240, rule="tool-description"),
                "inputSchema": union({"json": document}),
            },
            "name",
            "description",
            "inputSchema",
        ),
        "cachePoint": _cache_point,
    }
)

_tool_result = structure(
    {
        "toolUseId": _tool_use_id,
        "content": array(union({"text": string(0, RESULT_TEXT_MAX), "json": document})),
        "status": enum("success", "error", rule="status"),
    },
    "toolUseId",
    "content",
)

_env_state = structure(
    {
        "operatingSystem": enum("macos", "linux", "windows"),
        "currentWorkingDirectory": string(1, 256),
        "environmentVariables": array(
            structure({"key": string(1, 256), "value": string(1, 1024)}), 100
        ),
        "timezoneOffset": integer(-1440, 1440),
    }
)

_context = structure(
    {
        "toolResults": array(_tool_result),
        "tools": array(_tool),
        "envState": _env_state,
        "additionalContext": array(_any_object, 20),
        **dict.fromkeys(
            (
                "editorState",
                "shellState",
                "gitState",
                "appStudioContext",
                "diagnostic",
                "consoleState",
                "userSettings",
            ),
            _any_object,
        ),
    }
)

# fmt: off
_ORIGINS = (
    "AI_EDITOR", "CHATBOT", "CLI", "CONSOLE", "DOCUMENTATION", "GITLAB", "IDE", "INLINE_CHAT",
    "KIRO_CLI", "MARKETING", "MD", "MD_CE", "MD_IDE", "MOBILE", "OPENSEARCH_DASHBOARD",
    "Q_DEV_BEXT", "SAGE_MAKER", "SERVICE_INTERNAL", "SM_AI_STUDIO_IDE", "UNIFIED_SEARCH", "UNKNOWN",
)

_INTENTS = (
    "SUGGEST_ALTERNATE_IMPLEMENTATION", "APPLY_COMMON_BEST_PRACTICES", "IMPROVE_CODE",
    "SHOW_EXAMPLES", "CITE_SOURCES", "EXPLAIN_LINE_BY_LINE", "EXPLAIN_CODE_SELECTION",
    "GENERATE_CLOUDFORMATION_TEMPLATE", "GENERATE_UNIT_TESTS", "CODE_GENERATION",
)

_user_input_message = structure(
    {
        "content": string(0, CONTENT_MAX, rule="content-length"),
        "modelId": string(1, 1024, r"[a-zA-Z0-9_:.-]+", rule="model-id"),
        "origin": enum(*_ORIGINS, rule="origin"),
        "userIntent": enum(*_INTENTS),
        "images": array(_image, IMAGES_MAX, rule="image-count"),
        "userInputMessageContext": _context,
        "cachePoint": _cache_point,
        "clientCacheConfig": structure({"useClientCachingOnly": boolean}),
    },
    "content",
)

_assistant_response_message = structure(
    {
        "content": string(0, ASSISTANT_CONTENT_MAX, rule="content-length"),
        "messageId": string(0, 128),
        "toolUses": array(
            structure(
                {
                    "toolUseId": _tool_use_id,
                    "name": _tool_name,
                    "input": mapping(rule="tool-input"),
                },
                "toolUseId",
                "name",
                "input",
            )
        ),
        "reasoningContent": union(
            {
                "reasoningText": structure({"text": string(), "signature": string()}, "text"),
                "redactedContent": string(),
            }
        ),
        "references": array(_any_object, 10),
        "supplementaryWebLinks": array(_any_object, 10),
        "followupPrompt": _any_object,
        "cachePoint": _cache_point,
    },
    "content",
)

_chat_message = union(
    {
        "userInputMessage": _user_input_message,
        "assistantResponseMessage": _assistant_response_message,
    }
)

_conversation_state = structure(
    {
        "currentMessage": _chat_message,
        "chatTriggerType": enum("MANUAL", "DIAGNOSTIC", "INLINE_CHAT", rule="trigger-type"),
        "conversationId": string(1, 128, rule="conversation-id"),
        "history": array(_chat_message),
        "workspaceId": string(36, 36),
        "customizationArn": string(0, 1224, r"arn:.+"),
        "agentContinuationId": string(1),
        "agentTaskType": enum("vibe", "spectask"),
    },
    "currentMessage",
    "chatTriggerType",
)

REQUEST: Checker = structure(
    {
        "conversationState": _conversation_state,
        "profileArn": string(0, 950, PROFILE_ARN, rule="profile-arn"),
        "additionalModelRequestFields": mapping(rule="model-fields"),
    },
    "conversationState",
)
"""The body of GenerateAssistantResponse, either binding."""
