"""Every name that ``x-kiro-repairs`` can have, and what it says of a request.

Whoever rewrites something under a new name adds a line here; tests compare this table with the
code. It is printed in ``docs/compatibility.md`` and told by the paths ``.../explain``.
"""

REPAIRS: dict[str, str] = {
    # while a dialect reads the request's JSON
    "billing_header_removed": "The block with Claude Code's billing header was left out of the"
    " system text: it changes with every request, and would keep the prompt from being cached.",
    "budget_tokens_clamped": "thinking.budget_tokens is not less than max_tokens; no budget is sent"
    " upstream.",
    "document_as_text": "A document in the result of a tool cannot be sent; the model is told so.",
    "foreign_search_text_left_out": "What an earlier search of the web found has text that only the"
    " service can read that made it; the model gets titles, addresses and dates.",
    "half_surrogates_replaced": "Halves of surrogate pairs, which are not Unicode, were replaced.",
    "image_as_text": "An image in the result of a tool cannot be sent; the model is told so.",
    "invalid_arguments_wrapped": "The arguments of an earlier call are not a JSON object; they were"
    " put into one, as its member `arguments`.",
    "messages_block_read": "A block of the Messages API was read in a Chat Completions request.",
    "messages_tool_choice_read": "A tool_choice of the Messages API was read in a Chat Completions"
    " request.",
    "messages_tool_read": "A tool of the Messages API was read in a Chat Completions request.",
    "minimal_effort_as_low": "The effort `minimal`, which no model here has, is `low`.",
    "refusal_as_text": "A refusal in an earlier answer was written as text.",
    "repeated_item_reference_dropped": "An item was referred to twice; it is in the input once.",
    "responses_tool_choice_read": "A tool_choice of the Responses API was read in a Chat"
    " Completions request.",
    "responses_tool_read": "A tool of the Responses API was read in a Chat Completions request.",
    "stringified_output_read": "The output of a tool is the JSON of parts, in a string; the parts"
    " were read.",
    "*_as_text": "A part of this type, which the upstream has no form for, was written as text.",
    # to what is demanded of the answer
    "json_by_tool": "The JSON of the answer is asked for as the input of a tool, which the client"
    " does not see.",
    "no_json_with_forced_call": "The answer has to call a tool (tool_choice); the JSON that the"
    " request asks for is asked for in turns without that.",
    "no_citations_in_json": "The answer is to be JSON, which has no place for citations of what the"
    " web search finds; the model is not asked for them.",
    # while the model is chosen
    "model:*": "No model has this name; the nearest one, or the default, answers.",
    "refusal_fallback:*": "The model refused without an answer, and this one was asked instead.",
    # while the conversation is summed up
    "compaction": "The conversation is summed up by a call of its own. The answer goes on from the"
    " summary, or is the summary alone.",
    "compaction_failed": "The model wrote no summary of the conversation, which is as it was.",
    # to what the service accepts
    "fold-system-message": "A system message between the turns became marked text of the user's"
    " turn next to it.",
    "merge-turns": "Turns of the same role that follow each other were joined.",
    "open-with-user": "A turn of the user was put before the first turn.",
    "drop-unsigned-thinking": "Reasoning without a signature was left out.",
    "keep-last-thinking": "Of several reasoning blocks of a message, the last was kept.",
    "drop-duplicate-tool": "Of several tools of one name, the first was kept.",
    "legal-tool-name": "Tools were renamed that the service would not accept; answers have the"
    " client's names.",
    "remove-tools": "No tool is offered, since tool_choice is `none`.",
    "narrow-tools": "Only the tool is offered that tool_choice names.",
    "legal-tool-id": "Calls and their results got ids that are legal and unique.",
    "tool-result-to-text": "A result without its call in the turn before became text.",
    "answer-tool-call": "A call without a result got one that says it was cancelled.",
    "offer-used-tool": "A tool that the history calls and the request lacks is offered as a"
    " stand-in.",
    "describe-tool": "A tool without a description got one.",
    "move-long-description": "A description that is too long was moved to the system text.",
    "normalise-schema": "The schema of a tool's input was reduced to keywords that the service"
    " takes.",
    "describe-image": "The model reads no images; a line of text says that there was one.",
    "limit-images": "More images than one request may have; the oldest were left out.",
    "lift-result-image": "An image in the result of a tool was moved to its turn.",
    "legal-document-name": "A document got a name that is legal and unique.",
    "limit-documents": "More documents than one request may have; the oldest were left out.",
    "lift-result-document": "A document in the result of a tool was moved to its turn.",
    "fill-empty-result": "An empty result of a tool got a text that says so.",
    "continue-prefill": "The conversation ends with the assistant's turn; the model is asked to go"
    " on with it.",
    "direct-tool-choice": "A directive at the end of the last turn asks for the call that"
    " tool_choice wants.",
    "fill-empty-turn": "An empty turn got a text.",
    "closest-thinking": "The model has no such thinking; it gets the nearest that it has.",
    "closest-effort": "The model has no such effort; it gets the nearest that it has.",
    "drop-foreign-thinking": "Reasoning of another family of models was left out.",
    # after a refusal of the service
    "strip-thinking": "The service had refused the reasoning of earlier turns; it was left out.",
    "simplify-schema": "The service had refused a tool's schema; the schemas were simplified.",
    "describe-tool-image": "The service had refused an image of a tool; lines of text replace the"
    " images of tools.",
    # to an answer that lacked what was demanded
    "forced_call_asked_again": "The model did not call a tool that it had to; it was asked again.",
    "json_asked_again": "The answer was not JSON of the client's schema; it was asked for again.",
    "strict_arguments_asked_again": "The arguments of a strict tool did not meet its schema; the"
    " model was asked again.",
    "unoffered_call_asked_again": "The model called a tool that is not offered; it was told so, and"
    " went on.",
    "unoffered_call_left_out": "Beside other calls, the model called a tool that is not offered;"
    " that call was left out.",
    "text_beside_call_left_out": "The answer is to be JSON, and its client reads all text as JSON;"
    " what the model wrote beside a call of a tool was left out.",
    "json_taken_out_of_text": "The model wrote text around its JSON; the JSON alone is the answer.",
}


def meaning(name: str) -> str:
    """What a name in ``x-kiro-repairs`` says; "" if it is in no row."""
    if name in REPAIRS:
        return REPAIRS[name]
    prefix = name.partition(":")[0]
    if ":" in name and f"{prefix}:*" in REPAIRS:
        return REPAIRS[f"{prefix}:*"]
    return REPAIRS["*_as_text"] if name.endswith("_as_text") else ""
