"""Reads a JSON request body into a typed model and reports wrong and unknown members.

A body is decoded once into plain values and then converted, so that members the model lacks can be
named afterwards. The models are msgspec structs of what a dialect understands; a member is unknown
if its object became a struct without a field of that name. Values of fields typed ``Any`` or
``dict`` are free-form and not inspected.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from .json_limits import UNCHECKED, Allowance, TooMuch, check, read_float
from .lenient_json import replace_lone_surrogates

# What a client names is repeated in answers, headers and log lines, so its length is bounded. The
# APIs themselves allow 64 to 128 characters for the name of a tool and about as many for an id;
# some clients pack a signature of several KB into an id.
LONGEST_LABEL = 1024
Label: TypeAlias = Annotated[str, Meta(max_length=LONGEST_LABEL)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=65536)]
Path: TypeAlias = tuple[str | int, ...]
Decode: TypeAlias = Callable[[bytes], Any]
decode_plain = msgspec.json.Decoder(float_hook=read_float).decode
TOO_DEEP = "The request body is nested too deeply"
_Model = TypeVar("_Model")


class Tagged(Struct, frozen=True, tag_field="type", gc=False):
    """One variant of an object, selected by its member ``type``."""


class FieldError(Exception):
    """The member at ``path`` (keys and indexes from the body's root) is wrong; ``problem`` says
    how.

    Code that reads one part of the body raises it with a path inside that part; its caller adds
    the path of the part with :meth:`under`.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def under(self, *prefix: str | int) -> "FieldError":
        """The same error with its path under ``prefix``."""
        return FieldError(prefix + self.path, self.problem)


def label(value: str, name: str) -> str:
    """The value of the header ``name``. Raises :class:`FieldError` if it is too long."""
    if len(value) > LONGEST_LABEL:
        raise FieldError((name,), f"Input should have a length of at most {LONGEST_LABEL}")
    return value


class Record:
    """What parsing one request ignored and what it rewrote: names, each once, in order. ``size`` is
    that of its body in bytes. ``place`` is where the part stands that is being read.
    ``summarized``: a summary was read, which stands for turns before it.
    """

    def __init__(self) -> None:
        self.ignored: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.size = 0
        self.place: Path = ()
        self.summarized = False
        self._nested = Allowance()  # for JSON in strings of a large body

    def ignore(self, name: str) -> None:
        """Record that the member or feature ``name`` has no effect."""
        self.ignored[name] = None

    def note(self, name: str) -> None:
        """Record a rewrite, by its name."""
        self.notes[name] = None

    def check_nested(self, text: str) -> None:
        """Raises :class:`FieldError` if ``text``, JSON inside a string of the body, is beyond the
        limits. Only a large body can hold so much.
        """
        if self.size > UNCHECKED:
            try:
                self._nested.check(text)
            except TooMuch as error:
                raise _too_much(error) from None


def _too_much(error: TooMuch) -> FieldError:
    return FieldError((), f"The request body has {error}; send less")


def decode(raw: bytes, record: Record, plain: Decode = decode_plain) -> dict[str, Any]:
    """The body as plain values, made by ``plain``. Raises :class:`FieldError` if it is not a JSON
    object, or beyond the limits of :mod:`.json_limits`.
    """
    record.size = len(raw)
    try:
        check(raw)
        body = plain(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        mended = replace_lone_surrogates(raw)
        if mended == raw:
            raise FieldError((), f"The request body is not valid JSON: {error}") from None
        record.note("half_surrogates_replaced")
        return decode(mended, record, plain)
    except TooMuch as error:
        raise _too_much(error) from None
    except RecursionError:
        raise FieldError((), TOO_DEEP) from None
    if not isinstance(body, dict):
        raise FieldError((), "The request body must be a JSON object")
    return body


def convert(value: Any, model: type[_Model]) -> _Model:
    """Convert ``value`` to ``model``, a struct type or a union of struct types. Raises
    :class:`FieldError` for the first wrong member.
    """
    union = not isinstance(model, type)
    try:
        if not union:
            return msgspec.convert(value, model)
        form: Any = model
        wrapped: _Model = msgspec.convert({"wrapped": value}, _wrapper(form)).wrapped
        return wrapped
    except msgspec.ValidationError as error:
        found = _field_error(str(error))
        path = found.path[1:] if union else found.path
        if _FLOAT.fullmatch(str(error)) and _made_integer(value, path):
            return convert(value, model)
        raise FieldError(path, found.problem) from None


def _made_integer(value: Any, path: Path) -> bool:
    """Replace a float such as ``4096.0`` at ``path`` by the integer it stands for; False if it is
    no integer. JSON Schema and the APIs accept such integers, msgspec does not.
    """
    *parents, last = path
    for step in parents:
        value = value[step]
    if not (value[last].is_integer() and abs(value[last]) < _EXACT):
        return False
    value[last] = int(value[last])
    return True


@cache
def _wrapper(model: Any) -> Any:
    """A struct around a union: msgspec caches what it derives from a struct type, but analyses a
    bare union on every call.
    """
    return msgspec.defstruct("_Wrapper", [("wrapped", model)])


def ignore_unknown(node: Struct, value: Mapping[str, Any], record: Record) -> None:
    """Record as ignored every name in ``value`` for which ``node``, the struct made from it, has no
    field, at any depth. One that is null or empty asks for nothing and is not recorded.
    """
    ignore_all_unknown((node,), (value,), record)


def ignore_all_unknown(nodes: Sequence[Any], values: Sequence[Any], record: Record) -> None:
    """As :func:`ignore_unknown`, for the structs that were made from these values."""
    for node, value in zip(nodes, values):  # noqa: B905 # the nodes were made from the values
        knows, nested = _struct_infos[type(node)]
        if not knows(value):
            for name in value:
                if not knows((name,)) and value[name] not in _NOTHING:
                    record.ignore(name)
        for name in nested:
            inner = value.get(name)
            if type(inner) is list:
                ignore_all_unknown(getattr(node, name), inner, record)
            elif type(inner) is dict:
                ignore_all_unknown((getattr(node, name),), (inner,), record)


_NOTHING: tuple[Any, ...] = (None, [], {})


class _StructInfo(NamedTuple):
    """``knows``: whether all given names are members of the struct. ``nested``: the fields whose
    values may hold structs.
    """

    knows: Callable[[Iterable[str]], bool]
    nested: tuple[str, ...] = ()


class _StructInfos(dict[type, _StructInfo]):
    """By type, computed on first use. A value that is not a struct has no unknown members."""

    def __missing__(self, kind: type) -> _StructInfo:
        info = _struct_info(kind) if issubclass(kind, Struct) else _StructInfo(lambda _: True)
        self[kind] = info
        return info


_struct_infos = _StructInfos()


def _struct_info(model: type[Struct]) -> _StructInfo:
    fields = msgspec.structs.fields(model)
    tag = model.__struct_config__.tag_field
    names = {field.encode_name for field in fields} | ({tag} if tag else set())
    nested = tuple(field.name for field in fields if _may_hold_struct(field.type))
    return _StructInfo(frozenset(names).issuperset, nested)


def _may_hold_struct(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return True
    return any(_may_hold_struct(argument) for argument in get_args(annotation))


_EXACT = 2**53
"""From here on a float does not identify one integer."""

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


# msgspec documents no structured form of its validation errors, only their text ("<problem> - at
# `$.path`"). Each row is (a pattern of the problem, the problem in our words). If msgspec rewords a
# message, clients get msgspec's own words; tests/core/test_typed_json.py covers every row.
_FINDINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Object missing required field `\w+`"), lambda _: "Field required"),
    (re.compile(r"Expected `(.+?)`, got `.+`"), lambda match: _wrong_type(match[1])),
    (
        re.compile(r"Expected `\w+` >= (\S+)"),
        lambda match: f"Input should be greater than or equal to {match[1]}",
    ),
    (
        re.compile(r"Expected `\w+` <= (\S+)"),
        lambda match: f"Input should be less than or equal to {match[1]}",
    ),
    (
        re.compile(r"Expected `\w+` of length >= (\d+)"),
        lambda match: f"Input should have a length of at least {match[1]}",
    ),
    (
        re.compile(r"Expected `\w+` of length <= (\d+)"),
        lambda match: f"Input should have a length of at most {match[1]}",
    ),
    (
        re.compile(r"Invalid value (.*)", re.DOTALL),
        lambda match: f"{_shortened(match[1])} is not supported here",
    ),
)
_LOCATED = re.compile(r"(.*) - at (?:`key` in )?`\$(.*)`", re.DOTALL)
_FLOAT = re.compile(r"Expected `int.*`, got `float` - at `\$(\.\w+|\[\d+\])+`")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
"""An error inside a dict is located at ``[...]``, which names no member, so the path ends at the
dict.
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
