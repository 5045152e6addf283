"""Images and files by URL through the official SDKs: fetched where the owner allows it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.fetching import server as files
from tests.live.openai_shared import MODEL, asked, state
from tests.live.servers import KEY, Gateway
from tests.media import base64

PNG, PDF = base64(files.PNG), base64(files.PDF)
IMAGE = {"format": "png", "source": {"bytes": PNG}}


@pytest.fixture(scope="module")
def server() -> Iterator[files.Server]:
    with files.running() as one:
        yield one


@pytest.fixture(scope="module")
def fetching(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(
        simulator.url,
        tmp_path_factory.mktemp("fetching"),
        application="tests.live.fetching_app:app",
        WEB_CONCURRENCY="1",
        KIRO_FETCH_URLS="1",
        KIRO_FETCH_TIMEOUT="3",
        KIRO_FETCH_MAX_BYTES="200000",
    )
    yield running
    running.stop()


def messages(gateway: Gateway) -> Any:
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0).messages


def client(gateway: Gateway) -> Any:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


def by_url(kind: str, url: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "url", "url": url}, **members}


def ask(gateway: Gateway, *blocks: Any) -> Any:
    """One question in the Messages API."""
    content = [*blocks, {"type": "text", "text": "What is it?"}]
    return messages(gateway).create(
        model=MODEL, max_tokens=99, messages=[{"role": "user", "content": content}]
    )


def chats_of(upstream: Simulator) -> list[Any]:
    """Requests for an answer; models are listed at any time."""
    return [seen for seen in upstream.requests if seen.operation == CHAT]


def problem(gateway: Gateway, *blocks: Any) -> str:
    with pytest.raises(anthropic.BadRequestError) as failure:
        ask(gateway, *blocks)
    return str(failure.value.body["error"]["message"])  # type: ignore[index]


def test_files_of_the_messages_api(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    document = by_url("document", server.url("/a.pdf"), title="report", context="Of May.")
    ask(fetching, by_url("image", server.url("/a.png")), document)
    assert asked(upstream)["images"] == [IMAGE]
    assert asked(upstream)["documents"] == [
        {"name": "report", "format": "pdf", "source": {"bytes": PDF}}
    ]
    assert "Of May." in asked(upstream)["content"]
    ask(fetching, by_url("document", server.url("/to?/a.txt")))
    assert "Grüße" in asked(upstream)["content"]


def test_a_stream_with_an_image(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    content = [by_url("image", server.url("/a.png")), {"type": "text", "text": "What is it?"}]
    with messages(fetching).stream(
        model=MODEL, max_tokens=99, messages=[{"role": "user", "content": content}]
    ) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    assert asked(upstream)["images"] == [IMAGE]


def test_an_image_of_chat_completions(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    part = {"type": "image_url", "image_url": {"url": server.url("/a.png")}}
    client(fetching).chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": [part]}]
    )
    assert asked(upstream)["images"] == [IMAGE]


def test_files_of_responses(fetching: Gateway, server: files.Server, upstream: Simulator) -> None:
    image = {"type": "input_image", "image_url": server.url("/a.png")}
    file = {"type": "input_file", "file_url": server.url("/a.pdf"), "filename": "report.pdf"}
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]
    result = {"type": "function_call_output", "call_id": "c1", "output": [image]}
    client(fetching).responses.create(
        model=MODEL, input=[{"role": "user", "content": [image, file]}, call, result], tools=tools
    )
    first = state(upstream)["history"][0]["userInputMessage"]
    assert first["images"] == [IMAGE]
    assert [each["format"] for each in first["documents"]] == ["pdf"]
    assert asked(upstream)["images"] == [IMAGE]


def test_the_same_url_is_fetched_once_for_a_request(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    server.asked.clear()
    ask(fetching, *[by_url("image", server.url("/a.png?once"))] * 3)
    assert len(server.asked) == 1
    assert len(asked(upstream)["images"]) == 3


def test_what_was_fetched_is_counted(fetching: Gateway, server: files.Server) -> None:
    def count(path: str) -> int:
        content = [by_url("document", server.url(path))]
        counted = messages(fetching).count_tokens(
            model=MODEL, messages=[{"role": "user", "content": content}]
        )
        return int(counted.input_tokens)

    assert count("/a.pdf") > 4000 > count("/a.txt") > 0


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/missing", "its server answered with the status 404"),
        ("/page.html", "it is a web page"),
        ("/a.svg", "could not process image"),
        ("/large", "the files of this request have more than 200000 bytes"),
        ("/slow", "it took longer than 3 seconds"),
        ("/to?http://169.254.169.254/latest/meta-data/", "its host has no public address"),
        ("/to?http://127.0.0.2/", "its host has no public address"),
        ("/round", "its server redirects more than 3 times"),
    ],
)
def test_what_cannot_be_used_is_refused(
    fetching: Gateway, server: files.Server, upstream: Simulator, path: str, why: str
) -> None:
    started = time.monotonic()
    told = problem(fetching, by_url("image", server.url(path)))
    assert told.startswith("messages.0.content.0.image.source.url: the image at this URL cannot")
    assert why in told
    assert told.endswith("or send the image inline, as base64")
    assert str(server.server_port) not in told
    assert time.monotonic() - started < 20
    assert not chats_of(upstream)


@pytest.mark.parametrize(
    "host", ["127.0.0.3", "[::1]", "10.0.0.1", "2130706434", "[::ffff:127.0.0.2]", "0.0.0.0"]
)
def test_addresses_that_are_not_public_are_refused(fetching: Gateway, host: str) -> None:
    assert "its host has no public address" in problem(
        fetching, by_url("image", f"http://{host}/a.png")
    )


def test_a_url_with_a_password_is_refused_and_never_told(fetching: Gateway) -> None:
    told = problem(fetching, by_url("image", "http://user:hunter2@example.com/a.png"))
    assert "a user name or a password" in told
    assert "hunter2" not in told + fetching.log_text()


def test_more_urls_than_are_fetched(fetching: Gateway, server: files.Server) -> None:
    blocks = [by_url("image", server.url(f"/a.png?{number}")) for number in range(21)]
    told = problem(fetching, *blocks)
    assert told.startswith("messages.0.content.20.image.source.url: no more than 20 URLs")


def test_a_tools_image_that_is_gone_is_left_out(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    """Its agent could not go on after a refusal."""
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    gone = by_url("image", server.url("/missing"))
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [gone]}
    answer = messages(fetching).with_raw_response.create(
        model=MODEL,
        max_tokens=99,
        tools=[{"name": "look", "input_schema": {"type": "object"}}],
        messages=[
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ],
    )
    assert "image_as_text" in answer.headers["x-kiro-repairs"]
    (told,) = asked(upstream)["userInputMessageContext"]["toolResults"][0]["content"]
    assert told["text"].startswith("[image left out: the image at this URL cannot be used: its s")


def test_other_requests_are_served_while_one_waits(
    fetching: Gateway, server: files.Server, upstream: Simulator
) -> None:
    """The worker has one loop; /slow is read for three seconds."""

    with ThreadPoolExecutor(1) as beside:
        slow = beside.submit(problem, fetching, by_url("image", server.url("/slow")))
        while not any(path == "/slow" for path, *_ in server.asked[-1:]):
            time.sleep(0.01)
        ask(fetching)
        assert not slow.done()
        assert "longer than" in slow.result()


def test_nothing_is_fetched_unless_it_is_switched_on(
    gateway: Gateway, server: files.Server, upstream: Simulator
) -> None:
    server.asked.clear()
    told = problem(gateway, by_url("image", server.url("/a.png")))
    assert told == (
        "messages.0.content.0.image.source.url: images by URL are not fetched by this gateway,"
        " unless its owner sets KIRO_FETCH_URLS=1; send the image inline, as base64"
    )
    part = {"type": "image_url", "image_url": {"url": server.url("/a.png")}}
    with pytest.raises(openai.BadRequestError) as failure:
        client(gateway).chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": [part]}]
        )
    assert failure.value.param == "messages[0].content[0].image_url.url"
    file = {"type": "input_file", "file_url": server.url("/a.pdf")}
    with pytest.raises(openai.BadRequestError) as failure:
        client(gateway).responses.create(model=MODEL, input=[{"role": "user", "content": [file]}])
    assert failure.value.param == "input[0].content[0].file_url"
    assert server.asked == []
    assert not chats_of(upstream)
