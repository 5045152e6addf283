"""The operation of the Responses API, for ``/openapi.json``."""

from app.openapi import JSON, Operation

from . import shapes
from .schema import ResponsesRequest

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/responses",
        summary="Ask a model for an answer, streamed or whole.",
        request=ResponsesRequest,
        answers={JSON: shapes.Response},
        events=[shapes.Event],
    ),
)
