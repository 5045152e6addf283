"""Load through nginx while something happens: the SDKs' own clients, and a plain one.

The clients do not retry, where not told to, so that each request that fails is seen.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import openai

MODEL = "claude-sonnet-5"
TEXT = "Hello"
PLAIN, SLOW = "plain", "slow"
"""Marks of prompts: the answer comes at once, or with a pause in the middle."""

SCRIPT = (
    {"text": ["Hel", "lo"], "credits": 0.1, "match": {"text": PLAIN}, "times": None},
    {
        "text": ["Hel", "lo"],
        "credits": 0.1,
        "stall": {"after": 2, "seconds": 0.7},
        "match": {"text": SLOW},
        "times": None,
    },
)
"""What the simulator answers."""


class Load:
    """Requests until it is ended. ``failed`` says of each failure what it was; ``answered`` counts
    the whole answers."""

    def __init__(self, url: str, key: str, *, retries: int) -> None:
        self._retries = retries
        self._url = url
        self._key = key
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.answered = 0
        self.failed: list[str] = []
        asks = [self._messages, self._messages, self._chat, self._responses, self._plainly]
        self._threads = [threading.Thread(target=self._ask, args=(ask,)) for ask in asks]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let the requests in progress end, and begin no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, more: int) -> None:
        """Until so many more were answered."""
        wanted, end = self.answered + more, time.monotonic() + 100
        while self.answered < wanted:
            assert time.monotonic() < end, f"{self.answered} of {wanted}: {self.failed[:5]}"
            time.sleep(0.02)

    def _ask(self, make: Callable[[], Iterator[str]]) -> None:
        texts = make()
        while not self._over.is_set():
            try:
                text = next(texts)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                texts = make()
            with self._lock:
                if text == TEXT:
                    self.answered += 1
                else:
                    self.failed.append(f"{make.__name__}: {text}")

    def _messages(self) -> Iterator[str]:
        with anthropic.Anthropic(
            base_url=self._url, api_key=self._key, max_retries=self._retries
        ) as client:
            while True:
                with client.messages.stream(
                    model=MODEL, max_tokens=64, messages=[{"role": "user", "content": SLOW}]
                ) as stream:
                    message = stream.get_final_message()
                yield _joined(message.stop_reason == "end_turn", message.content)

    def _openai(self) -> openai.OpenAI:
        told: Any = {"api_key": self._key, "max_retries": self._retries}
        return openai.OpenAI(base_url=self._url + "/v1", **told)

    def _chat(self) -> Iterator[str]:
        client = openai.OpenAI(
            base_url=self._url + "/v1", api_key=self._key, max_retries=self._retries
        )
        with client:
            while True:
                stream = client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": SLOW}], stream=True
                )
                chunks = [chunk.choices[0] for chunk in stream if chunk.choices]
                text = "".join(chunk.delta.content or "" for chunk in chunks)
                yield text if chunks[-1].finish_reason == "stop" else f"cut: {text}"

    def _responses(self) -> Iterator[str]:
        client = openai.OpenAI(
            base_url=self._url + "/v1", api_key=self._key, max_retries=self._retries
        )
        with client:
            while True:
                response = client.responses.create(model=MODEL, input=PLAIN)
                yield response.output_text if response.status == "completed" else "cut"

    def _plainly(self) -> Iterator[str]:
        """On one connection, again and again, as a proxy of another's would."""
        port = int(self._url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                yield ask(connection, self._key)
            except (ConnectionError, http.client.RemoteDisconnected):
                if not self._retries:
                    raise
                connection.close()


def ask(connection: http.client.HTTPConnection, key: str, prompt: str = PLAIN) -> str:
    """The text of a whole answer, or its error."""
    told: dict[str, Any] = {"model": MODEL, "max_tokens": 64}
    body = json.dumps(told | {"messages": [{"role": "user", "content": prompt}]})
    headers = {"x-api-key": key, "content-type": "application/json"}
    connection.request("POST", "/v1/messages", body, headers)
    answer = connection.getresponse()
    read = answer.read()
    if answer.status != 200:
        return f"{answer.status}: {read[:300]!r}"
    return "".join(block["text"] for block in json.loads(read)["content"])


def _joined(whole: bool, content: Any) -> str:
    text = "".join(block.text for block in content)
    return text if whole else f"cut: {text}"


@contextmanager
def load(url: str, key: str, *, retries: int = 0) -> Iterator[Load]:
    """Load meanwhile; none of it may fail."""
    running = Load(url, key, retries=retries)
    try:
        running.wait_for(10)
        yield running
        running.wait_for(10)
    finally:
        running.end()
    assert not running.failed, f"{len(running.failed)} of {running.answered}: {running.failed[:5]}"
