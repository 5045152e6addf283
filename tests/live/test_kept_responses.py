"""Responses that are kept: the official ``openai`` SDK against two workers and the simulated
upstream, over real sockets.
"""

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from app.keys.key_file import digest
from app.simulator import Simulator
from tests.credentials.redis_server import RedisServer
from tests.live.openai_shared import MODEL, chats
from tests.live.servers import KEY, Gateway

SECRET_WORDS = "the password is xyzzy-plugh"


def client_of(gateway: Gateway, key: str = KEY) -> Any:
    """Checks every answer strictly against the SDK's types."""
    return OpenAI(
        base_url=gateway.url + "/v1",
        api_key=key,
        max_retries=0,
        _strict_response_validation=True,
    )


@pytest.fixture
def client(gateway: Gateway) -> Any:
    return client_of(gateway)


@pytest.fixture
def own(upstream: Simulator, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways of this test alone, all with the same directory."""
    with contextlib.ExitStack() as running:

        def start(**settings: str) -> Gateway:
            gateway = Gateway(upstream.url, tmp_path, **settings)
            running.callback(gateway.stop)
            return gateway

        yield start


def ask(client: Any, text: Any, **members: Any) -> Any:
    return client.responses.create(model=MODEL, input=text, **members)


def sent(upstream: Simulator) -> str:
    """The last conversation that the upstream got, as text."""
    return json.dumps(chats(upstream)[-1].body, ensure_ascii=False)


def on_every_worker(gateway: Gateway, call: Callable[[Any], Any], times: int = 12) -> list[Any]:
    """The results of calls on new connections, which all workers take some of."""
    return [call(client_of(gateway)) for _ in range(times)]


def status_of(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(openai.APIStatusError) as failure:
        call()
    return failure.value.status_code, failure.value.message


def database(directory: Path) -> list[Path]:
    return list((directory / "tokens").glob("responses-*.db"))


# Chains


@pytest.mark.parametrize("streamed", [False, True])
def test_a_request_follows_an_earlier_response(
    client: Any, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["It is Paris."]}, {"text": ["Two million."]})
    if streamed:
        with client.responses.stream(model=MODEL, input="The capital of France?") as stream:
            first = stream.get_final_response()
    else:
        first = ask(client, "The capital of France?")
    second = ask(client, "How many live there?", previous_response_id=first.id)
    assert first.store is True
    assert second.previous_response_id == first.id
    assert second.output_text == "Two million."
    conversation = sent(upstream)
    places = [conversation.index(words) for words in ("capital of France", "It is Paris.")]
    assert places == sorted(places)
    assert "How many live there?" in conversation


def test_a_chain_is_followed_by_every_worker_at_once(gateway: Gateway, upstream: Simulator) -> None:
    last = ask(client_of(gateway), "one")
    for word in ("two", "three", "four", "five", "six", "seven", "eight"):
        last = ask(client_of(gateway), word, previous_response_id=last.id)
    conversation = sent(upstream)
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        assert word in conversation


def test_a_tool_is_answered_by_its_call_id_alone(client: Any, upstream: Simulator) -> None:
    upstream.script({"tools": [{"name": "look", "input": {"at": "sky"}}]}, {"text": ["Blue."]})
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
    first = ask(client, "Which colour?", tools=[tool])
    call = next(item for item in first.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "it is blue"}
    second = ask(client, [result], tools=[tool], previous_response_id=first.id)
    assert second.output_text == "Blue."
    assert "it is blue" in sent(upstream)
    assert "Which colour?" in sent(upstream)


def test_items_are_referred_to(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["A word before."]}, {"text": ["After."]})
    first = ask(client, "Say something.")
    items = [
        {"role": "user", "content": "Say something."},
        {"type": "item_reference", "id": first.output[0].id},
        {"role": "user", "content": "And now?"},
    ]
    second = ask(client, items)
    assert second.output_text == "After."
    assert "A word before." in sent(upstream)
    listed = client.responses.input_items.list(second.id, order="asc").data
    assert [item.content[0].text for item in listed] == [
        "Say something.",
        "A word before.",
        "And now?",
    ]


def test_reasoning_goes_back_although_the_client_never_had_it(
    client: Any, upstream: Simulator
) -> None:
    upstream.script(
        {"think": {"text": ["Hidden ", "thoughts."], "signature": "c2ln"}, "text": "Seen."},
        {"text": "Next."},
    )
    first = ask(client, "Think.", reasoning={"effort": "high"})
    assert [item.type for item in first.output] == ["reasoning", "message"]
    assert first.output[0].encrypted_content is None
    ask(client, "Go on.", previous_response_id=first.id, reasoning={"effort": "high"})
    assert "Hidden thoughts." in sent(upstream)
    again = client.responses.retrieve(first.id)
    assert again.output[0].encrypted_content is None


# What is fetched again


def test_a_response_is_fetched_again_as_it_was(gateway: Gateway, client: Any) -> None:
    first = ask(client, "Say hello.", metadata={"a": "b"})
    fetched = on_every_worker(gateway, lambda each: each.responses.retrieve(first.id))
    assert {each.model_dump_json() for each in fetched} == {first.model_dump_json()}


def test_a_response_is_streamed_again(client: Any, upstream: Simulator) -> None:
    upstream.script(
        {
            "think": {"text": ["Hm."], "signature": "c2ln"},
            "text": "Words. ",
            "tools": [{"name": "look", "input": {"at": "sky"}}],
        }
    )
    tool = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
    first = ask(client, "Look.", tools=[tool], reasoning={"effort": "high", "summary": "auto"})
    with client.responses.stream(response_id=first.id, starting_after=0) as stream:
        events = list(stream)
        assert stream.get_final_response().output_text == "Words. "
    assert {"response.output_text.delta", "response.function_call_arguments.delta"} <= {
        event.type for event in events
    }
    again = list(client.responses.retrieve(first.id, stream=True))
    assert again[0].type == "response.created"
    assert [event.sequence_number for event in again] == list(range(len(again)))
    assert again[-1].response == first


def test_what_was_asked_is_listed_in_pages(client: Any) -> None:
    asked = [{"role": "user", "content": f"number {n}"} for n in range(5)]
    response = ask(client, asked)
    newest = client.responses.input_items.list(response.id, limit=2)
    assert [item.content[0].text for item in newest.data] == ["number 4", "number 3"]
    assert newest.has_more is True
    everything = list(client.responses.input_items.list(response.id, limit=2, order="asc"))
    assert [item.content[0].text for item in everything] == [f"number {n}" for n in range(5)]


def test_what_is_deleted_is_gone_for_every_worker(gateway: Gateway, client: Any) -> None:
    response = ask(client, "Say hello.")
    client.responses.delete(response.id)
    for code, message in on_every_worker(
        gateway, lambda each: status_of(lambda: each.responses.retrieve(response.id)), times=4
    ):
        assert code == 404
        assert f"Response with id '{response.id}' not found." in message
    assert status_of(lambda: client.responses.delete(response.id))[0] == 404
    assert status_of(lambda: client.responses.input_items.list(response.id))[0] == 404
    code, message = status_of(lambda: ask(client, "x", previous_response_id=response.id))
    assert code == 400
    assert f"Previous response with id '{response.id}' not found." in message


def test_an_ended_response_cannot_be_cancelled(client: Any) -> None:
    response = ask(client, "Say hello.")
    code, message = status_of(lambda: client.responses.cancel(response.id))
    assert (code, "Cannot cancel a synchronous response." in message) == (400, True)


# Conversations


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_grows_by_each_request(
    gateway: Gateway, upstream: Simulator, streamed: bool
) -> None:
    upstream.script({"text": ["Noted."]}, {"text": ["Seven."]})
    first = client_of(gateway)
    conversation = first.conversations.create(
        items=[{"type": "message", "role": "user", "content": "My number is seven."}],
        metadata={"topic": "numbers"},
    )
    for text in ("Remember it.", "What is it?"):
        client = client_of(gateway)  # any worker
        request = {"model": MODEL, "input": text, "conversation": conversation.id}
        if streamed:
            with client.responses.stream(**request) as stream:
                response = stream.get_final_response()
        else:
            response = client.responses.create(**request)
        assert response.conversation.id == conversation.id
    for words in ("My number is seven.", "Remember it.", "Noted.", "What is it?"):
        assert words in sent(upstream)
    items = list(first.conversations.items.list(conversation.id, order="asc", limit=2))
    assert [item.content[0].text for item in items] == [
        "My number is seven.",
        "Remember it.",
        "Noted.",
        "What is it?",
        "Seven.",
    ]


def test_a_conversation_is_changed_and_deleted(client: Any) -> None:
    conversation = client.conversations.create(metadata={"a": "b"})
    assert conversation.metadata == {"a": "b"}
    changed = client.conversations.update(conversation.id, metadata={"c": "d"})
    assert (changed.id, changed.metadata) == (conversation.id, {"c": "d"})
    item = {"type": "message", "role": "user", "content": "hi"}
    [added] = client.conversations.items.create(conversation.id, items=[item]).data
    found = client.conversations.items.retrieve(added.id, conversation_id=conversation.id)
    assert found == added
    client.conversations.items.delete(added.id, conversation_id=conversation.id)
    client.conversations.delete(conversation.id)
    for call in (
        lambda: client.conversations.retrieve(conversation.id),
        lambda: client.conversations.delete(conversation.id),
        lambda: client.conversations.items.list(conversation.id),
        lambda: ask(client, "x", conversation=conversation.id),
    ):
        code, message = status_of(call)
        assert code == 404
        assert f"Conversation with id '{conversation.id}' not found." in message


def test_two_requests_at_once_both_add_to_a_conversation(gateway: Gateway) -> None:
    conversation = client_of(gateway).conversations.create()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: ask(client_of(gateway), f"word {n}", conversation=conversation.id),
                range(8),
            )
        )
    items = list(client_of(gateway).conversations.items.list(conversation.id, limit=100))
    asked = {item.content[0].text for item in items if item.role == "user"}
    assert asked == {f"word {n}" for n in range(8)}
    assert len(items) == 16


def test_a_chain_and_a_conversation_exclude_each_other(client: Any) -> None:
    conversation = client.conversations.create()
    response = ask(client, "hi")
    both = {"conversation": conversation.id, "previous_response_id": response.id}
    assert status_of(lambda: ask(client, "x", **both))[0] == 400


# What is not there


def test_what_is_not_to_be_stored_is_not(client: Any) -> None:
    response = ask(client, "Say hello.", store=False)
    assert response.store is False
    assert status_of(lambda: client.responses.retrieve(response.id))[0] == 404
    reference = {"type": "item_reference", "id": response.output[0].id}
    code, message = status_of(lambda: ask(client, [reference]))
    assert code == 404
    assert "Items are not persisted when `store` is set to false." in message


def test_another_key_finds_nothing(own: Callable[..., Gateway], tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    named = [{"name": name, "sha256": digest(f"key-{name}")} for name in "ab"]
    path.write_text(json.dumps({"keys": named}))
    gateway = own(KIRO_CLIENT_KEYS_FILE=str(path))
    mine, theirs = client_of(gateway, "key-a"), client_of(gateway, "key-b")
    response = ask(mine, "Say hello.")
    assert mine.responses.retrieve(response.id).id == response.id
    assert status_of(lambda: theirs.responses.retrieve(response.id))[0] == 404
    assert status_of(lambda: theirs.responses.delete(response.id))[0] == 404
    assert status_of(lambda: ask(theirs, "x", previous_response_id=response.id))[0] == 400
    reference = {"type": "item_reference", "id": response.output[0].id}
    assert status_of(lambda: ask(theirs, [reference]))[0] == 404
    assert mine.responses.retrieve(response.id).id == response.id


def test_with_a_ttl_of_0_nothing_is_kept(own: Callable[..., Gateway], tmp_path: Path) -> None:
    gateway = own(KIRO_RESPONSES_TTL="0")
    client = client_of(gateway)
    response = ask(client, "Say hello.")
    assert response.store is False
    assert status_of(lambda: client.responses.retrieve(response.id))[0] == 404
    code, message = status_of(lambda: ask(client, "x", previous_response_id=response.id))
    assert (code, "not found" in message) == (400, True)
    assert database(tmp_path) == []


def test_what_is_kept_ends_with_its_time(own: Callable[..., Gateway]) -> None:
    client = client_of(own(KIRO_RESPONSES_TTL="2"))
    response = ask(client, "Say hello.")
    assert client.responses.retrieve(response.id).id == response.id
    time.sleep(2.2)
    assert status_of(lambda: client.responses.retrieve(response.id))[0] == 404


def test_the_oldest_makes_room(own: Callable[..., Gateway], tmp_path: Path) -> None:
    gateway = own(KIRO_RESPONSES_MAX_BYTES=str(1 << 20))
    client = client_of(gateway)
    asked = [os.urandom(150_000).hex() for _ in range(10)]  # 150 kB each, compressed
    responses = [ask(client, each) for each in asked]
    assert client.responses.retrieve(responses[-1].id).id == responses[-1].id
    assert status_of(lambda: ask(client, "x", previous_response_id=responses[0].id))[0] == 400
    [path] = database(tmp_path)
    assert path.stat().st_size < 3 << 20


# Processes


def test_kept_responses_outlive_a_reload(own: Callable[..., Gateway], tmp_path: Path) -> None:
    gateway = own()
    response = ask(client_of(gateway), "Say hello.")
    before = database(tmp_path)
    gateway.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while gateway.log_text().count("Worker exiting") < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    for fetched in on_every_worker(gateway, lambda each: each.responses.retrieve(response.id)):
        assert fetched.id == response.id
    assert database(tmp_path) == before


def test_a_stop_removes_the_file_and_a_start_those_of_killed_masters(
    own: Callable[..., Gateway], tmp_path: Path
) -> None:
    first = own()
    response = ask(client_of(first), "Say hello.")
    [left] = database(tmp_path)
    workers = Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children").read_text()
    for pid in [first.process.pid, *map(int, workers.split())]:
        os.kill(pid, signal.SIGKILL)
    first.process.wait()
    second = own()
    assert left not in database(tmp_path)
    assert len(database(tmp_path)) == 1
    assert status_of(lambda: client_of(second).responses.retrieve(response.id))[0] == 404
    third = own()
    assert len(database(tmp_path)) == 2  # one for each master
    third.stop()
    assert len(database(tmp_path)) == 1
    ask(client_of(second), "Say hello.")
    second.stop()
    assert list((tmp_path / "tokens").glob("responses-*")) == []


def test_no_prompt_or_owner_can_be_read_on_disk(
    own: Callable[..., Gateway], tmp_path: Path
) -> None:
    gateway = own()
    client = client_of(gateway)
    response = ask(client, SECRET_WORDS, instructions=SECRET_WORDS)
    assert client.responses.retrieve(response.id).instructions == SECRET_WORDS
    [path] = database(tmp_path)
    for file in (tmp_path / "tokens").glob("responses-*"):
        assert file.stat().st_mode & 0o777 == 0o600
        for word in ("xyzzy", response.id, response.id.removeprefix("resp_"), KEY):
            assert word.encode() not in file.read_bytes()
    rows = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True).execute(
        "SELECT count(*) FROM kept"
    )
    assert rows.fetchone() == (2,)


# Several hosts


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if not RedisServer.is_installed():
        pytest.skip("redis-server is not installed")
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()


STORE_KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


def test_two_masters_share_through_redis(
    own: Callable[..., Gateway], redis_server: RedisServer, upstream: Simulator
) -> None:
    settings = {"KIRO_TOKEN_STORE": redis_server.url, "KIRO_STORE_KEY": STORE_KEY}
    one, other = own(**settings), own(**settings)
    response = ask(client_of(one), SECRET_WORDS)
    assert client_of(other).responses.retrieve(response.id).id == response.id
    ask(client_of(other), "go on", previous_response_id=response.id)
    assert SECRET_WORDS in sent(upstream)
    stored = redis_server.contents()
    assert any(name.startswith(b"kiro2api:response:") for name in stored)
    for name, value in stored.items():
        assert b"xyzzy" not in value
        assert response.id.removeprefix("resp_").encode() not in name + value
    one.stop()
    again = own(**settings)
    assert client_of(again).responses.retrieve(response.id).id == response.id
    client_of(again).responses.delete(response.id)
    assert status_of(lambda: client_of(other).responses.retrieve(response.id))[0] == 404


def test_redis_holds_nothing_without_a_store_key(
    own: Callable[..., Gateway], redis_server: RedisServer
) -> None:
    gateway = own(KIRO_TOKEN_STORE=redis_server.url)
    response = ask(client_of(gateway), "Say hello.")
    assert client_of(gateway).responses.retrieve(response.id).id == response.id
    assert not any(b"response" in name for name in redis_server.contents())


def test_a_host_keeps_what_redis_does_not_take(
    own: Callable[..., Gateway], redis_server: RedisServer
) -> None:
    gateway = own(KIRO_TOKEN_STORE=redis_server.url, KIRO_STORE_KEY=STORE_KEY)
    client = client_of(gateway)
    redis_server.stop()
    response = ask(client, "Say hello.")
    for fetched in on_every_worker(gateway, lambda each: each.responses.retrieve(response.id), 4):
        assert fetched.id == response.id
