"""An image comes to the service the same, whatever form of base64 a client writes."""

from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
import requests

from app.simulator import Simulator
from tests.live.openai_shared import asked
from tests.live.servers import KEY, Gateway
from tests.media import png

PICTURE = png(3, 3)
MODEL = "claude-sonnet-4-6"
FORMS: dict[str, Callable[[bytes], str]] = {
    "lines": lambda data: encodebytes(data).decode(),
    "no padding": lambda data: b64encode(data).decode().rstrip("="),
    "URL-safe": lambda data: urlsafe_b64encode(data).decode(),
}


def of_messages(data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "text", "text": "?"}, {"type": "image", "source": source}]
    return {"max_tokens": 9, "messages": [{"role": "user", "content": content}]}


def of_chat(data: str) -> dict[str, Any]:
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]}


def of_responses(data: str) -> dict[str, Any]:
    part = {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}
    content = [{"type": "input_text", "text": "?"}, part]
    return {"input": [{"role": "user", "content": content}]}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", of_messages),
        ("/v1/chat/completions", of_chat),
        ("/v1/responses", of_responses),
    ],
)
def test_an_image_in_any_form_of_base64(
    gateway: Gateway,
    upstream: Simulator,
    path: str,
    body: Callable[[str], dict[str, Any]],
    form: Callable[[bytes], str],
) -> None:
    answer = requests.post(
        gateway.url + path,
        json={"model": MODEL, **body(form(PICTURE))},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    (image,) = asked(upstream)["images"]
    assert image["source"]["bytes"] == b64encode(PICTURE).decode()
