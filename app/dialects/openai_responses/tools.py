"""The tools of a request: those offered to the model, the one that it must call, and the names by
which the client knows them.

Functions are offered as they are. A custom tool takes free text: it is offered as a function of one
string (:mod:`app.dialects.custom_tools`). The tools of a namespace are offered under a name made of
both, and a search for tools that the client runs is one more function. Types that run at OpenAI,
and unknown types, are left out and named as ignored: clients send them along with their own, and
the turn must go on.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import HostedTool, Tool, ToolChoice
from app.core.known_parts import ReadOnce
from app.core.typed_json import (
    FieldError,
    Name,
    Path,
    Record,
    Tagged,
    convert,
    ignore_unknown,
)
from app.dialects import custom_tools, openai
from app.dialects.support import NOTHING_TO_CALL
from app.dialects.wire import encode

from . import web_search

LONGEST_CHOICE = 128 * 1024
"""Bytes of a ``tool_choice``, which the answer repeats; each tool that it allows takes about 50."""


ToolKind: TypeAlias = Literal["function", "custom", "tool_search"]
TOOL_SEARCH = "tool_search"
"""The name in the conversation of the tool that searches for tools; the client knows its type."""


class ClientTool(Struct, frozen=True):
    """A tool as the client knows it. ``encrypts``: OpenAI would encrypt members of its input for
    the client to pass on; the client is told that here nothing is.
    """

    name: str
    namespace: str | None = None
    kind: ToolKind = "function"
    encrypts: bool = False

    @property
    def flat(self) -> str:
        """The name in the conversation, where names have one part."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


class Offer(Struct, frozen=True):
    """The tools of a request. ``client_tools`` has them by the names of ``tools``; ``echo`` has the
    entries of the request that are offered, for the answer to repeat. ``hosted`` are those of the
    tools that the gateway runs.
    """

    tools: tuple[Tool, ...]
    client_tools: dict[str, ClientTool]
    echo: tuple[dict[str, Any], ...]
    hosted: tuple[HostedTool, ...] = ()


class FunctionTool(Tagged, frozen=True, tag="function"):
    """A tool that takes a JSON object."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


class Grammar(custom_tools.Grammar, frozen=True, tag_field="type", tag="grammar"):
    """The grammar of a custom tool's text."""


class CustomTool(Tagged, frozen=True, tag="custom"):
    """A tool that takes free text."""

    name: Name
    description: str | None = None
    format: custom_tools.FreeText | Grammar | None = None
    defer_loading: bool | None = None


class ToolSearch(Tagged, frozen=True, tag="tool_search"):
    """Searches for tools that are not offered yet; the client runs it if ``execution`` says so."""

    execution: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Namespace(Tagged, frozen=True, tag="namespace"):
    """Tools under a common name."""

    name: Name
    tools: list[dict[str, Any]]
    description: str | None = None


_SINGLE: dict[str, type[FunctionTool | CustomTool]] = {
    "function": FunctionTool,
    "custom": CustomTool,
}
_OTHERS: dict[str, type[ToolSearch | Namespace]] = {
    "tool_search": ToolSearch,
    "namespace": Namespace,
}


class Declared(Struct, frozen=True):
    """A tool as the model is told of it, and as the client knows it, both without what depends on
    its place. ``deferred``: the client would have it loaded later.
    """

    tool: Tool
    known: ClientTool
    deferred: bool = False


class ToolReader:
    """Reads the declared tools: first those of the request, then those that items add."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._tools: dict[str, Tool] = {}
        self._client_tools: dict[str, ClientTool] = {}
        self._echo: list[dict[str, Any]] = []
        self._names: set[str] = set()  # in the list being read
        self._found = False
        self._place: Path = ()  # of the tool being read
        self._search: web_search.Search | None = None

    def declare(
        self, declared: Sequence[dict[str, Any]], *where: str | int, found: bool = False
    ) -> None:
        """Read one list of tools; they replace tools of the same name in earlier lists. ``found``:
        the client searched for them, so they are loaded now, and may have been found twice.

        Raises :class:`FieldError` with ``where`` before the path inside ``declared``.
        """
        self._names.clear()
        self._found = found
        for index, raw in enumerate(declared):
            self._place = (*where, index)
            try:
                if self._read(raw):
                    self._echo.append(raw)
            except FieldError as error:
                raise error.under(*where, index) from None

    def offer(self, **limits: Any) -> Offer:
        """The tools declared so far; ``limits`` as in :meth:`.web_search.Search.offered`."""
        tools, echo = tuple(self._tools.values()), tuple(self._echo)
        if self._search is None:
            return Offer(tools, self._client_tools, echo)
        tool, hosted = self._search.offered(self._tools, **limits)
        return Offer((*tools, tool), self._client_tools, echo, (hosted,))

    def _read(self, raw: dict[str, Any], within: Namespace | None = None) -> bool:
        """Read one tool or namespace; says whether it is offered."""
        kind = raw.get("type")
        if not isinstance(kind, str):
            problem = "Field required" if kind is None else "Input should be a valid string"
            raise FieldError(("type",), problem)
        if web_search.is_type(kind) and not within:
            search = web_search.read(raw, self._record)
            self._search = search or self._search
            return search is not None
        if kind in _SINGLE:
            self._add(_declared(raw, self._record), within)
            return True
        form = _OTHERS.get(kind)
        if form is None or (within and form is Namespace):
            self._record.ignore(kind)
            return False
        tool = convert(raw, form)
        if isinstance(tool, ToolSearch) and (within or tool.execution != "client"):
            self._record.ignore(kind)
            return False
        ignore_unknown(tool, raw, self._record)
        if isinstance(tool, Namespace):
            return self._read_all(tool)
        self._add(_client_search(tool))
        return True

    def _read_all(self, namespace: Namespace) -> bool:
        offered, place = False, self._place
        for index, raw in enumerate(namespace.tools):
            self._place = (*place, "tools", index)
            try:
                offered |= self._read(raw, namespace)
            except FieldError as error:
                raise error.under("tools", index) from None
        return offered

    def _add(self, declared: Declared, within: Namespace | None = None) -> None:
        own, known, deferred = declared.tool, declared.known, declared.deferred
        if own.strict:
            own = replace(own, field=openai.dotted((*self._place, "parameters")))
        if within:
            known = replace(known, namespace=within.name)
        if deferred and not self._found:
            self._record.ignore("defer_loading")
        name = known.flat
        if name in self._names and not self._found:
            raise FieldError(("name",), f"Tool names must be unique; {name!r} is declared twice")
        self._names.add(name)
        if within:
            described = "\n\n".join(filter(None, (within.description, own.description)))
            own = replace(own, name=name, description=described)
        self._tools[name] = own
        self._client_tools[name] = known


def _read_declared(raw: dict[str, Any], record: Record) -> Declared:
    tool = convert(raw, _SINGLE[raw["type"]])
    ignore_unknown(tool, raw, record)
    deferred = bool(getattr(tool, "defer_loading", False))
    if isinstance(tool, CustomTool):
        return Declared(_custom(tool), ClientTool(tool.name, kind="custom"), deferred)
    return _function(tool, deferred)


_declared = ReadOnce(_read_declared)


def _client_search(tool: ToolSearch) -> Declared:
    own = Tool(TOOL_SEARCH, tool.description or "", tool.parameters or {})
    return Declared(own, ClientTool(TOOL_SEARCH, kind="tool_search"))


def _function(tool: FunctionTool, deferred: bool) -> Declared:
    schema = tool.parameters or {}
    plain = _plain(schema)
    own = Tool(tool.name, tool.description or "", plain, strict=bool(tool.strict))
    return Declared(own, ClientTool(tool.name, encrypts=plain is not schema), deferred)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the keyword ``encrypted``, with which Codex marks the members that OpenAI
    encrypts; the same object if it has none.
    """
    members = schema.get("properties")
    if not isinstance(members, dict):
        return schema
    marked = {
        name: {key: value for key, value in member.items() if key != "encrypted"}
        for name, member in members.items()
        if isinstance(member, dict) and member.get("encrypted") is True
    }
    return schema | {"properties": members | marked} if marked else schema


def _custom(tool: CustomTool) -> Tool:
    grammar = tool.format if isinstance(tool.format, Grammar) else None
    return custom_tools.offered(tool.name, tool.description, grammar)


class Chosen(Struct, frozen=True):
    """``tools`` are those that may be called; ``echo`` is the choice as the answer repeats it."""

    tools: tuple[Tool, ...]
    choice: ToolChoice
    echo: str | dict[str, Any] = "auto"


def choice(wanted: str | dict[str, Any] | None, offer: Offer, record: Record) -> Chosen:
    """Which tool the model must call. Raises :class:`FieldError`, with the path from the body's
    root, for a tool that is not offered, or was ignored.
    """
    try:
        if wanted is None:
            return Chosen(offer.tools, ToolChoice())
        if len(encode(wanted)) > LONGEST_CHOICE:
            raise FieldError((), f"Input should have at most {LONGEST_CHOICE} bytes of JSON")
        if isinstance(wanted, str):
            return _by_mode(wanted, offer.tools, wanted)
        if wanted.get("type") in ("function", "custom"):
            named = convert(wanted, NamedTool)
            return Chosen(offer.tools, openai.named_choice(_flat(named), offer.tools), wanted)
        if web_search.is_type(wanted.get("type")) and offer.hosted:
            return Chosen(offer.tools, ToolChoice("tool", offer.hosted[0].name), wanted)
        if wanted.get("type") == "allowed_tools":
            return _allowed(wanted, offer, record)
        raise FieldError(("type",), NOTHING_TO_CALL)
    except FieldError as error:
        raise error.under("tool_choice") from None


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


def _by_mode(mode: str, tools: tuple[Tool, ...], echo: str | dict[str, Any]) -> Chosen:
    return Chosen(tools, openai.mode_choice(mode, tools), echo)


def _allowed(wanted: dict[str, Any], offer: Offer, record: Record) -> Chosen:
    allowed = convert(wanted, AllowedTools)
    names = set(_names(allowed.tools, offer, record))
    tools = tuple(tool for tool in offer.tools if tool.name in names)
    return _by_mode(allowed.mode, tools, wanted)


def _names(entries: Iterable[dict[str, Any]], offer: Offer, record: Record) -> Iterable[str]:
    """The flat names of the allowed tools; a tool that is not offered is ignored by its name."""
    client_tools = offer.client_tools
    for index, raw in enumerate(entries):
        if web_search.is_type(raw.get("type")) and offer.hosted:
            yield offer.hosted[0].name
            continue
        if raw.get("type") == TOOL_SEARCH and TOOL_SEARCH in client_tools:
            yield TOOL_SEARCH
            continue
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
