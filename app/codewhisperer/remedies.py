"""What is changed after a refusal, for one more try of the same call.

:data:`REMEDIES` is the complete table. A remedy is tried once per call, and only before any content
was delivered. One that helped is remembered, so that the next call starts with it: for the account
and the model, or for the conversation, since its later turns hold what was refused too. What a
remedy leaves out is listed like anything else that was rewritten or ignored.

Sources: the reasons in the service model; the retries of the Amazon Q CLI; published answers of the
service. Two remedies that need to wait are elsewhere: an older host for one that cannot be reached
(:mod:`.service.hosts`), and another profile (:mod:`.service.profiles`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.aws.regions import is_region, region_of
from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation, RedactedThinking, Thinking
from app.models.model import NO_FIELDS, FieldSchema, Generation, Model

from .request.repair.attachments import describe_tool_images, inner_parts, is_document
from .request.repair.parts import drop_thinking
from .request.sent_documents import DOCUMENT_COUNT, IMAGE_REASONS
from .request.simple_schema import simplify
from .service.content_rules import REQUEST_FIELDS, SCHEMA, SIGNATURE
from .service.error_table import IMPROPERLY_FORMED
from .service.hosts import Host, HostChoice

SHORT_DESCRIPTION = 1000
"""Characters of a tool description that every host takes."""

Scope: TypeAlias = Literal["model", "account", "conversation"]
"""What a remedy is remembered for: a model of an account, an account, or a conversation."""


class Course(Struct, frozen=True):
    """How a call is sent: what, and to which host. ``repairs``: what remedies rewrote.

    ``is_usual_host``: other calls for the account should use the host too, if it answers.
    ``earlier_documents``: whether documents of earlier turns are sent.
    """

    conversation: Conversation
    model: Model
    host: Host
    profile_arn: str | None
    max_description: int
    repairs: tuple[str, ...] = ()
    is_usual_host: bool = True
    earlier_documents: bool = True

    def __repr__(self) -> str:
        """Shows no content."""
        return f"<Course to {self.host.chat_url}>"


class Remedy(NamedTuple):
    """A row of the table.

    ``find`` returns what :func:`apply` needs to know (a name, never content), "" if it needs
    nothing, and None if the remedy is not for this error or has nothing to change.
    """

    name: str
    scope: Scope
    find: Callable[[Course, GatewayError, HostChoice], str | None]
    apply: Callable[[Course, str, HostChoice], Course]


class Applied(NamedTuple):
    """A remedy with what it needs to know."""

    remedy: Remedy
    detail: str


def choose(
    course: Course, error: GatewayError, hosts: HostChoice, tried: frozenset[str]
) -> Applied | None:
    """The first remedy for this error that was not tried yet, None if there is none."""
    for remedy in REMEDIES:
        if remedy.name not in tried:
            detail = remedy.find(course, error, hosts)
            if detail is not None:
                return Applied(remedy, detail)
    return None


# Fields that the model's schema does not have after all

_NAMED = re.compile(r"property '(\w+)'")
_MEMBERS: Mapping[str, str] = {  # what a refusal may name, and the member that is left out
    "max_tokens": "max_tokens",
    "minimum value": "max_tokens",
    "maximum value": "max_tokens",
    "display": "display",
    "effort": "effort",
    "output_config": "effort",
    "reasoning": "effort",
    "thinking": "thinking",
    "adaptive": "thinking",
    "disabled": "thinking",
    "between_tools": "thinking",
    "medium": "effort",
}


def _refused_field(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    """The member that the refusal names, by itself or by what is wrong with it."""
    if error.code != REQUEST_FIELDS:
        return None
    said = error.message.partition("The upstream said: ")[2]
    named = _NAMED.search(said)
    text = named[1] if named else said
    for word, member in _MEMBERS.items():
        if word in text and without(course.model.fields, member) != course.model.fields:
            return member
    return None


def without(schema: FieldSchema, member: str) -> FieldSchema:
    """The schema without one member."""
    if member == "thinking":
        return replace(schema, thinking=(), display=())
    if member == "display":
        return replace(schema, display=())
    if member == "effort":
        return replace(schema, efforts=())
    return replace(schema, max_tokens=None)


def _any_fields(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    return "" if error.code == REQUEST_FIELDS and course.model.fields != NO_FIELDS else None


def _drop_field(course: Course, member: str, _: HostChoice) -> Course:
    return _with_fields(course, without(course.model.fields, member))


def _drop_fields(course: Course, _: str, __: HostChoice) -> Course:
    return _with_fields(course, NO_FIELDS)


def _with_fields(course: Course, fields: FieldSchema) -> Course:
    return replace(course, model=replace(course.model, fields=fields))


# Content


def _reasoning(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    if error.code != SIGNATURE:
        return None
    parts = (part for message in course.conversation.messages for part in message.parts)
    return "" if any(isinstance(part, Thinking | RedactedThinking) for part in parts) else None


def _strip_reasoning(course: Course, _: str, __: HostChoice) -> Course:
    conversation = drop_thinking(course.conversation)
    return _repaired(course, "strip-thinking", conversation)


def _schemas(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    if error.code != SCHEMA:
        return None
    return "" if simplify(course.conversation) is not course.conversation else None


def _simplify(course: Course, _: str, __: HostChoice) -> Course:
    return _repaired(course, "simplify-schema", simplify(course.conversation))


def _repaired(course: Course, name: str, conversation: Conversation) -> Course:
    """A remembered remedy may have nothing to do in a later turn."""
    if conversation is course.conversation:
        return course
    return replace(course, conversation=conversation, repairs=(*course.repairs, name))


def _long_descriptions(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    if error.code not in (SCHEMA, IMPROPERLY_FORMED):
        return None
    limit = course.max_description
    longest = max((len(tool.description) for tool in course.conversation.tools), default=0)
    return "" if min(longest, limit) > SHORT_DESCRIPTION else None


def _shorten(course: Course, _: str, __: HostChoice) -> Course:
    """Longer ones are moved to the system text, by the rule of that name."""
    return replace(course, max_description=SHORT_DESCRIPTION)


def _earlier_documents(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    if error.code != DOCUMENT_COUNT or not course.earlier_documents:
        return None
    *earlier, _last = course.conversation.messages
    parts = (part for message in earlier for part in inner_parts(message))
    return "" if any(map(is_document, parts)) else None


def _without_earlier_documents(course: Course, _: str, __: HostChoice) -> Course:
    """The rule ``limit-documents`` then tells the model of the others."""
    return replace(course, earlier_documents=False)


def _images_of_tools(course: Course, error: GatewayError, _: HostChoice) -> str | None:
    """How many messages of the conversation hold what was refused; later images may be good."""
    if not error.code.startswith(IMAGE_REASONS):
        return None
    changed = describe_tool_images(course.conversation, len(course.conversation.messages))
    return None if changed is course.conversation else str(len(course.conversation.messages))


def _describe_images(course: Course, messages: str, _: HostChoice) -> Course:
    conversation = describe_tool_images(course.conversation, int(messages))
    return _repaired(course, "describe-tool-image", conversation)


# Where

_GENERATIONS: tuple[Generation, ...] = ("kiro", "q", "codewhisperer")


def _other_region(course: Course, error: GatewayError, hosts: HostChoice) -> str | None:
    """The region of the account's profile, if the host is in another: the service then finds the
    request malformed.
    """
    region = region_of(course.profile_arn) or course.host.region
    if error.code != IMPROPERLY_FORMED or region == course.host.region or not is_region(region):
        return None
    found = _host_in(region, course.host, hosts)
    return region if found and found.chat_url != course.host.chat_url else None


def _move_to_region(course: Course, region: str, hosts: HostChoice) -> Course:
    return replace(course, host=_host_in(region, course.host, hosts) or course.host)


def _host_in(region: str, like: Host, hosts: HostChoice) -> Host | None:
    same = hosts.of(like.generation, region)
    return same or next((host for g in _GENERATIONS if (host := hosts.of(g, region))), None)


def _older_host(course: Course, error: GatewayError, hosts: HostChoice) -> str | None:
    """The next older generation: the newest hosts may lack a model that an older one serves."""
    if error.kind is not Kind.INVALID_MODEL:
        return None
    return next((host.generation for host in _older(course.host, hosts)), None)


def _older(host: Host, hosts: HostChoice) -> Iterator[Host]:
    older = _GENERATIONS[_GENERATIONS.index(host.generation) + 1 :]
    found = (hosts.of(generation, host.region) for generation in older)
    return (host for host in found if host is not None)


def _move_to_host(course: Course, generation: str, hosts: HostChoice) -> Course:
    found = (host for host in _older(course.host, hosts) if host.generation == generation)
    host = next(found, course.host)
    return replace(course, host=host, is_usual_host=host is course.host)


REMEDIES: tuple[Remedy, ...] = (
    Remedy("drop-field", "model", _refused_field, _drop_field),
    Remedy("drop-fields", "model", _any_fields, _drop_fields),
    Remedy("strip-thinking", "conversation", _reasoning, _strip_reasoning),
    Remedy("simplify-schema", "conversation", _schemas, _simplify),
    Remedy("current-documents", "conversation", _earlier_documents, _without_earlier_documents),
    Remedy("describe-tool-images", "conversation", _images_of_tools, _describe_images),
    Remedy("region-of-profile", "account", _other_region, _move_to_region),
    Remedy("short-descriptions", "conversation", _long_descriptions, _shorten),
    Remedy("older-host", "model", _older_host, _move_to_host),
)
"""In the order in which they are tried: of two for one error, the first is tried first."""
