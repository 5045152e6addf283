"""Reads a JSON request body into a typed model; says what was wrong with it, and what it held that
the model does not know.

A body is decoded once into plain values and then converted, so that the members no model has a
place for can be named afterwards. The models are msgspec structs of what is understood; a member
is unknown when its object became a struct without a field of that name. What stands inside a field
typed ``Any`` or ``dict`` is the client's own and is not looked into.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from .lenient_json import without_halves

NotEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
Path: TypeAlias = tuple[str | int, ...]
TOO_DEEP = "The request body is nested too deeply"
_Model = TypeVar("_Model")


class Tagged(Struct, frozen=True, tag_field="type", gc=False):
    """One of several forms of an object, told apart by its ``type``."""


class FieldError(Exception):
    """The member at ``path`` (keys and indexes from the body's root) is wrong; ``problem`` says
    how.

    Code that looks at a part of the body raises it with the path inside that part; whoever called
    it adds where the part stands, by :meth:`under`.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def under(self, *prefix: str | int) -> "FieldError":
        """The same error, seen from further out."""
        return FieldError(prefix + self.path, self.problem)


class Record:
    """What the reading of one request ignored, and what it rewrote: names, each once, in order."""

    def __init__(self) -> None:
        self.ignored: dict[str, None] = {}
        self.notes: dict[str, None] = {}

    def ignore(self, name: str) -> None:
        """What of that name has no effect."""
        self.ignored[name] = None

    def note(self, name: str) -> None:
        """What was rewritten, by a word for it."""
        self.notes[name] = None


def decode(raw: bytes, record: Record) -> dict[str, Any]:
    """The body as plain values. Raises :class:`FieldError` if it is no JSON object."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        mended = without_halves(raw)
        if mended == raw:
            raise FieldError((), f"The request body is not valid JSON: {error}") from None
        record.note("half_surrogates_replaced")
        return decode(mended, record)
    except RecursionError:
        raise FieldError((), TOO_DEEP) from None
    if not isinstance(body, dict):
        raise FieldError((), "The request body must be a JSON object")
    return body


def convert(value: Any, model: type[_Model]) -> _Model:
    """``value`` as a ``model``: a struct, or one of a union of structs. Raises :class:`FieldError`
    for the first member that is wrong.
    """
    union = not isinstance(model, type)
    try:
        if not union:
            return msgspec.convert(value, model)
        form: Any = model
        held: _Model = msgspec.convert({"held": value}, _holder(form)).held
        return held
    except msgspec.ValidationError as error:
        found = _field_error(str(error))
        path = found.path[1:] if union else found.path
        if _FLOAT.fullmatch(str(error)) and _made_integer(value, path):
            return convert(value, model)
        raise FieldError(path, found.problem) from None


def _made_integer(value: Any, path: Path) -> bool:
    """Whether the float at ``path`` is an integer written ``4096.0``, which JSON Schema and the
    APIs take for one, and msgspec does not. It is one now.
    """
    *way, last = path
    for step in way:
        value = value[step]
    if not (value[last].is_integer() and abs(value[last]) < _EXACT):
        return False
    value[last] = int(value[last])
    return True


@cache
def _holder(model: Any) -> Any:
    """msgspec works out once what it needs of a struct, and each time what it needs of a union."""
    return msgspec.defstruct("_Holder", [("held", model)])


def ignore_unknown(node: Struct, value: Mapping[str, Any], record: Record) -> None:
    """Records as ignored each name in ``value`` that ``node``, made from it, has no field for, at
    any depth.
    """
    _ignore_unknown((node,), (value,), record)


def _ignore_unknown(nodes: Sequence[Any], values: Sequence[Any], record: Record) -> None:
    for node, value in zip(nodes, values):  # noqa: B905 # the ones were made from the others
        knows, nested = _shapes[type(node)]
        if not knows(value):
            for name in value:
                if not knows((name,)):
                    record.ignore(name)
        for name in nested:
            inner = value.get(name)
            if type(inner) is list:
                _ignore_unknown(getattr(node, name), inner, record)
            elif type(inner) is dict:
                _ignore_unknown((getattr(node, name),), (inner,), record)


class _Shape(NamedTuple):
    """``knows`` tells whether all names that it is given are members of the model; ``nested`` are
    those whose values may be structs again.
    """

    knows: Callable[[Iterable[str]], bool]
    nested: tuple[str, ...] = ()


class _Shapes(dict[type, _Shape]):
    """By type, worked out when first asked for. What is no struct has no unknown members."""

    def __missing__(self, kind: type) -> _Shape:
        shape = _shape(kind) if issubclass(kind, Struct) else _Shape(lambda _: True)
        self[kind] = shape
        return shape


_shapes = _Shapes()


def _shape(model: type[Struct]) -> _Shape:
    fields = msgspec.structs.fields(model)
    tag = model.__struct_config__.tag_field
    names = {field.encode_name for field in fields} | ({tag} if tag else set())
    nested = tuple(field.name for field in fields if _may_hold_struct(field.type))
    return _Shape(frozenset(names).issuperset, nested)


def _may_hold_struct(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return True
    return any(_may_hold_struct(argument) for argument in get_args(annotation))


_EXACT = 2**53
"""From here on a float does not tell which integer was meant."""

_TYPE_NAMES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "list",
    "object": "object",
}


def _wrong_type(expected: str) -> str:
    names = [_TYPE_NAMES[name] for name in expected.split(" | ") if name in _TYPE_NAMES]
    return f"Input should be a valid {' or '.join(names)}"


def _shortened(value: str) -> str:
    return value if len(value) <= 80 else f"{value[:80]}..."


# msgspec tells its findings only as text: each row reads one kind of them, as (pattern, the problem
# in our words).
_FINDINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Object missing required field `\w+`"), lambda _: "Field required"),
    (re.compile(r"Expected `(.+?)`, got `.+`"), lambda found: _wrong_type(found[1])),
    (
        re.compile(r"Expected `\w+` >= (\S+)"),
        lambda found: f"Input should be greater than or equal to {found[1]}",
    ),
    (
        re.compile(r"Expected `\w+` <= (\S+)"),
        lambda found: f"Input should be less than or equal to {found[1]}",
    ),
    (
        re.compile(r"Expected `\w+` of length >= (\d+)"),
        lambda found: f"Input should have a length of at least {found[1]}",
    ),
    (
        re.compile(r"Invalid value (.*)", re.DOTALL),
        lambda found: f"{_shortened(found[1])} is not supported here",
    ),
)
_LOCATED = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)
_FLOAT = re.compile(r"Expected `int.*`, got `float` - at `\$(\.\w+|\[\d+\])+`")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
"""What is wrong inside a dict stands at ``[...]``, which names no member: the dict's path is told.
"""


def _field_error(text: str) -> FieldError:
    located = _LOCATED.fullmatch(text)
    finding, where = located.groups() if located else (text, "")
    path: Path = tuple(name or int(index) for name, index in _STEP.findall(where))
    if missing := _MISSING.fullmatch(finding):
        path += (missing[1],)
    for pattern, problem in _FINDINGS:
        if found := pattern.fullmatch(finding):
            return FieldError(path, problem(found))
    return FieldError(path, finding)
