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

from . import choice, pairing, parts, tools, turns
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


@lru_cache(maxsize=8)
def rules(max_description: int) -> tuple[RepairRule, ...]:
    """All rules in the order in which they apply; later rules rely on earlier ones.

    ``max_description``: the longest tool description, in characters, that is sent as one.
    """
    long = partial(tools.move_long_descriptions, limit=max_description)
    return (
        RepairRule("fold-system-message", "system message", turns.fold_system_messages),
        RepairRule("merge-turns", "repeated role", turns.merge_turns),
        RepairRule("open-with-user", "user not first", turns.open_with_user),
        RepairRule("drop-unsigned-thinking", "unsigned thinking", parts.drop_unsigned_thinking),
        RepairRule("keep-last-thinking", "several thinking blocks", parts.keep_last_thinking),
        RepairRule("describe-binary-document", "binary document", parts.describe_documents),
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
        RepairRule("lift-result-image", "image in result", parts.lift_images),
        RepairRule("limit-images", "image", parts.limit_images),
        RepairRule("fill-empty-result", "empty result", parts.fill_empty_results),
        RepairRule("continue-prefill", "user not last", turns.continue_prefill),
        RepairRule("direct-tool-choice", "tool choice", choice.direct_tool_choice),
        RepairRule("direct-json", "JSON answer", choice.direct_json),
        RepairRule("fill-empty-turn", "empty turn", turns.fill_empty),
    )


def repair(conversation: Conversation, *, max_description: int) -> Repaired:
    """Apply every rule that is needed. Raises GatewayError for what no rule can repair."""
    choice.check(conversation)
    repaired, applied = conversation, []
    found = needs(conversation)
    for name, need, apply in rules(max_description):
        if need not in found:
            continue
        before, repaired = repaired, apply(repaired)
        if repaired is not before:
            applied.append(name)
            found = found if same_needs(before, repaired) else needs(repaired)
    new_names = renamed(tools.names(conversation)) if "legal-tool-name" in applied else {}
    return Repaired(repaired, {new: old for old, new in new_names.items()}, tuple(applied))
