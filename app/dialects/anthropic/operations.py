"""The operations of the Messages API, for ``/openapi.json``."""

from app.openapi import JSON, Operation

from . import shapes
from .schema import CountTokensRequest, MessagesRequest

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/messages",
        summary="Ask a model for an answer, streamed or whole.",
        request=MessagesRequest,
        answers={JSON: shapes.Message},
        events=[shapes.Event],
    ),
    Operation(
        method="post",
        path="/v1/messages/count_tokens",
        summary="Estimate the tokens of a request.",
        request=CountTokensRequest,
        answers={JSON: shapes.TokenCount},
    ),
)
