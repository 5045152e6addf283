"""What a request refers to becomes part of its input, or is refused in the API's words."""

from typing import Any

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.core.conversation import RedactedThinking, Text
from app.dialects.openai_responses.items import reasoning_content
from app.dialects.openai_responses.kept import forms, references
from app.dialects.openai_responses.kept.forms import Answer, Asked, Conversation, packed
from app.dialects.openai_responses.kept.references import Kept, Wanted
from app.dialects.openai_responses.parse import parse_responses

N, M = "a" * 32, "b" * 32
MOST = 1 << 20


def said(text, identity, role="assistant"):
    kind = "output_text" if role == "assistant" else "input_text"
    return {
        "id": identity,
        "type": "message",
        "role": role,
        "content": [{"type": kind, "text": text}],
    }


def answer(*output, reasoning=None):
    response = msgspec.json.encode({"id": f"resp_{N}", "output": output})
    return packed(Answer(response, reasoning or {}))


def asked(*items):
    return packed(Asked(msgspec.json.encode(items)))


CHAIN = {
    f"resp_{N}": answer(said("Paris.", f"msg_{N}_0")),
    f"resp_{N}/asked": asked(said("The capital?", f"msg_{N}_in0", "user")),
}


def parsed(found, most=MOST, **body):
    raw = msgspec.json.encode(body)
    return parse_responses(raw, Headers(), "m", Kept(found, most))


def texts(request):
    return [
        (message.role, *(part.text for part in message.parts if isinstance(part, Text)))
        for message in request.conversation.messages
    ]


def refusal(found, most=MOST, **body):
    with pytest.raises(GatewayError) as failure:
        parsed(found, most, **body)
    return failure.value


def test_what_has_to_be_looked_up_is_said_first():
    with pytest.raises(Wanted) as wanted:
        parsed({}, previous_response_id=f"resp_{N}", input="x")
    assert wanted.value.ids == (f"resp_{N}", f"resp_{N}/asked")
    items = [{"type": "item_reference", "id": f"msg_{M}_1"}, {"id": f"fc_{N}_in2"}]
    with pytest.raises(Wanted) as wanted:
        parsed({}, input=items)
    assert wanted.value.ids == (f"resp_{M}", f"resp_{N}/asked")
    with pytest.raises(Wanted) as wanted:
        parsed({}, input="x", conversation={"id": f"conv_{N}"})
    assert wanted.value.ids == (f"conv_{N}",)


def test_a_chain_comes_before_the_input():
    request = parsed(CHAIN, previous_response_id=f"resp_{N}", input="How many?")
    assert texts(request) == [
        ("user", "The capital?"),
        ("assistant", "Paris."),
        ("user", "How many?"),
    ]
    assert request.own == [{"type": "message", "role": "user", "content": "How many?"}]
    assert len(request.asked) == 3


def test_a_chain_needs_no_input():
    request = parsed(CHAIN, previous_response_id=f"resp_{N}")
    assert [role for role, *_ in texts(request)] == ["user", "assistant"]


def test_a_reference_is_replaced_where_it_stands():
    items = [
        {"role": "user", "content": "first"},
        {"type": "item_reference", "id": f"msg_{N}_0"},
        {"role": "user", "content": "last"},
    ]
    assert texts(parsed(CHAIN, input=items)) == [
        ("user", "first"),
        ("assistant", "Paris."),
        ("user", "last"),
    ]


def test_a_reference_to_what_is_there_already_is_dropped_and_listed():
    reference = {"type": "item_reference", "id": f"msg_{N}_0"}
    own = {"role": "user", "content": "x"}
    request = parsed(CHAIN, previous_response_id=f"resp_{N}", input=[reference, own])
    assert len(texts(request)) == 3
    assert request.conversation.notes == ("repeated_item_reference_dropped",)
    twice = parsed(CHAIN, input=[reference, reference, own])
    assert len(texts(twice)) == 2


def test_reasoning_has_the_content_that_the_client_did_not_get():
    item: Any = {"id": f"rs_{N}_0", "type": "reasoning", "summary": [], "encrypted_content": None}
    content = reasoning_content.encode(RedactedThinking("Eo8B"))
    found = CHAIN | {f"resp_{N}": answer(item, reasoning={f"rs_{N}_0": content})}
    request = parsed(found, previous_response_id=f"resp_{N}", input="x")
    assert RedactedThinking("Eo8B") in request.conversation.messages[1].parts


def test_an_error_names_the_place_that_the_client_knows():
    error = refusal(CHAIN, previous_response_id=f"resp_{N}", input=[{"role": "user", "content": 5}])
    assert error.field == "input[0].content"
    dropped = {"type": "item_reference", "id": f"msg_{N}_0"}
    wrong = {"role": "user", "content": 5}
    error = refusal(CHAIN, previous_response_id=f"resp_{N}", input=[dropped, wrong])
    assert error.field == "input[1].content"


def test_what_is_not_kept_is_refused_in_the_words_of_the_api():
    gone = dict.fromkeys(CHAIN)
    error = refusal(gone, previous_response_id=f"resp_{N}", input="x")
    assert (error.status, error.code) == (400, "previous_response_not_found")
    assert error.message == f"Previous response with id 'resp_{N}' not found."
    assert error.field == "previous_response_id"
    error = refusal(gone, input=[{"type": "item_reference", "id": f"msg_{N}_0"}])
    assert (error.kind, error.field) == (Kind.NOT_FOUND, "input")
    assert error.message.startswith(f"Item with id 'msg_{N}_0' not found. Items are not persisted")
    error = refusal({f"conv_{N}": None}, conversation=f"conv_{N}", input="x")
    assert (error.status, error.field) == (404, "conversation")


def test_half_a_response_is_none():
    found = CHAIN | {f"resp_{N}/asked": None}
    assert refusal(found, previous_response_id=f"resp_{N}", input="x").status == 400


def test_an_item_that_its_response_does_not_have_is_not_found():
    assert refusal(CHAIN, input=[{"type": "item_reference", "id": f"msg_{N}_7"}]).status == 404


def test_a_conversation_comes_before_the_input():
    held = packed(Conversation(1, {}, msgspec.json.encode([said("hello", "msg_1", "user")])))
    request = parsed({f"conv_{N}": held}, conversation=f"conv_{N}", input="x", store=False)
    assert texts(request) == [("user", "hello"), ("user", "x")]
    assert (request.store, request.conversation_id) == (False, f"conv_{N}")
    assert len(request.own) == 1
    echo = request.options.echo
    assert msgspec.json.decode(echo["conversation"]) == {"id": f"conv_{N}"}


def test_what_is_referred_to_is_bounded_as_a_body_is():
    found = CHAIN | {f"resp_{N}/asked": asked(said("x" * 2000, "msg_1", "user"))}
    error = refusal(found, 1500, previous_response_id=f"resp_{N}", input="x")
    assert error.kind is Kind.REQUEST_TOO_LARGE
    many = CHAIN | {f"resp_{N}/asked": asked(*[{"type": "x", "a": [0] * 1000}] * 150)}
    error = refusal(many, previous_response_id=f"resp_{N}", input="x")
    assert "more than 100,000 values" in error.message


def test_a_look_up_ends_at_what_is_missing_and_at_too_much():
    asked_for = []

    def find(identity):
        asked_for.append(identity)
        return

    ids = [f"resp_{N}", f"resp_{M}"]
    assert references.look_up(ids, find, MOST) == dict.fromkeys(ids)
    assert asked_for == ids[:1]
    assert references.look_up(["resp_1"], find, MOST) == {"resp_1": None}
    assert asked_for == ids[:1]  # no id of this gateway
    with pytest.raises(GatewayError) as failure:
        references.look_up(ids, lambda _: b"x" * 600, 1000)
    assert failure.value.kind is Kind.REQUEST_TOO_LARGE


def test_an_input_is_listed_as_the_api_does():
    given = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
        {"id": "mine", "role": "user", "content": []},
    ]
    listed = forms.numbered(given, N)
    assert [item["id"] for item in listed] == [
        f"msg_{N}_in0",
        f"msg_{N}_in1",
        f"fco_{N}_in2",
        "mine",
    ]
    assert [item["type"] for item in listed][:2] == ["message", "message"]
    assert listed[0]["content"] == [{"type": "input_text", "text": "hi"}]
    assert listed[1]["content"][0]["type"] == "output_text"
    assert given[0] == {"role": "user", "content": "hi"}


def test_what_is_kept_shows_nothing_in_a_repr():
    request = parsed(CHAIN, previous_response_id=f"resp_{N}", input="secret words")
    assert "secret words" not in repr(request.conversation)
    assert "secret words" not in repr(request.options)
