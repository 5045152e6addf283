"""The dialect that a request speaks."""

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.application import DIALECTS
from app.common.errors import GatewayError, Kind
from app.dialects.dialect import Dialect, key_headers, select

VERSION = {"Anthropic-Version": "2023-06-01"}


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1/messages", {}, "Anthropic"),
        ("/v1/messages/count_tokens", {}, "Anthropic"),
        ("/v1/chat/completions", {}, "Chat Completions"),
        ("/v1/chat/completions", VERSION, "Chat Completions"),
        ("/v1/completions", {}, "Chat Completions"),
        ("/v1/embeddings", {}, "Chat Completions"),
        ("/v1/responses", {}, "Responses"),
        ("/v1/responses/resp_1", {}, "Responses"),
        ("/v1/models", {}, "Chat Completions"),
        ("/v1/models", VERSION, "Anthropic"),
        ("/v1/models/claude", {}, "Chat Completions"),
        ("/v1/models/claude", VERSION, "Anthropic"),
        ("/", {}, "Anthropic"),
        ("/health", {}, "Anthropic"),
        ("/v1beta/models", {}, "Anthropic"),
    ],
)
def test_the_dialect_of_a_request(path, headers, expected):
    assert select(DIALECTS, path, Headers(headers)).name == expected


def test_a_shared_path_that_nobody_takes_without_a_header_goes_to_the_first():
    marked = [msgspec.structs.replace(each, identifying_header="x-mark") for each in DIALECTS]
    assert select(marked, "/v1/models", Headers()) is marked[0]


def test_no_path_belongs_to_two():
    paths = [path for dialect in DIALECTS for path in dialect.paths]
    assert len(set(paths)) == len(paths)
    for path in paths:
        assert [other for other in paths if path.startswith(other)] == [path]


def test_every_operation_is_on_a_path_of_its_dialect():
    for dialect in DIALECTS:
        for operation in dialect.operations:
            assert select(DIALECTS, operation.path, Headers()) is dialect


def test_a_key_may_come_in_any_dialects_header():
    assert key_headers(DIALECTS) == ("Authorization", "x-api-key")
    gemini = msgspec.structs.replace(DIALECTS[0], key_headers=("x-goog-api-key", "Authorization"))
    assert key_headers([*DIALECTS, gemini])[-1] == "x-goog-api-key"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("dialect", DIALECTS, ids=[each.name for each in DIALECTS])
def test_every_failure_is_of_the_type_that_describes_it(dialect: Dialect, kind: Kind) -> None:
    error = GatewayError(kind, "What happened.", field="model", retry_after=2)
    body = dialect.error_form.body(error, "req_1")
    assert msgspec.json.encode(msgspec.json.decode(body, type=dialect.error_type)) == body
    assert 400 <= dialect.error_form.status(error) < 600
