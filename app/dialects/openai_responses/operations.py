"""The operation of the Responses API, for ``/openapi.json``."""

from app.common.openapi import JSON, Operation
from app.dialects import explaining

from . import shapes
from .compact import CompactedResponse
from .kept.operations import operations
from .schema import ResponsesRequest

_QUESTION = {
    "model": "claude-sonnet-5-5",
    "instructions": "Answer in one sentence.",
    "input": "What is the capital of France?",
}
_ANSWER = shapes.Response(
    id="resp_3f1c9a",
    object="response",
    created_at=1790000000,
    completed_at=1790000002,
    status="completed",
    background=False,
    error=None,
    incomplete_details=None,
    model="claude-sonnet-4-5",
    output=[
        shapes.OutputMessage(
            id="msg_3f1c9a_0",
            status="completed",
            role="assistant",
            content=[
                shapes.OutputText("The capital of France is Paris.", annotations=[], logprobs=[])
            ],
        )
    ],
    usage=shapes.Usage(
        input_tokens=19,
        input_tokens_details=shapes.InputDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens=9,
        output_tokens_details=shapes.OutputDetails(reasoning_tokens=0),
        total_tokens=28,
    ),
    conversation=None,
    previous_response_id=None,
    prompt=None,
    max_tool_calls=None,
    top_logprobs=None,
    safety_identifier=None,
    service_tier=None,
    user=None,
    store=False,
    parallel_tool_calls=True,
    truncation="disabled",
    max_output_tokens=None,
    temperature=None,
    top_p=None,
    instructions="Answer in one sentence.",
    metadata={},
    prompt_cache_key=None,
    reasoning=shapes.ReasoningInEffect(effort=None, summary=None),
    text={"format": {"type": "text"}},
    tool_choice="auto",
    tools=[],
)

_COMPACTED = CompactedResponse(
    id="resp_3f1c9a",
    object="response.compaction",
    created_at=1790000000,
    output=[
        {"type": "message", "role": "user", "content": "What is the capital of France?"},
        shapes.Compaction("cmp_3f1c9a_0", "eyJraXJvMmFwaSI6ImNvbXBhY3Rpb24ifQ=="),
    ],
    usage=_ANSWER.usage,
)

OPERATIONS = (
    Operation(
        id="createResponse",
        method="post",
        path="/v1/responses",
        summary="Ask a model for an answer, streamed or whole.",
        description=(
            "OpenAI's Responses API. With `stream` the answer comes as server-sent events, each "
            "named after the `type` of its JSON. Unless `store` is false, the response is kept for "
            "KIRO_RESPONSES_TTL, and can be named in `previous_response_id` and by references to "
            "its items. Members that have no effect are named in the header `x-kiro-ignored`; what "
            "was rewritten for the upstream is named in `x-kiro-repairs`."
        ),
        request=ResponsesRequest,
        example=_QUESTION,
        answers={JSON: (shapes.Response, _ANSWER)},
        events=[shapes.Event],
    ),
    explaining.operation("Response", "/v1/responses", ResponsesRequest, _QUESTION),
    Operation(
        id="countResponseInputTokens",
        method="post",
        path="/v1/responses/input_tokens",
        summary="Estimate the tokens of a request without asking a model.",
        description=(
            "The same body as for a response, of which nothing is required. The service has no call"
            " that counts; the figure is the estimate that a response has before the service tells"
            " its own."
        ),
        request=ResponsesRequest,
        example=_QUESTION,
        answers={JSON: (shapes.InputTokens, shapes.InputTokens(input_tokens=19))},
    ),
    Operation(
        id="compactResponse",
        method="post",
        path="/v1/responses/compact",
        summary="Have a conversation summed up, so that it can go on as a shorter one.",
        description=(
            "Takes the body of `/v1/responses`. The model is asked for a summary of the "
            "conversation. The `output` takes the place of the input: its messages of the user, "
            "the developer and the system, and an item that carries the summary for the rest."
        ),
        request=ResponsesRequest,
        example=_QUESTION,
        answers={JSON: (CompactedResponse, _COMPACTED)},
    ),
    *operations(_ANSWER),
)
