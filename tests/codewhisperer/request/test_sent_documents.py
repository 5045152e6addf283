"""Which document a refusal means."""

import pytest

from app.codewhisperer.request.sent_documents import REASONS, SentDocument, name_documents
from app.common.errors import GatewayError, Kind

REPORT = SentDocument("report", "pdf", "messages.0.content.1.document")
SHEET = SentDocument("sheet", "xlsx", "input[3]")


def refused(message: str = "No.", code: str = "DOCUMENT_SIZE_EXCEEDED") -> GatewayError:
    return GatewayError(Kind.REJECTED, message, code=code)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_the_only_document_is_meant(reason: str) -> None:
    """docs/upstream.md: Refusals of documents"""
    error = refused(code=reason)
    name_documents(error, [REPORT])
    assert error.message == 'No. Could not process pdf "report" (messages.0.content.1.document).'
    assert error.field == "messages.0.content.1.document"


def test_of_several_documents_all_are_named() -> None:
    error = refused()
    name_documents(error, [REPORT, SHEET])
    assert error.message == (
        'No. Could not process pdf "report" (messages.0.content.1.document)'
        ' or xlsx "sheet" (input[3]).'
    )
    assert error.field == ""


def test_the_document_that_the_service_names_is_meant() -> None:
    error = refused("The document 'sheet' is too large.")
    name_documents(error, [REPORT, SHEET])
    assert error.message.endswith('Could not process xlsx "sheet" (input[3]).')
    assert error.field == "input[3]"


@pytest.mark.parametrize(
    ("code", "documents"), [("IMAGE_SIZE_EXCEEDED", [REPORT]), ("DOCUMENT_SIZE_EXCEEDED", [])]
)
def test_other_refusals_stay_as_they_are(code: str, documents: list[SentDocument]) -> None:
    error = refused(code=code)
    name_documents(error, documents)
    assert (error.message, error.field) == ("No.", "")
