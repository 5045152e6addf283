"""Changes any conversation that a client may send into one that the service accepts.

The service requires alternating turns that begin and end with the user's, a result for every tool
call in the very next turn, legal names and ids, and more. Sources: the rules that the Amazon Q CLI
enforces before it sends, the lengths in the service model, and rejections that several clients
report.

:func:`repair` applies a table of small rules. Each is a pure function from conversation to
conversation that returns its argument itself if there is nothing to do. A rule runs only if
:mod:`.needs` reports its need. The names of the rules that changed something are returned; a
conversation that needs no repair comes back as the same object.

Not here: the wire form (:mod:`..render`), and checks of the answer, such as whether the model did
what ``tool_choice`` asks for.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from app.codewhisperer.request.tool_names import renamed
from app.core.conversation import Conversation
from app.core.explanation import Watch

from . import attachments, choice, document_names, pairing, parts, tools, turns
from .needs import Need, needs, same_needs

Apply = Callable[[Conversation], Conversation]


class RepairRule(NamedTuple):
    """``name`` is shown to clients. Without its ``need`` the rule has nothing to do."""

    name: str
    need: Need
    apply: Apply


class Repaired(NamedTuple):
    """``tool_names``: the client's name by the new name, for each renamed tool.

    ``rules``: the names of the rules that changed something, in the order of the table.
    """

    conversation: Conversation
    tool_names: dict[str, str]
    rules: tuple[str, ...]


class Limits(NamedTuple):
    """What is sent at most. ``description``: characters of a tool description; a longer one is sent
    elsewhere. ``image_bytes``: decoded bytes of all images. ``earlier_documents``: whether binary
    documents of earlier turns are sent. ``images``: whether the model reads images.
    """

    description: int
    image_bytes: int = attachments.MAX_IMAGE_BYTES
    earlier_documents: bool = True
    images: bool = True


def _unchanged(conversation: Conversation) -> Conversation:
    return conversation


@lru_cache(maxsize=8)
def rules(limits: Limits) -> tuple[RepairRule, ...]:
    """All rules in the order in which they apply; later rules rely on earlier ones."""
    long = partial(tools.move_long_descriptions, limit=limits.description)
    few_images = partial(attachments.limit_images, most_bytes=limits.image_bytes)
    no_images = _unchanged if limits.images else attachments.describe_images
    few_documents = partial(attachments.limit_documents, earlier=limits.earlier_documents)
    return (
        RepairRule("fold-system-message", "system message", turns.fold_system_messages),
        RepairRule("merge-turns", "repeated role", turns.merge_turns),
        RepairRule("open-with-user", "user not first", turns.open_with_user),
        RepairRule("drop-unsigned-thinking", "unsigned thinking", parts.drop_unsigned_thinking),
        RepairRule("keep-last-thinking", "several thinking blocks", parts.keep_last_thinking),
        RepairRule("drop-duplicate-tool", "duplicate tool", tools.drop_duplicates),
        RepairRule("legal-tool-name", "illegal tool name", tools.legal_names),
        RepairRule("remove-tools", "tool choice", choice.remove_tools),
        RepairRule("narrow-tools", "tool choice", choice.narrow_tools),
        RepairRule("legal-tool-id", "unpaired call", pairing.legal_ids),
        RepairRule("tool-result-to-text", "unpaired call", pairing.unmatched_results_to_text),
        RepairRule("answer-tool-call", "unpaired call", pairing.answer_calls),
        RepairRule("offer-used-tool", "tool not offered", tools.offer_used),
        RepairRule("describe-tool", "tools", tools.describe),
        RepairRule("move-long-description", "tools", long),
        RepairRule("normalise-schema", "tools", tools.normalise_schemas),
        RepairRule("describe-image", "image", no_images),
        RepairRule("limit-images", "image", few_images),
        RepairRule("lift-result-image", "image in result", attachments.lift_images),
        RepairRule("legal-document-name", "document", document_names.legal_names),
        RepairRule("limit-documents", "document", few_documents),
        RepairRule("lift-result-document", "document in result", attachments.lift_documents),
        RepairRule("fill-empty-result", "empty result", parts.fill_empty_results),
        RepairRule("continue-prefill", "user not last", turns.continue_prefill),
        RepairRule("direct-tool-choice", "tool choice", choice.direct_tool_choice),
        RepairRule("fill-empty-turn", "empty turn", turns.fill_empty),
    )


def repair(conversation: Conversation, limits: Limits, watch: Watch | None = None) -> Repaired:
    """Apply every rule that is needed; ``watch`` is shown each that changed something. Raises
    GatewayError for what no rule can repair.
    """
    choice.check(conversation)
    repaired, applied = conversation, []
    found = needs(conversation)
    for name, need, apply in rules(limits):
        if need not in found:
            continue
        before, repaired = repaired, apply(repaired)
        if repaired is not before:
            applied.append(name)
            if watch is not None:
                watch(name, before, repaired)
            found = found if same_needs(before, repaired) else needs(repaired)
    new_names = renamed(tools.names(conversation)) if "legal-tool-name" in applied else {}
    return Repaired(repaired, {new: old for old, new in new_names.items()}, tuple(applied))
