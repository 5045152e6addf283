"""What is done with the fields of the Responses API: a row for each that is not simply honoured
(:mod:`app.dialects.support`). The types are in :mod:`.schema`, :mod:`.items.types` and
:mod:`.tools`.
"""

from app.dialects import support
from app.dialects.support import Fields, emulated, honoured, ignored, refused

from .items.read import ITEMS
from .schema import ResponsesRequest
from .tools import CustomTool, FunctionTool, Namespace, ToolSearch
from .web_search import WebSearchTool

TYPES = {
    "": (ResponsesRequest,),
    "input": ITEMS,
    "tools": (FunctionTool, CustomTool, ToolSearch, Namespace, WebSearchTool),
}
"""The types of which a request is read, by the member that they are read for."""

_AS_TEXT = emulated("Becomes text.")
_BY_REFERENCE = "Send the data itself; the gateway keeps no files."

FIELDS: Fields = {
    # the answer
    "max_output_tokens": emulated(support.COUNTED),
    "parallel_tool_calls": emulated(support.ONE_CALL),
    "temperature": ignored(support.NO_SAMPLING),
    "top_p": ignored(support.NO_SAMPLING),
    "top_logprobs": ignored("The service tells no probabilities."),
    "max_tool_calls": emulated("No more searches of the web are made than this."),
    "reasoning": honoured(support.BY_MODEL),
    "reasoning.context": ignored("The service keeps no reasoning."),
    "reasoning.mode": ignored("The service has one mode."),
    "text.format[json_object]": emulated(support.BY_TOOL),
    "text.format[json_schema]": emulated(support.BY_TOOL),
    "text.verbosity": ignored("The service has no member for the length of answers."),
    "tool_choice": emulated(support.FORCED),
    "tool_choice[file_search]": refused(support.RUNS_AT_MAKER),
    "tool_choice[mcp]": refused(support.RUNS_AT_MAKER),
    "tool_choice[programmatic_tool_calling]": refused(support.RUNS_AT_MAKER),
    "tool_choice[apply_patch]": refused(support.RUNS_AT_MAKER),
    "tool_choice[shell]": refused(support.RUNS_AT_MAKER),
    "truncation": ignored("A conversation that is too long is refused."),
    "include": ignored(
        "There is nothing more to include; `reasoning.encrypted_content` and"
        " `web_search_call.action.sources` are honoured.",
        "message.input_image.image_url",
    ),
    "image": ignored("Images are sent as they are."),
    "moderation": ignored("The service moderates by its own rules."),
    "stream_options": ignored("Nothing is added to the events of a stream."),
    # the request
    "store": honoured("Kept for KIRO_RESPONSES_TTL; ignored where nothing is kept."),
    "prompt_cache_key": honoured("It tells conversations apart."),
    "prompt_cache_options": ignored(support.NO_CACHE_MARKS),
    "prompt_cache_retention": ignored(support.NO_CACHE_MARKS),
    "*.prompt_cache_breakpoint": ignored(support.NO_CACHE_MARKS),
    "service_tier": ignored(support.NO_TIERS),
    "user": ignored("The service knows no users of the client."),
    "safety_identifier": ignored("The service knows no users of the client."),
    "access_programs": ignored("The service knows no such programs."),
    "context_management": emulated(support.SUMMARIZED),
    "background": refused("Answers are made only while the client waits; false is honoured."),
    "background_options": ignored("Answers are made only while the client waits."),
    "prompt": refused("No prompts are kept; send the prompt itself in instructions."),
    # the tools
    "*tools[function].strict": emulated(support.STRICT),
    "*tools*.async": ignored("The model waits for the results of its calls."),
    "*tools*.allowed_callers": ignored(support.NO_CALLERS),
    "*tools*.output_schema": ignored("The service's tools have no member for it."),
    "tools*.defer_loading": ignored("All tools are offered at once."),
    "*tools[custom]": emulated("Offered as a function of one text, which the client gets bare."),
    "tools[namespace]": emulated("Its tools are offered under a name made of both."),
    "tools[tool_search]": ignored(support.RUNS_AT_MAKER + " One that the client runs is offered."),
    "*tools[file_search]": ignored(support.RUNS_AT_MAKER),
    "*tools[computer]": ignored(support.RUNS_AT_MAKER),
    "*tools[computer_use_preview]": ignored(support.RUNS_AT_MAKER),
    "*tools[web_search*]": emulated(support.SEARCHED),
    "*tools[web_search*].external_web_access": honoured(
        "A search that must not reach the web is ignored."
    ),
    "*tools[web_search*].search_content_types": honoured("Texts; images are ignored."),
    "*tools[mcp]": ignored(support.RUNS_AT_MAKER),
    "*tools[code_interpreter]": ignored(support.RUNS_AT_MAKER),
    "*tools[programmatic_tool_calling]": ignored(support.RUNS_AT_MAKER),
    "*tools[image_generation]": ignored(support.RUNS_AT_MAKER),
    "*tools[local_shell]": ignored(support.RUNS_AT_MAKER),
    "*tools[shell]": ignored(support.RUNS_AT_MAKER),
    "*tools[apply_patch]": ignored(support.RUNS_AT_MAKER),
    # the items
    "input[function_call*].caller": ignored(support.NO_CALLERS),
    "input[custom_tool_call*].caller": ignored(support.NO_CALLERS),
    "input*.async": ignored("The model waits for the results of its calls."),
    "input[function_call_output].name": ignored("The call has it."),
    "input[function_call_output].namespace": ignored("The call has it."),
    "input[reasoning]": honoured("What this gateway made goes back; what others made is ignored."),
    "input*[input_image].detail": ignored(
        "The service takes images in one detail; `auto` is honoured."
    ),
    "input*[input_image].image_url": honoured(f"A data: URL, or one of http. {support.FETCHED}"),
    "input*[input_image].file_id": refused(_BY_REFERENCE),
    "input*[input_file].detail": ignored("The service takes documents in one detail."),
    "input*[input_file].file_id": refused(_BY_REFERENCE),
    "input*[input_file].file_url": honoured(support.FETCHED),
    "input*content[refusal]": _AS_TEXT,
    "input[file_search_call]": _AS_TEXT,
    "input[web_search_call]": emulated("A search becomes a call and its result, the rest text."),
    "input[code_interpreter_call]": _AS_TEXT,
    "input[local_shell_call]": _AS_TEXT,
    "input[local_shell_call_output]": _AS_TEXT,
    "input[shell_call]": _AS_TEXT,
    "input[shell_call_output]": _AS_TEXT,
    "input[apply_patch_call]": _AS_TEXT,
    "input[apply_patch_call_output]": _AS_TEXT,
    "input[mcp_call]": _AS_TEXT,
    "input[mcp_approval_request]": _AS_TEXT,
    "input[mcp_approval_response]": _AS_TEXT,
    "input[program]": _AS_TEXT,
    "input[program_output]": _AS_TEXT,
    "input[computer_call]": ignored("Tells nothing that the model could use."),
    "input[computer_call_output]": ignored("Its screenshot is of a tool that is not offered."),
    "input[image_generation_call]": ignored("Its image is of a tool that is not offered."),
    "input[mcp_list_tools]": ignored("The tools of MCP servers are not offered."),
    "input[configuration_update]": ignored("The request's own settings apply."),
    "input[compaction]": honoured("What this gateway made; what others made is refused."),
    "input[compaction_trigger]": emulated(support.SUMMARIZED),
}
