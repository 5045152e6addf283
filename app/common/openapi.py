"""An OpenAPI 3.2 description of HTTP operations, made from the types of their bodies.

A request's type is the one that its requests are read with, so its description cannot be another.
The dialects make their answers from the types of answers, so those cannot differ either.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

JSON, STREAM, TEXT = "application/json", "text/event-stream", "text/plain"

Schema = dict[str, Any]


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """An object with these members and no others: the base of the types of answers."""


class Operation(Struct, frozen=True, kw_only=True):
    """One operation; ``id`` is unique in the description.

    ``answers`` are the types of a successful answer, by media type, each with an example: a value
    of that type. ``events`` are the types of the JSON in a stream's events, ``sentinel`` is the
    last event if it is not JSON. ``request`` is the type of the body, ``example`` a body.
    ``query`` and ``place`` are the schemas of parameters in the query and in the path, by name.
    ``unavailable`` is the type of a 503 that is an answer, with an example.
    ``needs_key``: other clients are refused; ``fails``: it can be refused at all.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    answers: Mapping[str, tuple[Any, Any]]
    events: Sequence[Any] = ()
    sentinel: str = ""
    request: type | None = None
    example: Schema | None = None
    query: Mapping[str, Schema] = {}
    place: Mapping[str, Schema] = {}
    unavailable: tuple[Any, Any] | None = None
    needs_key: bool = True
    fails: bool = True


class Group(Struct, frozen=True, kw_only=True):
    """Operations that fail in the same way: ``errors`` are the possible types of the body,
    ``failures`` the meaning of each status.
    """

    name: str
    operations: Sequence[Operation]
    errors: Sequence[type]
    failures: Mapping[int, str]


def describe(
    title: str, version: str, groups: Sequence[Group], key_headers: Sequence[str]
) -> Schema:
    """The description as plain values. A client's key may come in any of ``key_headers``."""
    schemes = {name.lower(): _security(name) for name in key_headers}
    paths: Schema = {}
    schemas: Schema = {}
    for group in groups:
        names = _Names(group)
        schemas |= names.schemas
        for operation in group.operations:
            described = _operation(group, operation, names)
            paths.setdefault(operation.path, {})[operation.method] = described
    return {
        "openapi": "3.2.0",
        "info": {"title": title, "version": version},
        "security": [{name: []} for name in schemes],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes},
    }


def _security(header: str) -> Schema:
    if header.lower() == "authorization":
        return {"type": "http", "scheme": "bearer"}
    return {"type": "apiKey", "in": "header", "name": header}


class _Names:
    """The schemas of a group's types, each under the group's name and its own."""

    def __init__(self, group: Group) -> None:
        types = list(dict.fromkeys(_types(group)))
        prefix = f"{group.name.replace(' ', '')}."
        described, components = msgspec.json.schema_components(
            types, ref_template=f"#/components/schemas/{prefix}{{name}}"
        )
        self.schemas = {prefix + name: schema for name, schema in components.items()}
        self._of: dict[Any, Schema] = dict(zip(types, described, strict=True))

    def __getitem__(self, wanted: Any) -> Schema:
        return self._of[wanted]

    def one_of(self, wanted: Sequence[Any]) -> Schema:
        """The schema of a value of any of these types."""
        schemas = [self[one] for one in wanted]
        return {"anyOf": schemas} if len(schemas) > 1 else schemas[0]


def _types(group: Group) -> Iterator[Any]:
    yield from group.errors
    for operation in group.operations:
        yield from (kind for kind, _ in operation.answers.values())
        yield from operation.events
        if operation.unavailable is not None:
            yield operation.unavailable[0]
        if operation.request is not None:
            yield operation.request


def _operation(group: Group, operation: Operation, names: _Names) -> Schema:
    answers: Schema = {
        media: {"schema": names[kind], "example": msgspec.to_builtins(example)}
        for media, (kind, example) in operation.answers.items()
    }
    if operation.events:
        payload = names.one_of(operation.events)
        answers[STREAM] = {"itemSchema": _event(payload, operation.sentinel)}
    described: Schema = {
        "tags": [group.name],
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "responses": {"200": {"description": "The answer.", "content": answers}},
    }
    if operation.request is not None:
        content = {JSON: {"schema": names[operation.request], "example": operation.example}}
        described["requestBody"] = {"required": True, "content": content}
    if parameters := [
        *_parameters("path", operation.place),
        *_parameters("query", operation.query),
    ]:
        described["parameters"] = parameters
    if not operation.needs_key:
        described["security"] = []
    if operation.unavailable is not None:
        kind, example = operation.unavailable
        content = {JSON: {"schema": names[kind], "example": msgspec.to_builtins(example)}}
        described["responses"]["503"] = {"description": "Not now.", "content": content}
    if operation.fails:
        described["responses"] |= _failures(group, names)
    return described


def _event(payload: Schema, sentinel: str) -> Schema:
    """One event of a stream, which to OpenAPI is an object with a member for each field."""
    data: Schema = {
        "type": "string",
        "contentMediaType": JSON,
        "contentSchema": payload,
    }
    if sentinel:
        data = {"anyOf": [{"const": sentinel}, data]}
    return {"type": "object", "properties": {"data": data}, "required": ["data"]}


def _failures(group: Group, names: _Names) -> Schema:
    content = {JSON: {"schema": names.one_of(group.errors)}}
    return {
        str(status): {"description": words, "headers": _RETRY, "content": content}
        for status, words in sorted(group.failures.items())
    }


_RETRY = {
    "retry-after": {
        "description": "Seconds to wait before the next attempt.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "x-should-retry": {
        "description": "Whether the same request may succeed later.",
        "schema": {"enum": ["true", "false"]},
    },
}


def _parameters(where: str, schemas: Mapping[str, Schema]) -> Iterator[Schema]:
    for name, schema in schemas.items():
        yield {"name": name, "in": where, "required": where == "path", "schema": schema}
