"""Codex is known by its headers."""

import pytest
from werkzeug.datastructures import Headers

from app.dialects.openai_responses import codex


@pytest.mark.parametrize(
    ("headers", "is_codex"),
    [
        ({"originator": "codex_exec"}, True),
        ({"Originator": "Codex Desktop"}, True),
        ({"user-agent": "codex_cli_rs/0.153.0 (Debian 13.0.0; x86_64) xterm"}, True),
        ({"user-agent": "codex-tui/0.171.0"}, True),
        ({"user-agent": "OpenAI/Python 3.54.0"}, False),
        ({"user-agent": "my-agent (like codex)"}, False),
        ({"originator": ""}, False),
        ({}, False),
    ],
)
def test_it_is_known(headers, is_codex):
    assert codex.asks(Headers(headers)) is is_codex


def test_it_is_known_in_a_request(parse):
    assert parse(headers={"originator": "codex_exec"}).options.codex
    assert not parse().options.codex
