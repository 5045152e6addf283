"""What is done with the fields of the Messages API: a row for each that is not simply honoured
(:mod:`app.dialects.support`). The types are in :mod:`.schema`, :mod:`.block_types`, :mod:`.tools`.
"""

from app.dialects import support
from app.dialects.support import Fields, emulated, honoured, ignored, refused

from .schema import MessagesRequest
from .tools import CustomTool, PublishedTool
from .web_search import WebSearchTool

TYPES = {"": (MessagesRequest,), "tools": (CustomTool, PublishedTool, WebSearchTool)}
"""The types of which a request is read, by the member that they are read for."""

_NO_SCHEMA = "Its input has two published forms; give the tool an input_schema."
_BY_REFERENCE = "Send it as base64: the gateway keeps no files."

FIELDS: Fields = {
    # the answer
    "max_tokens": emulated(support.COUNTED),
    "stop_sequences": emulated(support.WATCHED),
    "temperature": ignored(support.NO_SAMPLING),
    "top_p": ignored(support.NO_SAMPLING),
    "top_k": ignored(support.NO_SAMPLING),
    "thinking": honoured(support.BY_MODEL),
    "thinking[enabled].budget_tokens": ignored("The service's models decide how long they think."),
    "thinking[*].block_binding": ignored("The service has no such member."),
    "output_config.effort": honoured(support.BY_MODEL),
    "output_config.format": emulated(support.BY_TOOL),
    "output_config.task_budget": ignored("The service has no budget over several requests."),
    "output_format": emulated(support.BY_TOOL),
    "tool_choice": emulated(support.FORCED),
    "tool_choice[*].disable_parallel_tool_use": emulated(support.ONE_CALL),
    # the request
    "metadata.user_id": honoured("It tells conversations apart."),
    "*cache_control": ignored(support.NO_CACHE_MARKS),
    "service_tier": ignored(support.NO_TIERS),
    "speed": ignored(support.NO_TIERS),
    "inference_geo": ignored(support.NO_PLACES),
    "user_profile_id": ignored("The service knows no profiles of the API's users."),
    "workspace_id": ignored("The service knows no workspaces."),
    "billing_policy": ignored("The account that answers is billed by the service's own rules."),
    "fallback_credit_token": ignored("The service has no credits of the API."),
    "fallbacks": ignored("A model that is to be asked instead is named by the service."),
    "betas": ignored("The gateway reads the members of all betas that it knows."),
    "diagnostics": ignored("The service tells nothing of how it used its cache."),
    "container": ignored(support.RUNS_AT_MAKER),
    "mcp_servers": ignored(support.RUNS_AT_MAKER),
    "compaction": emulated(support.SUMMARIZED),
    "context_management.edits[clear_tool_uses_20250919]": emulated(support.EDITED),
    "context_management.edits[clear_thinking_20251015]": emulated(support.EDITED),
    "context_management.edits[compact_20260112]": emulated(support.SUMMARIZED),
    "thread": refused("Threads are stored at Anthropic; send the whole conversation."),
    # the tools
    "tools*.allowed_callers": ignored(support.NO_CALLERS),
    "tools*.eager_input_streaming": ignored("Input is streamed as the service sends it."),
    "tools*.input_examples": ignored("The service's tools have no member for examples."),
    "tools*.strict": ignored("Calls of a tool whose schema is Anthropic's are not checked."),
    "tools[custom].strict": emulated(support.STRICT),
    "tools*.defer_loading": emulated(
        "With a tool search that the request offers, the gateway runs the search and loads what is"
        " found; without one, all tools are offered at once and this is listed as ignored."
    ),
    "tools[text_editor_20250728].max_characters": ignored("The model is not told of it."),
    "tools[bash_20250124]": emulated("Offered with the input schema that Anthropic publishes."),
    "tools[text_editor_20250728]": emulated("Offered with the published input schema."),
    "tools[memory_20250818]": emulated("Offered with the published input schema."),
    "tools[tool_search_tool_bm25_20251119]": emulated("The gateway runs the search."),
    "tools[tool_search_tool_regex_20251119]": emulated("The gateway runs the search."),
    "tools[bash_20241022]": refused(_NO_SCHEMA),
    "tools[text_editor_20241022]": refused(_NO_SCHEMA),
    "tools[text_editor_20250124]": refused(_NO_SCHEMA),
    "tools[text_editor_20250429]": refused(_NO_SCHEMA),
    "tools[code_execution_20250522]": ignored(support.RUNS_AT_MAKER),
    "tools[code_execution_20250825]": ignored(support.RUNS_AT_MAKER),
    "tools[code_execution_20260120]": ignored(support.RUNS_AT_MAKER),
    "tools[code_execution_20260521]": ignored(support.RUNS_AT_MAKER),
    "tools[web_search_*]": emulated(support.SEARCHED),
    "tools[web_search_*].allowed_callers": honoured("`direct` must be among them, if any is."),
    "tools[web_fetch_20250910]": ignored(support.NO_FETCH),
    "tools[web_fetch_20260209]": ignored(support.NO_FETCH),
    "tools[web_fetch_20260309]": ignored(support.NO_FETCH),
    "tools[web_fetch_20260318]": ignored(support.NO_FETCH),
    "tools[advisor_20260301]": ignored(support.RUNS_AT_MAKER),
    "tools[mcp_toolset]": ignored(support.RUNS_AT_MAKER),
    "tools[computer_20241022]": ignored("No input schema of it is published."),
    "tools[computer_20250124]": ignored("No input schema of it is published."),
    "tools[computer_20251124]": ignored("No input schema of it is published."),
    "tools[computer_toolset_20260801]": ignored("No input schema of it is published."),
    "tools[browser_toolset_20260801]": ignored("No input schema of it is published."),
    # the content
    "*.citations": ignored(support.NO_CITATIONS),
    "*content[image].transformations": ignored("Images are sent as they are."),
    "*content[image].source[url]": honoured(support.FETCHED),
    "*content[image].source[file]": refused(_BY_REFERENCE),
    "*content[document].source[url]": honoured(support.FETCHED),
    "*content[document].source[file]": refused(_BY_REFERENCE),
    "*content[container_upload]": refused("There are no containers."),
    "*content[tool_use].caller": honoured(support.HISTORY),
    "*content[tool_use].toolset_name": ignored("The service knows no sets of tools."),
    "*content[tool_result].toolset_name": ignored("The service knows no sets of tools."),
    "*content[server_tool_use]": emulated("Becomes text, or a call if it is a search."),
    "*content[*_tool_result]": emulated("Becomes text, or a result if it is of a search."),
    "*content[tool_result]": honoured("With text, images and documents."),
    "*content[mcp_tool_use]": emulated("Becomes text."),
    "*content[tool_reference]": emulated("Becomes text, and loads a deferred tool."),
    "*content[browser_state]": emulated("Becomes text."),
    "*content[mcp_tool_listing]": ignored("The tools of MCP servers are not offered."),
    "*content[compaction]": emulated("The summary stands for what came before it."),
    "*content[compaction].encrypted_content": honoured(support.HISTORY),
    "*content[compaction].signature": honoured(support.HISTORY),
    "*content[fallback]": ignored("Tells nothing to the model."),
    "*.tool[mcp_tool_reference]": ignored("The tools of MCP servers are not offered."),
    "*.tool[mcp_toolset_reference]": ignored("The tools of MCP servers are not offered."),
}
