"""Any conversation that a client may send, made one that the service accepts.

The service wants turns that alternate and begin and end with the user's, a result for every tool
call in the very next turn, legal names and ids, and more (rules that the Amazon Q CLI enforces
before it sends, lengths of the service model, and refusals that several clients report).
:func:`repair` applies a table of small rules, each a pure function from conversation to
conversation that returns its argument itself when there is nothing to do; what they did is told by
name. A rule is asked only where :mod:`.signs` sees what it mends. A conversation that needs nothing
comes back as the same object.

Not here: the wire form (:mod:`..render`), and anything about the answer, such as
holding the model to what ``tool_choice`` asks for.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from app.codewhisperer.request.tool_names import renamed
from app.core.conversation import Conversation

from . import choice, pairing, parts, tools, turns
from .needs import Sign, same_signs, signs

Apply = Callable[[Conversation], Conversation]


class RepairRule(NamedTuple):
    """Without its ``sign`` the rule has nothing to do."""

    name: str
    sign: Sign
    apply: Apply


class Repaired(NamedTuple):
    """``tool_names``: the client's name of each tool that the service knows by another.

    ``rules``: names of those that changed something, in the order of the table.
    """

    conversation: Conversation
    tool_names: dict[str, str]
    rules: tuple[str, ...]


@lru_cache(maxsize=8)
def rules(max_description: int) -> tuple[RepairRule, ...]:
    """Every rule in the order in which they apply; later ones rely on what earlier ones did.

    ``max_description``: characters of a tool's description that the service gets to see as such.
    """
    long = partial(tools.move_long_descriptions, limit=max_description)
    return (
        RepairRule("fold-system-message", "system message", turns.fold_system_messages),
        RepairRule("merge-turns", "same role again", turns.merge_turns),
        RepairRule("open-with-user", "user not first", turns.open_with_user),
        RepairRule("drop-unsigned-thinking", "unsigned thinking", parts.drop_unsigned_thinking),
        RepairRule("keep-last-thinking", "several thoughts", parts.keep_last_thinking),
        RepairRule("describe-binary-document", "binary document", parts.describe_documents),
        RepairRule("drop-duplicate-tool", "the same tool again", tools.drop_duplicates),
        RepairRule("legal-tool-name", "odd tool name", tools.legal_names),
        RepairRule("remove-tools", "tool choice", choice.remove_tools),
        RepairRule("narrow-tools", "tool choice", choice.narrow_tools),
        RepairRule("legal-tool-id", "odd call", pairing.legal_ids),
        RepairRule("tool-result-to-text", "odd call", pairing.unmatched_results_to_text),
        RepairRule("answer-tool-call", "odd call", pairing.answer_calls),
        RepairRule("offer-used-tool", "tool not on offer", tools.offer_used),
        RepairRule("describe-tool", "tools", tools.describe),
        RepairRule("move-long-description", "tools", long),
        RepairRule("normalise-schema", "tools", tools.normalise_schemas),
        RepairRule("lift-result-image", "image in result", parts.lift_images),
        RepairRule("limit-images", "image", parts.limit_images),
        RepairRule("fill-empty-result", "empty result", parts.fill_empty_results),
        RepairRule("continue-prefill", "user not last", turns.continue_prefill),
        RepairRule("direct-tool-choice", "tool choice", choice.direct_tool_choice),
        RepairRule("direct-json", "JSON wanted", choice.direct_json),
        RepairRule("fill-empty-turn", "empty turn", turns.fill_empty),
    )


def repair(conversation: Conversation, *, max_description: int) -> Repaired:
    """Apply every rule that has something to do. Raises GatewayError for what no rule can mend."""
    choice.check(conversation)
    repaired, applied = conversation, []
    seen = signs(conversation)
    for name, sign, apply in rules(max_description):
        if sign not in seen:
            continue
        before, repaired = repaired, apply(repaired)
        if repaired is not before:
            applied.append(name)
            seen = seen if same_signs(before, repaired) else signs(repaired)
    new_names = renamed(tools.names(conversation)) if "legal-tool-name" in applied else {}
    return Repaired(repaired, {new: old for old, new in new_names.items()}, tuple(applied))
