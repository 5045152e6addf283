"""The pages that an answer cites: the same in a stream and in a whole answer."""

import json

from hypothesis import given, settings

from app.core.conversation import CitedText, WebPage
from app.core.events import Event, Finish, TextDelta
from app.dialects.openai_chat.reply import ReplyContext, whole
from app.dialects.openai_chat.stream import CitingEncoder, StreamEncoder
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter
from tests.dialects.openai_chat.test_stream import fold, read, sdk_completion

CONTEXT = ReplyContext("chatcmpl-1", 1, "m")
A, B = (WebPage(f"https://{name}.example", name.upper()) for name in "ab")


def cited(start, end, page):
    citation = {"start_index": start, "end_index": end, "url": page.url, "title": page.title}
    return {"type": "url_citation", "url_citation": citation}


def test_the_annotations_are_in_one_chunk_before_the_last():
    events: list[Event] = [
        TextDelta("é "),
        CitedText("b c", (A, B)),
        TextDelta("."),
        Finish("end_turn"),
    ]
    *_, annotations, last, _ = read(CitingEncoder(CONTEXT, FixedMeter()).feed(events))
    assert annotations["choices"][0]["delta"] == {
        "annotations": [cited(2, 5, A), cited(2, 5, B)],
    }
    assert last["choices"][0]["finish_reason"] == "stop"


@settings(deadline=None, max_examples=60)
@given(answers(web=True))
def test_stream_and_whole_answer_cite_the_same(events):
    message = json.loads(whole(CONTEXT, fold(events), FixedMeter()))["choices"][0]["message"]
    streamed = sdk_completion(CitingEncoder(CONTEXT, FixedMeter()).feed(events))
    said = streamed.choices[0].message.model_dump()
    assert (said["content"] or "") == (message["content"] or "")
    assert (said.get("annotations") or []) == message["annotations"]
    for annotation in message["annotations"]:
        place = annotation["url_citation"]
        words = message["content"][place["start_index"] : place["end_index"]]
        assert words in {event.text for event in events if isinstance(event, CitedText)}


@settings(deadline=None, max_examples=60)
@given(answers())
def test_an_answer_that_cites_nothing_is_written_as_any_other(events):
    made = CitingEncoder(CONTEXT, FixedMeter()).feed(events)
    assert made == StreamEncoder(CONTEXT, FixedMeter()).feed(events)
