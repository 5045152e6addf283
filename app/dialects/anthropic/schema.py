"""The members of a Messages API request that this gateway understands, as types.

The types are the validation: required members, ranges of numbers and the blocks that each role
allows are declared here and in :mod:`.block_types`, and checked by msgspec. A member that is not
declared is no error: it is ignored, and named in a header of the answer. Members that are checked
but have no effect are in :data:`NOT_HONOURED`.

``tools`` are declared in :mod:`~app.dialects.anthropic.tools`, edits of the context in
:mod:`~app.dialects.anthropic.context`: unknown types of them must be ignored and not refused.

Source: the types of the ``anthropic`` SDK 2.12 and requests of real clients.
"""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from app.core.typed_json import Label, Name, Tagged

from .block_types import AssistantBlock, SystemBlock, TextBlock, UserBlock
from .context import ContextManagement, Summarize

MAX_SAFEGUARDS = 16
"""Each is answered. Claude Code asks for one."""

MAX_STOP_SEQUENCES = 8191

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class UserMessage(Struct, frozen=True, tag_field="role", tag="user", gc=False):
    content: str | list[UserBlock]


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant", gc=False):
    content: str | list[AssistantBlock]


class TurnConfig(Struct, frozen=True):
    effort: str | None = None


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system", gc=False):
    content: str | list[SystemBlock] = ""
    output_config: TurnConfig | None = None
    clear_at: str | None = None


# How the answer should be made


class ToolChoiceAuto(Tagged, frozen=True, tag="auto"):
    disable_parallel_tool_use: bool | None = None


class ToolChoiceAny(Tagged, frozen=True, tag="any"):
    disable_parallel_tool_use: bool | None = None


class ToolChoiceTool(Tagged, frozen=True, tag="tool"):
    name: Name
    disable_parallel_tool_use: bool | None = None


class ToolChoiceNone(Tagged, frozen=True, tag="none"):
    pass


class ThinkingEnabled(Tagged, frozen=True, tag="enabled"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: str | None = None


class ThinkingAdaptive(Tagged, frozen=True, tag="adaptive"):
    display: str | None = None


class ThinkingBetweenTools(Tagged, frozen=True, tag="between_tools"):
    pass


class ThinkingDisabled(Tagged, frozen=True, tag="disabled"):
    pass


class JsonSchemaFormat(Tagged, frozen=True, tag="json_schema"):
    schema: dict[str, Any]


class OutputConfig(Struct, frozen=True):
    effort: str | None = None
    format: JsonSchemaFormat | None = None


class Metadata(Struct, frozen=True):
    user_id: Label | None = None


class Safeguard(Struct, frozen=True):
    """A check that the client wants of the answer, such as ``dangerous_tool_use``. What it should
    be judged by is not read, since there is no check here.
    """

    type: Name
    classifier_context: Any = None


class CountTokensRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/messages/count_tokens``."""

    model: Name
    messages: Annotated[list[UserMessage | AssistantMessage | SystemMessage], Meta(min_length=1)]
    system: str | list[TextBlock] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: ToolChoiceAuto | ToolChoiceAny | ToolChoiceTool | ToolChoiceNone | None = None
    thinking: (
        ThinkingEnabled | ThinkingAdaptive | ThinkingBetweenTools | ThinkingDisabled | None
    ) = None
    output_config: OutputConfig | None = None
    output_format: JsonSchemaFormat | None = None
    metadata: Metadata | None = None
    safeguards: Annotated[list[Safeguard], Meta(max_length=MAX_SAFEGUARDS)] | None = None
    context_management: ContextManagement | None = None


class MessagesRequest(CountTokensRequest, frozen=True, kw_only=True):
    """The body of ``POST /v1/messages``. ``max_tokens`` may be 0 (a client warms its cache)."""

    max_tokens: Annotated[int, Meta(ge=0)]
    stream: bool | None = None
    compaction: Summarize | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=MAX_STOP_SEQUENCES)] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None


NOT_HONOURED = ("temperature", "top_p", "top_k")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
