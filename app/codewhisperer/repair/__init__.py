"""Any conversation that a client may send, made one that the service accepts.

The service wants turns that alternate and begin and end with the user's, a result for every tool
call in the very next turn, legal names and ids, and more (rules that the Amazon Q CLI enforces
before it sends, lengths of the service model, and refusals that several clients report).
:func:`repair` applies a table of small rules, each a pure function from conversation to
conversation that returns its argument itself when there is nothing to do; what they did is told by
name. A conversation that needs nothing comes back as the same object.

Not here: the wire form (:mod:`app.codewhisperer.request`), and anything about the answer, such as
holding the model to what ``tool_choice`` asks for.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    RedactedThinking,
    Thinking,
    ToolCall,
    ToolResult,
)

from ..names import renamed
from . import choice, pairing, parts, tools, turns

Apply = Callable[[Conversation], Conversation]


class Rule(NamedTuple):
    """``only_with``: kinds of part; without any of them in the conversation, inside results too,
    the rule has nothing to do. None: it looks at something else.
    """

    name: str
    apply: Apply
    only_with: frozenset[type] | None = None


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
    calls, results = frozenset({ToolCall}), frozenset({ToolResult})
    images = frozenset({Image})
    thoughts = frozenset({Thinking, RedactedThinking})
    long = partial(tools.move_long_descriptions, limit=max_description)
    return (
        Rule("fold-system-message", turns.fold_system_messages),
        Rule("merge-turns", turns.merge_turns),
        Rule("open-with-user", turns.open_with_user),
        Rule("drop-unsigned-thinking", parts.drop_unsigned_thinking, thoughts),
        Rule("keep-last-thinking", parts.keep_last_thinking, thoughts),
        Rule("describe-binary-document", parts.describe_documents, frozenset({Document})),
        Rule("drop-duplicate-tool", tools.drop_duplicates),
        Rule("legal-tool-name", tools.legal_names),
        Rule("remove-tools", choice.remove_tools),
        Rule("narrow-tools", choice.narrow_tools),
        Rule("legal-tool-id", pairing.legal_ids, calls),
        Rule("tool-result-to-text", pairing.unmatched_results_to_text, results),
        Rule("answer-tool-call", pairing.answer_calls, calls),
        Rule("offer-used-tool", tools.offer_used, calls),
        Rule("describe-tool", tools.describe),
        Rule("move-long-description", long),
        Rule("normalise-schema", tools.normalise_schemas),
        Rule("lift-result-image", parts.lift_images, images),
        Rule("limit-images", parts.limit_images, images),
        Rule("fill-empty-result", parts.fill_empty_results, results),
        Rule("continue-prefill", turns.continue_prefill),
        Rule("direct-tool-choice", choice.direct_tool_choice),
        Rule("direct-json", choice.direct_json),
        Rule("fill-empty-turn", turns.fill_empty),
    )


def _kinds(conversation: Conversation) -> set[type]:
    """Of the parts of all messages, and of what tools answered."""
    parts = [part for message in conversation.messages for part in message.parts]
    answers = [part.content for part in parts if type(part) is ToolResult]
    return set(map(type, parts)) | {type(part) for content in answers for part in content}


def repair(conversation: Conversation, *, max_description: int) -> Repaired:
    """Apply every rule that has something to do. Raises GatewayError for what no rule can mend."""
    choice.check(conversation)
    present = _kinds(conversation)
    repaired, applied = conversation, []
    for rule in rules(max_description):
        if rule.only_with is not None and rule.only_with.isdisjoint(present):
            continue
        before, repaired = repaired, rule.apply(repaired)
        if repaired is not before:
            applied.append(rule.name)
    new_names = renamed(tools.names(conversation)) if "legal-tool-name" in applied else {}
    return Repaired(repaired, {new: old for old, new in new_names.items()}, tuple(applied))
