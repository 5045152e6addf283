"""Rows of the error table for what the service refuses of a request's content.

Source: the reasons of a ValidationException in the client of the Kiro runtime service (Amazon Q
Developer CLI). Some are given although the gateway prevents their cause: then the words ask for a
report.
"""

from app.common.errors import Kind

from .error_rule import ErrorRule

SIGNATURE = "THINKING_SIGNATURE_INVALID"
SCHEMA = "TOOL_SCHEMA_INVALID"
"""Reasons that the service gives for earlier reasoning, and for the schema of a tool."""

REQUEST_FIELDS = "request_fields"
"""The ``code`` of refusals of ``additionalModelRequestFields``, or of a member of it."""


_OURS = "The gateway should have prevented that; please report this error."
_SIGNATURE = (
    "The upstream does not accept the reasoning of an earlier turn: another service or model signed"
    " it. Leave that reasoning out, or start a new conversation."
)


def _rejected(reason: str, explanation: str) -> ErrorRule:
    return ErrorRule(Kind.REJECTED, explanation, reasons=(reason,))


_OF_IMAGES = (
    _rejected(
        "IMAGE_COUNT_EXCEEDED", "The request has more images than the model takes. Send fewer."
    ),
    _rejected(
        "IMAGE_DIMENSION_EXCEEDED",
        "An image is wider or higher than the model takes (8000 pixels). Send a smaller one.",
    ),
    _rejected("IMAGE_SIZE_EXCEEDED", "An image has more bytes than the model takes. Compress it."),
    _rejected(
        "IMAGE_FORMAT_UNSUPPORTED",
        "The model does not read the format of an image. Send PNG, JPEG, GIF or WebP.",
    ),
    _rejected(
        "IMAGE_MIME_MISMATCH",
        "An image is not of the format that it is sent as. Name the format that its bytes have.",
    ),
)
_OF_DOCUMENTS = (
    _rejected(
        "DOCUMENT_MODEL_NOT_SUPPORTED",
        "This model reads no documents. Use a Claude model, or send the document's text.",
    ),
    _rejected(
        "DOCUMENT_PASSWORD_PROTECTED",
        "A document is protected by a password. Send it without protection.",
    ),
    _rejected(
        "DOCUMENT_MAXIMUM_PAGES_EXCEEDED",
        "A document has more pages than the model reads. Send the pages that matter.",
    ),
    _rejected(
        "DOCUMENT_SIZE_EXCEEDED",
        "A document has more bytes than the service takes. Split or compress it.",
    ),
    _rejected(
        "DOCUMENT_COUNT_EXCEEDED",
        "The conversation has more documents than the service takes. Leave out earlier ones.",
    ),
    _rejected("DOCUMENT_DUPLICATE_NAME", f"Two documents have the same name. {_OURS}"),
    _rejected(
        "INVALID_DOCUMENT_NAME", f"The service does not take the name of a document. {_OURS}"
    ),
    _rejected(
        "DISALLOWED_FILE_TYPE",
        "The service does not read files of this type. Send PDF, Word, Excel or text.",
    ),
)
_OF_TOOLS = (
    _rejected(
        SCHEMA,
        "The service does not take the input schema of a tool, not even in a simple form. Simplify"
        " the schema that its message names.",
    ),
    _rejected("TOOL_DUPLICATE", f"Two tools have the same name. {_OURS}"),
    _rejected(
        "TOOL_CONFIG_MISSING", f"The history has tool calls, but no tool is offered. {_OURS}"
    ),
    ErrorRule(
        Kind.REJECTED,
        f"The history has tool calls, but no tool is offered. {_OURS}",
        text="toolconfig field must be defined",
        code="TOOL_CONFIG_MISSING",
    ),
    _rejected(
        "TOOL_USE_RESULT_MISMATCH",
        f"A tool call and its result are not in consecutive turns. {_OURS}",
    ),
)

CONTENT_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Kind.REJECTED,
        "The model does not take the thinking, effort or max_tokens of this request. Leave out what"
        " the message names.",
        text="additionalmodelrequestfields",
        code=REQUEST_FIELDS,
    ),
    ErrorRule(Kind.REJECTED, _SIGNATURE, reasons=(SIGNATURE,)),
    ErrorRule(Kind.REJECTED, _SIGNATURE, text="invalid `signature`", code=SIGNATURE),
    *_OF_IMAGES,
    *_OF_DOCUMENTS,
    *_OF_TOOLS,
    _rejected(
        "UNSUPPORTED_LANGUAGE",
        "The service does not support the language of this request. Ask in another one.",
    ),
)
