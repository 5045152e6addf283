"""The HTTP surface of what is kept: responses that are fetched again, and their input.

Source: the types of the ``openai`` SDK 3.54; the words of errors are those of the API.
"""

from flask import Blueprint, Response, current_app, request

from app.common.errors import GatewayError, Kind
from app.dialects.wire import encode
from app.web.context import current
from app.web.headers import STREAM_HEADERS
from app.web.serving import Serving

from .kept import forms, references, shapes
from .kept.forms import ASKED, Answer, Asked, unpacked
from .kept.keeping import Keeping
from .kept.pages import page, starting_after
from .kept.replay import replay
from .parse import ParsedRequest

JSON = "application/json"


def install(routes: Blueprint, serving: Serving) -> None:
    """Add the routes of kept responses."""

    @routes.get("/v1/responses/<identity>")
    def retrieve(identity: str) -> Response:
        answer = _answer(serving, identity)
        if request.args.get("stream") == "true":
            after = starting_after(request.args.get("starting_after"))
            stream = replay(answer, after)
            return Response(stream, headers=STREAM_HEADERS, mimetype="text/event-stream")
        return Response(answer.response, mimetype=JSON)

    @routes.delete("/v1/responses/<identity>")
    def delete(identity: str) -> Response:
        forget(serving, identity, "Response")
        forget(serving, identity + ASKED, "")
        return json_answer(shapes.Deleted(identity, "response", deleted=True))

    @routes.post("/v1/responses/<identity>/cancel")
    def cancel(identity: str) -> Response:
        _answer(serving, identity)
        raise GatewayError(Kind.INVALID_REQUEST, "Cannot cancel a synchronous response.")

    @routes.get("/v1/responses/<identity>/input_items")
    def input_items(identity: str) -> Response:
        _answer(serving, identity)
        asked = unpacked(find(serving, identity + ASKED), Asked)
        if asked is None:
            raise references.not_found("Response", identity)
        return json_answer(page(asked.items(), request.args))


def most_bytes() -> int:
    """The bytes that an input may have with all that it refers to."""
    most: int = current_app.config["MAX_CONTENT_LENGTH"]
    return most


def find(serving: Serving, identity: str) -> bytes | None:
    """What is kept for the key of this request."""
    if serving.keeper is None or not references.KEPT_ID.fullmatch(identity):
        return None
    return serving.keeper.find(current().client.sha256, identity)


def forget(serving: Serving, identity: str, what: str) -> None:
    """Keep it no longer. Raises GatewayError if it is not kept, unless ``what`` is ""."""
    there = False
    if serving.keeper is not None and references.KEPT_ID.fullmatch(identity):
        there = serving.keeper.forget(current().client.sha256, identity)
    if what and not there:
        raise references.not_found(what, identity)


def keeping(serving: Serving, parsed: ParsedRequest, number: str) -> Keeping | None:
    """What gathers the answer to this request to keep it; None if it is not to be kept."""
    keeper, owner = serving.keeper, current().client.sha256
    if keeper is None or not (parsed.store or parsed.conversation_id):
        return None
    held = keeper

    def done(make: forms.Make, size: int) -> None:
        if conversation := parsed.conversation_id:  # before the answer ends: the next turn needs it
            answer = make()[f"resp_{number}"]
            held.change(
                owner,
                conversation,
                lambda before: forms.appended(before, number, parsed.own, answer),
            )
        if parsed.store:
            held.keep(owner, make, size)

    return Keeping(number, parsed.asked, parsed.conversation.size, done)


def _answer(serving: Serving, identity: str) -> Answer:
    answer = unpacked(find(serving, identity), Answer)
    if answer is None:
        raise references.not_found("Response", identity)
    return answer


def json_answer(value: object) -> Response:
    """An answer that is JSON."""
    return Response(encode(value), mimetype=JSON)
