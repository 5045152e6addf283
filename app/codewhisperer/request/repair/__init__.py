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


class Rule(NamedTuple):
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
def rules(max_description: int) -> tuple[Rule, ...]:
    """Every rule in the order in which they apply; later ones rely on what earlier ones did.

    ``max_description``: characters of a tool's description that the service gets to see as such.
    """
    long = partial(tools.move_long_descriptions, limit=max_description)
    return (
        Rule("fold-system-message", "system message", turns.fold_system_messages),
        Rule("merge-turns", "same role again", turns.merge_turns),
        Rule("open-with-user", "user not first", turns.open_with_user),
        Rule("drop-unsigned-thinking", "unsigned thinking", parts.drop_unsigned_thinking),
        Rule("keep-last-thinking", "several thoughts", parts.keep_last_thinking),
        Rule("describe-binary-document", "binary document", parts.describe_documents),
        Rule("drop-duplicate-tool", "the same tool again", tools.drop_duplicates),
        Rule("legal-tool-name", "odd tool name", tools.legal_names),
        Rule("remove-tools", "tool choice", choice.remove_tools),
        Rule("narrow-tools", "tool choice", choice.narrow_tools),
        Rule("legal-tool-id", "odd call", pairing.legal_ids),
        Rule("tool-result-to-text", "odd call", pairing.unmatched_results_to_text),
        Rule("answer-tool-call", "odd call", pairing.answer_calls),
        Rule("offer-used-tool", "tool not on offer", tools.offer_used),
        Rule("describe-tool", "tools", tools.describe),
        Rule("move-long-description", "tools", long),
        Rule("normalise-schema", "tools", tools.normalise_schemas),
        Rule("lift-result-image", "image in result", parts.lift_images),
        Rule("limit-images", "image", parts.limit_images),
        Rule("fill-empty-result", "empty result", parts.fill_empty_results),
        Rule("continue-prefill", "user not last", turns.continue_prefill),
        Rule("direct-tool-choice", "tool choice", choice.direct_tool_choice),
        Rule("direct-json", "JSON wanted", choice.direct_json),
        Rule("fill-empty-turn", "empty turn", turns.fill_empty),
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
