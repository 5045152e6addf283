"""Which documents a request holds, for the errors that the service answers to them.

The service's reasons do not say which document they mean; its message may.
"""

from collections.abc import Sequence

from msgspec import Struct

from app.common.errors import GatewayError

DOCUMENT_COUNT = "DOCUMENT_COUNT_EXCEEDED"
IMAGE_REASONS = "IMAGE_"
"""How the reasons of refusals because of an image begin."""
REASONS = frozenset(
    {
        "DOCUMENT_MODEL_NOT_SUPPORTED",
        "DOCUMENT_PASSWORD_PROTECTED",
        "DOCUMENT_MAXIMUM_PAGES_EXCEEDED",
        "DOCUMENT_SIZE_EXCEEDED",
        DOCUMENT_COUNT,
        "DOCUMENT_DUPLICATE_NAME",
        "INVALID_DOCUMENT_NAME",
        "DISALLOWED_FILE_TYPE",
    }
)
"""The reasons of refusals because of a document (model of the Kiro runtime service, in the Amazon Q
Developer CLI source)."""


class SentDocument(Struct, frozen=True):
    """A document by the name it is sent under; ``field`` is where the client's body holds it."""

    name: str
    format: str
    field: str

    def __str__(self) -> str:
        return f'{self.format} "{self.name}" ({self.field})'


def name_documents(error: GatewayError, documents: Sequence[SentDocument]) -> None:
    """Add to a refusal because of a document which it can be. Others stay as they are.

    By "could not process pdf" Claude Code knows that it must leave a PDF out to go on.
    """
    if error.code not in REASONS or not documents:
        return
    meant = [document for document in documents if document.name in error.message]
    named = meant if len(meant) == 1 else documents
    names = " or ".join(map(str, named))
    error.add(f"Could not process {names}.", field=named[0].field if len(named) == 1 else "")
