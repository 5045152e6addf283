"""The shape of a GenerateAssistantResponse request.

Members, enums, lengths and patterns are those of the AWS service models, narrowed where the Amazon
Q clients are stricter. Shapes are closed: a member that is not listed is a violation. Members that
a gateway does not use (editor state and the like) may be any object.
"""

from . import media
from .shapes import (
    Checker,
    array,
    blob,
    boolean,
    document,
    enum,
    integer,
    mapping,
    string,
    structure,
    union,
)

CONTENT_MAX = 600_000
ASSISTANT_CONTENT_MAX = 100_000
RESULT_TEXT_MAX = 800_000
IMAGES_MAX = 10
IMAGE_BYTES_MAX = 2_800_000
DOCUMENT_BYTES_MAX = 20 * 1024 * 1024
TOOL_NAME = r"[a-zA-Z][a-zA-Z0-9_-]{0,63}"
PROFILE_ARN = r"arn:aws:(codewhisperer|transform):[-.a-z0-9]{1,63}:\d{12}:profile/[a-zA-Z0-9]{12}"

_any_object = mapping()
_tool_use_id = string(1, 64, r"[a-zA-Z0-9_-]+", rule="tool-use-id")
_tool_name = string(0, None, TOOL_NAME, rule="tool-name")
_cache_point = structure({"type": enum("default")}, "type")

_image = structure(
    {
        "format": enum("png", "jpeg", "gif", "webp", rule="image-format"),
        "source": union({"bytes": blob(IMAGE_BYTES_MAX, rule="image-bytes")}),
    },
    "format",
    "source",
)

_document = structure(
    {
        "name": string(1, 200, rule="document-name"),
        "format": enum(*media.DOCUMENTS, rule="document-format"),
        "source": union({"bytes": blob(DOCUMENT_BYTES_MAX, rule="document-bytes")}),
    },
    "name",
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
    "KIRO_CLI", "KIRO_WEB", "MARKETING", "MD", "MD_CE", "MD_IDE", "MOBILE", "OPENSEARCH_DASHBOARD",
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
        "documents": array(_document),
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
        "modelTag": string(),
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
        "rootConversationId": string(1, 128, rule="conversation-id"),
        "agentTaskType": enum("vibe", "spectask"),
    },
    "currentMessage",
    "chatTriggerType",
)

REQUEST: Checker = structure(
    {
        "conversationState": _conversation_state,
        "profileArn": string(0, 950, PROFILE_ARN, rule="profile-arn"),
        "agentMode": string(1),
        "additionalModelRequestFields": document,  # see model_fields
    },
    "conversationState",
)
"""The body of GenerateAssistantResponse, in both bindings."""
