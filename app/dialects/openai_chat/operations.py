"""The operation of Chat Completions, for ``/openapi.json``."""

from app.common.openapi import JSON, Operation
from app.dialects import explaining
from app.dialects.openai import OpenAIError

from . import shapes
from .schema import ChatRequest

_QUESTION = {
    "model": "claude-sonnet-5-5",
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
}
_MESSAGE = shapes.ReplyMessage(
    role="assistant", content="The capital of France is Paris.", refusal=None, annotations=[]
)
_ANSWER = shapes.Completion(
    id="chatcmpl-3f1c9a",
    object="chat.completion",
    created=1790000000,
    model="claude-sonnet-4-5",
    service_tier=None,
    system_fingerprint=None,
    choices=[shapes.Choice(index=0, message=_MESSAGE, logprobs=None, finish_reason="stop")],
    usage=shapes.Usage(
        prompt_tokens=19,
        completion_tokens=9,
        total_tokens=28,
        prompt_tokens_details=shapes.PromptDetails(
            cached_tokens=0, cache_write_tokens=0, audio_tokens=0
        ),
        completion_tokens_details=shapes.CompletionDetails(
            reasoning_tokens=0,
            audio_tokens=0,
            accepted_prediction_tokens=0,
            rejected_prediction_tokens=0,
        ),
    ),
)

OPERATIONS = (
    Operation(
        id="createChatCompletion",
        method="post",
        path="/v1/chat/completions",
        summary="Ask a model for an answer, streamed or whole.",
        description=(
            "OpenAI's Chat Completions API. With `stream` the answer comes as chunks in server-sent"
            " events, ended by `[DONE]`; an error event ends a stream that fails. Members that have"
            " no effect are named in the header `x-kiro-ignored`; what was rewritten for the "
            "upstream is named in `x-kiro-repairs`."
        ),
        request=ChatRequest,
        example=_QUESTION,
        answers={JSON: (shapes.Completion, _ANSWER)},
        events=[shapes.Chunk, OpenAIError],
        sentinel="[DONE]",
    ),
    explaining.operation("ChatCompletion", "/v1/chat/completions", ChatRequest, _QUESTION),
)
