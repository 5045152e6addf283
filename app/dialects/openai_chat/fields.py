"""What is done with the fields of Chat Completions: a row for each that is not simply honoured
(:mod:`app.dialects.support`). The types are in :mod:`.schema` and :mod:`.tool_forms`.
"""

from app.dialects import support
from app.dialects.support import Fields, emulated, honoured, ignored, refused

from .schema import ChatRequest
from .tool_forms import CustomTool, FunctionTool

TYPES = {"": (ChatRequest,), "tools": (FunctionTool, CustomTool)}
"""The types of which a request is read, by the member that they are read for."""

FIELDS: Fields = {
    # the answer
    "max_tokens": emulated(support.COUNTED),
    "max_completion_tokens": emulated(support.COUNTED),
    "stop": emulated(support.WATCHED),
    "parallel_tool_calls": emulated(support.ONE_CALL),
    "temperature": ignored(support.NO_SAMPLING),
    "top_p": ignored(support.NO_SAMPLING),
    "frequency_penalty": ignored(support.NO_SAMPLING),
    "presence_penalty": ignored(support.NO_SAMPLING),
    "seed": ignored(support.NO_SAMPLING),
    "logit_bias": ignored(support.NO_SAMPLING),
    "n": refused("One answer is made for a request; 1 is honoured."),
    "best_of": refused("One answer is made for a request; 1 is honoured."),
    "logprobs": refused("The service tells no probabilities; false is honoured."),
    "top_logprobs": refused("The service tells no probabilities; 0 is honoured."),
    "reasoning_effort": honoured(support.BY_MODEL),
    "response_format[json_object]": emulated(support.BY_TOOL),
    "response_format[json_schema]": emulated(support.BY_TOOL),
    "tool_choice": emulated(support.FORCED),
    "function_call": emulated(support.FORCED),
    "verbosity": ignored("The service has no member for the length of answers."),
    "modalities": ignored("The service's models write text alone."),
    "audio": ignored("The service's models do not speak."),
    "prediction": ignored("The service takes no predicted output."),
    "web_search_options": emulated(support.SEARCHED),
    "moderation": ignored("The service moderates by its own rules."),
    "stream_options.include_obfuscation": ignored("Nothing is added to the events of a stream."),
    # the request
    "prompt_cache_key": honoured("It tells conversations apart."),
    "prompt_cache_options": ignored(support.NO_CACHE_MARKS),
    "prompt_cache_retention": ignored(support.NO_CACHE_MARKS),
    "*.prompt_cache_breakpoint": ignored(support.NO_CACHE_MARKS),
    "service_tier": ignored(support.NO_TIERS),
    "store": ignored("Chat completions are not kept; the Responses API keeps its answers."),
    "metadata": ignored("It is for completions that are kept."),
    "user": ignored("The service knows no users of the client."),
    "safety_identifier": ignored("The service knows no users of the client."),
    # the tools
    "tools[custom]": emulated("Offered as a function of one text, which the client gets bare."),
    "tools[function].function.strict": emulated(support.STRICT),
    "functions.strict": emulated(support.STRICT),
    # the content
    "messages[assistant].audio": ignored("Nothing that was spoken is kept here."),
    "messages[assistant].name": ignored("The service's turns have no names."),
    "messages[assistant].refusal": emulated("Becomes text."),
    "messages[assistant].content[refusal]": emulated("Becomes text."),
    "messages[system].name": honoured("It is written into the text."),
    "messages[developer].name": honoured("It is written into the text."),
    "messages[user].name": honoured("It is written into the text."),
    "*content[image_url].image_url": honoured(f"A data: URL, or one of http. {support.FETCHED}"),
    "*content[image_url].image_url.detail": ignored("The service takes images in one detail."),
    "*content[input_audio]": refused("The service's models do not hear; send a transcript."),
    "*content[file].file.file_id": refused("Files are not kept here; send file_data."),
}
