"""What the gateway does with each field of a request: the rows of the dialects' tables.

Each dialect has a table ``FIELDS`` (its ``fields.py``), by paths such as
``messages.content[image].source[url]``: the variants of a union are told apart by their ``type`` or
``role``, and ``*`` stands for any part of a path. A row holds for everything below its path too; a
row of something inside can only say otherwise if the outer one does not refuse or ignore the whole.
**A field without a row is honoured**: its types declare it, and what they do not declare is
ignored, so that a field that is new in an SDK needs a row, or a type.
Tests try every field of the SDKs' types against the table, and ``docs/compatibility.md`` prints it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["honoured", "emulated", "refused", "ignored"]


class Support(Struct, frozen=True):
    """``how`` is a sentence: how a field is emulated, why it is refused, or what makes it
    impossible to do more than ignore it. ``named`` is its name in ``x-kiro-ignored``, "" for the
    last name of its path (the type, if the path ends with one).
    """

    kind: Kind
    how: str
    named: str = ""


Fields: TypeAlias = Mapping[str, Support]


def honoured(how: str) -> Support:
    """For what needs a word of explanation; fields without a row are honoured too."""
    return Support("honoured", how)


def emulated(how: str) -> Support:
    """The gateway does what the upstream has no means for."""
    return Support("emulated", how)


def refused(why: str) -> Support:
    """A 400 that names the field."""
    return Support("refused", why)


def ignored(why: str, named: str = "") -> Support:
    """Has no effect, and is named in ``x-kiro-ignored``."""
    return Support("ignored", why, named)


def row_of(path: str, fields: Fields) -> str:
    """The pattern of the row that holds for a field, "" if none does."""
    found = ""
    for end in (*(place.start() for place in re.finditer(r"[.\[]", path)), len(path)):
        rows = [pattern for pattern in fields if _expression(pattern).fullmatch(path, 0, end)]
        found = max(rows, key=len, default=found)
        if rows and fields[found].kind in ("refused", "ignored"):
            return found
    return found


def name_of(pattern: str, support: Support) -> str:
    """How ``x-kiro-ignored`` names what a row is about."""
    return support.named or re.split(r"[.\[*]", pattern.removesuffix("]"))[-1]


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


# Reasons that the dialects share

NO_SAMPLING = (
    "The service has no member for how tokens are sampled, and refuses unknown ones. The range is"
    " checked."
)
NO_CACHE_MARKS = (
    "The service caches prompts by itself, and has no marks for what to cache or for how long."
)
NO_TIERS = "The service has no choice of tiers, and refuses the member."
NO_PLACES = "The service has no choice of the place where it computes."
NO_FETCH = "The gateway fetches no pages."
SEARCHED = (
    "The gateway searches the web through the service (docs/decisions/0036): one more call of the"
    " model for each search."
)
FETCHED = "With `KIRO_FETCH_URLS=1` it is fetched, from public addresses; otherwise refused."
RUNS_AT_MAKER = "A tool that runs at the API's maker, which the service does not have."
HISTORY = "Comes back from an earlier answer, and asks for nothing."
"""For members that a client repeats."""
NO_CITATIONS = (
    "The service's models are not made to cite. Pages of a search of the web are cited, and what an"
    " assistant cited is read."
)
NO_CALLERS = "Only the model itself calls tools here."
BY_MODEL = "As far as the model has it: the nearest that it has is listed in x-kiro-repairs."
"""For what depends on the model."""
NOTHING_TO_CALL = (
    "It asks for a call, but no tool is offered that can be called here; offer one, or use auto"
)
"""The problem of a choice that nothing can fulfil."""

FORCED = (
    "Only the allowed tools are offered, and a directive at the end of the last turn asks for the"
    " call. An answer without it is asked for once more; if that has none either, it is an error."
)
BY_TOOL = (
    "The model is offered a tool whose input is the answer, and the client gets that input as text."
    " It is checked against the schema and asked for once more; what still fails is an error."
)
STRICT = (
    "Arguments are checked against the schema before the client gets the call, and asked for once"
    " more; what still fails is an error."
)
EDITED = "The gateway edits the history as the API does."
SUMMARIZED = "The gateway asks the model for a summary, which then stands for what came before."
COUNTED = (
    "Sent to models whose requests have it; for others the gateway counts and ends the answer"
    " (docs/decisions/0032)."
)
WATCHED = "The gateway reads the text and ends the answer; the sequence is not sent."
ONE_CALL = "The gateway ends the answer after its first complete call."
