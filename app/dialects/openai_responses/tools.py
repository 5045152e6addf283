"""The tools of a request: those offered to the model, the one that it must call, and the names by
which the client knows them.

Functions are offered as they are. A custom tool takes free text: it is offered as a function of one
string (:mod:`.custom_input`), with the grammar of its text in its description. The tools of a
namespace are offered under a name made of both. Types that run at OpenAI, and unknown types, are
left out and named as ignored: clients send them along with their own, and the turn must go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.core.conversation import Tool, ToolChoice
from app.core.typed_json import FieldError, Name, Record, Tagged, convert, ignore_unknown
from app.dialects import openai
from app.dialects.wire import encode

from . import custom_input

LONGEST_CHOICE = 128 * 1024
"""Bytes of a ``tool_choice``, which the answer repeats; each tool that it allows takes about 50."""


class ClientTool(Struct, frozen=True):
    """A tool as the client knows it."""

    name: str
    namespace: str | None = None
    custom: bool = False

    @property
    def flat(self) -> str:
        """The name in the conversation, where names have one part."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


class Offer(Struct, frozen=True):
    """The tools of a request. ``client_tools`` has them by the names of ``tools``; ``echo`` has the
    entries of the request that are offered, for the answer to repeat.
    """

    tools: tuple[Tool, ...]
    client_tools: dict[str, ClientTool]
    echo: tuple[dict[str, Any], ...]


class FunctionTool(Tagged, frozen=True, tag="function"):
    """A tool that takes a JSON object."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FreeText(Tagged, frozen=True, tag="text"):
    """Any text at all."""


class Grammar(Tagged, frozen=True, tag="grammar"):
    """Text that matches this grammar; ``syntax`` is the notation of the grammar."""

    syntax: str
    definition: str


class CustomTool(Tagged, frozen=True, tag="custom"):
    """A tool that takes free text."""

    name: Name
    description: str | None = None
    format: FreeText | Grammar | None = None


class Namespace(Tagged, frozen=True, tag="namespace"):
    """Tools under a common name."""

    name: Name
    tools: list[dict[str, Any]]
    description: str | None = None


_FORMS: dict[str, type[FunctionTool | CustomTool | Namespace]] = {
    "function": FunctionTool,
    "custom": CustomTool,
    "namespace": Namespace,
}


class ToolReader:
    """Reads the declared tools: first those of the request, then those that items add."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._tools: dict[str, Tool] = {}
        self._client_tools: dict[str, ClientTool] = {}
        self._echo: list[dict[str, Any]] = []
        self._names: set[str] = set()  # in the list being read

    def declare(self, declared: Sequence[dict[str, Any]], *where: str | int) -> None:
        """Read one list of tools; they replace tools of the same name in earlier lists.

        Raises :class:`FieldError` with ``where`` before the path inside ``declared``.
        """
        self._names.clear()
        for index, raw in enumerate(declared):
            try:
                if self._read(raw):
                    self._echo.append(raw)
            except FieldError as error:
                raise error.under(*where, index) from None

    def offer(self) -> Offer:
        """The tools declared so far."""
        return Offer(tuple(self._tools.values()), self._client_tools, tuple(self._echo))

    def _read(self, raw: dict[str, Any], within: Namespace | None = None) -> bool:
        """Read one tool or namespace; says whether it is offered."""
        kind = raw.get("type")
        if not isinstance(kind, str):
            problem = "Field required" if kind is None else "Input should be a valid string"
            raise FieldError(("type",), problem)
        form = _FORMS.get(kind)
        if form is None or (within and form is Namespace):
            self._record.ignore(kind)
            return False
        tool = convert(raw, form)
        ignore_unknown(tool, raw, self._record)
        if isinstance(tool, Namespace):
            return self._read_all(tool)
        self._add(tool, within)
        return True

    def _read_all(self, namespace: Namespace) -> bool:
        offered = False
        for index, raw in enumerate(namespace.tools):
            try:
                offered |= self._read(raw, namespace)
            except FieldError as error:
                raise error.under("tools", index) from None
        return offered

    def _add(self, tool: FunctionTool | CustomTool, within: Namespace | None) -> None:
        own = _custom(tool) if isinstance(tool, CustomTool) else self._function(tool)
        namespace = within.name if within else None
        known = ClientTool(tool.name, namespace, custom=isinstance(tool, CustomTool))
        name = known.flat
        if name in self._names:
            raise FieldError(("name",), f"Tool names must be unique; {name!r} is declared twice")
        self._names.add(name)
        texts = (within.description if within else None, own.description)
        self._tools[name] = Tool(name, "\n\n".join(filter(None, texts)), own.schema)
        self._client_tools[name] = known

    def _function(self, tool: FunctionTool) -> Tool:
        if tool.strict:
            self._record.ignore("strict")
        return Tool(tool.name, tool.description or "", tool.parameters or {})


def _custom(tool: CustomTool) -> Tool:
    rule = "The input is free text: give it as the one string of the argument."
    if isinstance(tool.format, Grammar):
        grammar = tool.format
        rule += f" It must match this grammar ({grammar.syntax}):\n\n{grammar.definition}"
    schema = {
        "type": "object",
        "properties": {custom_input.NAME: {"type": "string", "description": "The whole input"}},
        "required": [custom_input.NAME],
        "additionalProperties": False,
    }
    return Tool(tool.name, "\n\n".join(filter(None, (tool.description, rule))), schema)


class Chosen(Struct, frozen=True):
    """``tools`` are those that may be called; ``echo`` is the choice as the answer repeats it."""

    tools: tuple[Tool, ...]
    choice: ToolChoice
    echo: str | dict[str, Any] = "auto"


def choice(wanted: str | dict[str, Any] | None, offer: Offer, record: Record) -> Chosen:
    """Which tool the model must call. Raises :class:`FieldError`, with the path from the body's
    root, for a tool that is not offered. A choice among tools that were ignored is ignored too.
    """
    try:
        if wanted is None:
            return Chosen(offer.tools, ToolChoice())
        if len(encode(wanted)) > LONGEST_CHOICE:
            raise FieldError((), f"Input should have at most {LONGEST_CHOICE} bytes of JSON")
        if isinstance(wanted, str):
            return _by_mode(wanted, offer.tools, wanted, record)
        if wanted.get("type") in ("function", "custom"):
            named = convert(wanted, NamedTool)
            return Chosen(offer.tools, openai.named_choice(_flat(named), offer.tools), wanted)
        if wanted.get("type") == "allowed_tools":
            return _allowed(wanted, offer, record)
    except FieldError as error:
        raise error.under("tool_choice") from None
    record.ignore("tool_choice")
    return Chosen(offer.tools, ToolChoice())


class NamedTool(Struct, frozen=True):
    """A reference to a declared tool."""

    name: Name
    namespace: Name | None = None


class AllowedTools(Struct, frozen=True):
    """A choice of ``mode`` among some of the tools on offer."""

    tools: list[dict[str, Any]]
    mode: Name = "auto"


def _flat(tool: NamedTool) -> str:
    return ClientTool(tool.name, tool.namespace).flat


def _by_mode(
    mode: str, tools: tuple[Tool, ...], echo: str | dict[str, Any], record: Record
) -> Chosen:
    kept = openai.mode_choice(mode, tools, record)
    ignored = kept.mode == "auto" and mode != "auto"
    return Chosen(tools, kept, "auto" if ignored else echo)


def _allowed(wanted: dict[str, Any], offer: Offer, record: Record) -> Chosen:
    allowed = convert(wanted, AllowedTools)
    names = set(_names(allowed.tools, offer.client_tools, record))
    tools = tuple(tool for tool in offer.tools if tool.name in names)
    return _by_mode(allowed.mode, tools, wanted, record)


def _names(
    entries: Iterable[dict[str, Any]], client_tools: Mapping[str, ClientTool], record: Record
) -> Iterable[str]:
    """The flat names of the allowed tools; a tool that is not offered is ignored by its name."""
    for index, raw in enumerate(entries):
        if raw.get("type") not in ("function", "custom"):
            record.ignore(str(raw.get("type")))
            continue
        try:
            name = _flat(convert(raw, NamedTool))
        except FieldError as error:
            raise error.under("tools", index) from None
        if name in client_tools:
            yield name
        else:
            record.ignore(name)
