"""The rules that a test can set: the number of documents, and signatures of thinking."""

from typing import Any

import pytest

from app.simulator.catalogue.models import CURRENT
from app.simulator.catalogue.signatures import sign
from app.simulator.checks.refusals import refusal
from app.simulator.checks.rules import Settings
from app.simulator.checks.validate import Violation, violations
from tests.simulator.checks.bodies import PDF, documented, image, paper, papers, pictured
from tests.simulator.client import assistant, chat_body, user


def rules_of(found: list[Violation]) -> set[str]:
    return {violation.rule for violation in found}


def test_documents_are_counted_for_a_message_if_so_set() -> None:
    body = documented(
        *papers(3), history=[user(documents=[paper("a"), paper("b"), paper("c")]), assistant()]
    )
    assert rules_of(violations(body, binding="rest")) == {"document-count"}
    settings = Settings(documents_per="message")
    assert violations(body, binding="rest", settings=settings) == []
    assert rules_of(
        violations(body, binding="rest", settings=Settings(documents_per="message", documents=2))
    ) == {"document-count"}


def thought(signature: Any, model: str) -> dict[str, Any]:
    text = {"text": "Hm."} | ({} if signature is None else {"signature": signature})
    said = assistant(reasoningContent={"reasoningText": text})
    return chat_body(user(modelId=model), [user(), said])


@pytest.mark.parametrize(
    ("signature", "model", "good"),
    [
        (sign(CURRENT.models["claude-opus-5.5"], 1), "claude-sonnet-5.5", True),
        (sign(CURRENT.models["claude-opus-5.5"], 1), "auto", True),
        (sign(CURRENT.models["gpt-5.6-sol"], 1), "claude-sonnet-5.5", False),
        (sign(CURRENT.models["claude-opus-5.5"], 1), "gpt-5.6-sol", True),
        ("c2ln", "claude-opus-5.5", False),
        ("not base64!", "claude-opus-5.5", False),
        (None, "claude-opus-5.5", False),
        (None, "gpt-5.6-sol", True),
    ],
)
def test_thinking_must_be_signed_for_a_claude_model_if_so_set(
    signature: str | None, model: str, good: bool
) -> None:
    body = thought(signature, model)
    assert violations(body, binding="rest") == []
    found = violations(body, binding="rest", settings=Settings(signatures=True))
    assert rules_of(found) == (set() if good else {"signature"})
    if not good:
        assert refusal(found)[1] == "THINKING_SIGNATURE_INVALID"


def test_a_large_document_neither_weighs_nor_fills_the_window() -> None:
    body = documented(paper(data=PDF.ljust(4_000_000)))
    assert violations(body, binding="rest") == []


def test_the_bytes_of_images_and_documents_are_checked_unless_so_set() -> None:
    for body in (pictured(image(format="jpeg")), documented(paper(data=b"no pdf"))):
        assert violations(body, binding="rest")
        assert violations(body, binding="rest", settings=Settings(media_bytes=False)) == []
