"""The operations of the Messages API, for ``/openapi.json``."""

from app.common.openapi import JSON, Operation
from app.dialects import explaining

from . import shapes
from .schema import CountTokensRequest, MessagesRequest

_QUESTION = {
    "model": "claude-sonnet-5-5",
    "system": "Answer in one sentence.",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
_ANSWER = shapes.Message(
    id="msg_3f1c9a",
    type="message",
    role="assistant",
    model="claude-sonnet-4-5",
    content=[shapes.Text("The capital of France is Paris.")],
    stop_reason="end_turn",
    stop_sequence=None,
    stop_details=None,
    usage=shapes.Usage(
        input_tokens=19,
        cache_creation_input_tokens=0,
        cache_read_input_tokens=0,
        output_tokens=9,
    ),
)

OPERATIONS = (
    Operation(
        id="createMessage",
        method="post",
        path="/v1/messages",
        summary="Ask a model for an answer, streamed or whole.",
        description=(
            "Anthropic's Messages API. With `stream` the answer comes as server-sent events, each "
            "named after the `type` of its JSON. Members that have no effect are named in the "
            "header `x-kiro-ignored`; what was rewritten for the upstream is named in "
            "`x-kiro-repairs`."
        ),
        request=MessagesRequest,
        example=_QUESTION | {"max_tokens": 1024},
        answers={JSON: (shapes.Message, _ANSWER)},
        events=[shapes.Event],
    ),
    explaining.operation(
        "Message", "/v1/messages", MessagesRequest, _QUESTION | {"max_tokens": 1024}
    ),
    Operation(
        id="countMessageTokens",
        method="post",
        path="/v1/messages/count_tokens",
        summary="Estimate the tokens of a request.",
        description=(
            "Takes the body of `/v1/messages` and answers how many tokens its input has. It is an "
            "estimate: the upstream has no call that counts."
        ),
        request=CountTokensRequest,
        example=_QUESTION,
        answers={JSON: (shapes.TokenCount, shapes.TokenCount(19))},
    ),
)
