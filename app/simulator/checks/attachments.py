"""The rules of the images and documents of user messages that their shape cannot state.

Sources: the model of the service for the formats and reasons; other open gateways for the rule of
names, the number of documents and the magic bytes. No source states the highest number of bytes or
pages of a document: the figures here are those of other services for the same models.
"""

import base64
import re
from collections import Counter
from typing import Any

from app.simulator.catalogue.model import SimulatedModel

from . import media
from .body import as_dict, current_user, dicts, history_of
from .rules import Settings
from .shapes import ReportViolation

DOCUMENT_NAME = r"(?!.*\s\s)[a-zA-Z0-9\s()\[\]_-]{1,200}"
SIDE_MAX = 8000
PAGES_MAX, PAGES_MAX_LARGE_WINDOW = 100, 600

_HEAD = 64  # characters of base64 that hold all of an image that is looked at


def check(
    body: dict[str, Any], model: SimulatedModel | None, settings: Settings, report: ReportViolation
) -> None:
    """Report every violation. `model` is None if it is not known."""
    messages = [as_dict(entry.get("userInputMessage")) for entry in history_of(body)]
    messages.append(current_user(body))
    counts = [0]
    names: Counter[str] = Counter()
    for message in messages:
        if settings.media_bytes:
            for image in dicts(message.get("images")):
                _check_image(image, report)
        documents = dicts(message.get("documents"))
        counts.append(len(documents))
        names.update(str(document.get("name")) for document in documents)
        for document in documents:
            _check_name(document, report)
            if settings.media_bytes:
                _check_document(document, model, report)
    most = max(counts) if settings.documents_per == "message" else sum(counts)
    if most > settings.documents:
        report(
            "document-count",
            f"{most} documents in one {settings.documents_per}; allowed are {settings.documents}",
        )
    if any(count > 1 for count in names.values()):
        report("document-names-unique", "two documents have the same name")
    if names and model is not None and not model.reads_files:
        report("document-model", f"{model.id} reads no documents")


def _check_image(image: dict[str, Any], report: ReportViolation) -> None:
    head = _decoded(image, _HEAD)
    is_of_format = media.IMAGES.get(str(image.get("format")))
    if head is None or is_of_format is None:
        return  # the shape reports it
    if not is_of_format(head):
        report("image-magic", f"the bytes of an image are not {image['format']}")
    side = media.longest_side(head)
    if side is not None and side > SIDE_MAX:
        report("image-dimensions", f"an image is {side} pixels long; allowed are {SIDE_MAX}")


def _check_name(document: dict[str, Any], report: ReportViolation) -> None:
    name = document.get("name")
    if isinstance(name, str) and not re.fullmatch(DOCUMENT_NAME, name):
        report("document-name", "the name of a document has a character that is not allowed")


def _check_document(
    document: dict[str, Any], model: SimulatedModel | None, report: ReportViolation
) -> None:
    kind = document.get("format")
    data = _decoded(document)
    is_of_format = media.DOCUMENTS.get(str(kind))
    if data is None or is_of_format is None:
        return  # the shape reports it
    if not is_of_format(data):
        report("document-format", f"the bytes of a document are not {kind}")
    if kind != "pdf":
        return
    if media.is_encrypted(data):
        report("document-password", "a pdf is encrypted")
    most = PAGES_MAX if model and model.window <= 200_000 else PAGES_MAX_LARGE_WINDOW
    if media.pages(data) > most:
        report("document-pages", f"a pdf has {media.pages(data)} pages; allowed are {most}")


def _decoded(member: dict[str, Any], characters: int | None = None) -> bytes | None:
    encoded = as_dict(member.get("source")).get("bytes")
    if not isinstance(encoded, str):
        return None
    try:
        return base64.b64decode(encoded[:characters])
    except ValueError:
        return None
