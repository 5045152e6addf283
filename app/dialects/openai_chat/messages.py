"""Messages into turns of the conversation: one row for each role.

Consecutive results of tools become one user turn. Speakers with a name are told apart by it. The
calls of the legacy API have no ids: each gets one from its position, and a result belongs to the
latest call of its function.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeAlias, TypeVar

from app.core.conversation import Message, Part, ResultPart, Text, ToolCall, ToolResult, as_one
from app.core.typed_json import FieldError, Path, Record
from app.dialects import custom_tools, openai

from . import messages_blocks, schema
from .tool_forms import CallForm

P = TypeVar("P", bound=Part)


class MessageReader:
    """Reads the messages of one request, in order. ``forms`` are those of the calls of its tools,
    by their names.
    """

    def __init__(self, record: Record, forms: Mapping[str, CallForm]) -> None:
        self._record = record
        self._forms = forms
        self._position = 0
        self._called: dict[str, str] = {}  # legacy: the id of each function's latest call
        self._several_assistants = False

    def read(self, messages: Sequence[Any]) -> tuple[str, tuple[Message, ...]]:
        """The system text before the conversation, and the conversation.

        Raises :class:`FieldError` with the path from the body's root.
        """
        self._several_assistants = _several_assistants(messages)
        leading = list(takewhile(lambda message: type(message) in _SYSTEM, messages))
        system = "\n\n".join(part.text for message in leading for part in _system_texts(message))
        runs: list[list[Message]] = []
        after_result = False
        for position in range(len(leading), len(messages)):
            turn = self._turn(position, messages[position])
            is_result = type(messages[position]) in _TOOL_RESULTS
            if is_result and after_result:
                runs[-1].append(turn)
            else:
                runs.append([turn])
            after_result = is_result
        return system, tuple(map(as_one, runs))

    def _turn(self, position: int, message: Any) -> Message:
        self._position = position
        self._record.place = ("messages", position)
        try:
            return _ROLES[type(message)](self, message)
        except FieldError as error:
            raise error.under("messages", position) from None

    def _system(self, message: schema.SystemMessage | schema.DeveloperMessage) -> Message:
        return Message("system", _system_texts(message))

    def _user(self, message: schema.UserMessage) -> Message:
        return Message("user", tuple(_by(message.name, _parts(message.content, self._record))))

    def _assistant(self, message: schema.AssistantMessage) -> Message:
        said = message.content or ()
        parts: list[Part] = [Text(said)] if isinstance(said, str) else self._said(said)
        if message.refusal:
            parts += self._said([schema.RefusalPart(message.refusal)])
        if self._several_assistants:
            parts = [*_by(message.name if parts else None, parts)]
        elif message.name:
            self._record.ignore("name")
        for position, call in enumerate(message.tool_calls or ()):
            try:
                parts.append(self._call(call))
            except FieldError as error:
                raise error.under("tool_calls", position) from None
        if message.function_call:
            parts.append(self._legacy_call(message.function_call))
        return Message("assistant", tuple(parts))

    def _said(self, content: Sequence[schema.AssistantPart]) -> list[Part]:
        parts: list[Part] = []
        for part in content:
            if isinstance(part, schema.TextPart):
                parts.append(Text(part.text))
            elif isinstance(part, schema.RefusalPart):
                self._record.note("refusal_as_text")
                parts.append(Text(part.refusal))
            else:
                parts.append(messages_blocks.read(part, self._record))
        return parts

    def _call(self, call: schema.ToolCall) -> ToolCall:
        custom, function = call.custom, call.function
        if call.type not in (None, "function", "custom"):
            raise FieldError(("type",), "Input should be 'function' or 'custom'")
        if call.type == "custom" or (custom and not call.type):
            if custom is None:
                raise FieldError(("custom",), "Field required")
            return ToolCall(call.id, custom.name, custom_tools.as_object(custom.input))
        if function is None:
            raise FieldError(("function",), "Field required")
        return ToolCall(call.id, function.name, self._arguments(function))

    def _arguments(self, function: schema.CalledFunction) -> dict[str, Any]:
        """Arguments of a tool whose calls this gateway wrote with free text are that text."""
        if self._forms.get(function.name) == "text":
            return custom_tools.as_object(function.arguments)
        return openai.arguments(function.arguments, self._record)

    def _legacy_call(self, function: schema.CalledFunction) -> ToolCall:
        call_id = self._called[function.name] = f"function_call_{self._position}"
        return ToolCall(call_id, function.name, self._arguments(function))

    def _tool(self, message: schema.ToolMessage) -> Message:
        content = _parts(message.content or (), self._record, in_result=True)
        return Message("user", (ToolResult(message.tool_call_id, content),))

    def _function(self, message: schema.FunctionMessage) -> Message:
        call_id = self._called.pop(message.name, f"function_call_of_{message.name}")
        return Message("user", (ToolResult(call_id, _texts(message.content or ())),))


def _several_assistants(messages: Sequence[Any]) -> bool:
    """Whether more than one assistant speaks. The name of a single one tells nothing, and before
    its words it would teach the model to begin its answer with it.
    """
    names = {message.name for message in messages if type(message) is schema.AssistantMessage}
    return len(names - {None}) > 1


def _by(name: str | None, said: Sequence[P]) -> Sequence[P | Text]:
    """What a speaker said, who has a name if there are several of the same role."""
    if not name:
        return said
    if said and isinstance(said[0], Text):
        return (Text(f"{name}: {said[0].text}"), *said[1:])
    return (Text(f"{name}:"), *said)


def _system_texts(
    message: schema.SystemMessage | schema.DeveloperMessage,
) -> tuple[Text, ...]:
    return tuple(_by(message.name, _texts(message.content)))


def _texts(content: str | Sequence[schema.TextPart]) -> tuple[Text, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return tuple(Text(part.text) for part in content)


def _parts(
    content: str | Sequence[Any], record: Record, *, in_result: bool = False
) -> tuple[Any, ...]:
    """The parts of a message at the place of the record. Raises :class:`FieldError` with the path
    inside the message.
    """
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    place: Path = (*record.place, "content")
    for position, part in enumerate(content):
        record.place = (*place, position)
        try:
            parts.append(_PARTS[type(part)](part, record, in_result))
        except FieldError as error:
            raise error.under("content", position) from None
    return tuple(parts)


def _text(part: schema.TextPart, record: Record, in_result: bool) -> ResultPart:
    return Text(part.text)


def _image(part: schema.ImagePart, record: Record, in_result: bool) -> ResultPart:
    try:
        return openai.image(part.image_url.url, record, "image_url", "url", in_result=in_result)
    except FieldError as error:
        raise error.under("image_url", "url") from None


def _audio(part: schema.AudioPart, record: Record, in_result: bool) -> ResultPart:
    raise FieldError(
        ("input_audio",), "audio cannot be read by this gateway's models; send its text"
    )


def _file(part: schema.FilePart, record: Record, in_result: bool) -> ResultPart:
    given = part.file
    if given.file_id:
        raise FieldError(
            ("file", "file_id"), "files are read from file_data only: send data:<type>;base64,..."
        )
    try:
        return openai.attachment(given.file_data or "", given.filename, record, in_result=in_result)
    except FieldError as error:
        raise error.under("file", "file_data") from None


def _block(block: Any, record: Record, in_result: bool) -> Part:
    return messages_blocks.read(block, record)


_PARTS: dict[type, Callable[[Any, Record, bool], Part]] = {
    schema.TextPart: _text,
    schema.ImagePart: _image,
    schema.AudioPart: _audio,
    schema.FilePart: _file,
    messages_blocks.ImageBlock: _block,
    messages_blocks.ToolResultBlock: _block,
}
_SYSTEM = (schema.SystemMessage, schema.DeveloperMessage)
_TOOL_RESULTS = (schema.ToolMessage, schema.FunctionMessage)

RoleReader: TypeAlias = Callable[[MessageReader, Any], Message]
_ROLES: dict[type, RoleReader] = {
    schema.SystemMessage: MessageReader._system,
    schema.DeveloperMessage: MessageReader._system,
    schema.UserMessage: MessageReader._user,
    schema.AssistantMessage: MessageReader._assistant,
    schema.ToolMessage: MessageReader._tool,
    schema.FunctionMessage: MessageReader._function,
}
