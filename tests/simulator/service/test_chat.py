"""The default answers to chat requests, and the enforcement of rules and tokens."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.simulator import Simulator
from tests.simulator.client import (
    TOKEN,
    Client,
    assistant,
    chat_body,
    chunks_of,
    events,
    open_chat,
    split_head,
    text_of,
    tool,
    user,
)


def kinds(body: bytes) -> list[str]:
    return [kind for kind, _ in events(body)]


def test_the_rest_binding_answers_text_about_the_prompt(client: Client) -> None:
    answer = client.chat(chat_body(user("What is 世界?"), conversationId="abc"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    assert answer.headers["x-amzn-codewhisperer-conversation-id"] == "abc"
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "What is 世界?" in text_of(answer.body)
    names = kinds(answer.body)
    assert names[0] == "messageMetadataEvent"
    assert names[-2:] == ["meteringEvent", "contextUsageEvent"]
    assert names.count("assistantResponseEvent") > 3
    assert dict(events(answer.body))["messageMetadataEvent"]["conversationId"] == "abc"


def test_the_json_rpc_binding_adds_the_stop_reason(client: Client, simulator: Simulator) -> None:
    answer = client.chat(chat_body(conversationId="abc"), "json-rpc")
    assert events(answer.body)[0] == ("initial-response", {"conversationId": "abc"})
    assert events(answer.body)[-3] == ("metadataEvent", {"stopReason": "END_TURN"})
    assert kinds(answer.body)[-2:] == ["contextUsageEvent", "meteringEvent"]
    simulator.script({"tool": {"name": "read", "input": {}}})
    answer = client.chat(binding="json-rpc")
    assert events(answer.body)[-3] == ("metadataEvent", {"stopReason": "TOOL_USE"})


def test_auto_reports_which_model_answered(client: Client) -> None:
    answer = client.chat(chat_body(user(modelId="auto")))
    assert dict(reversed(events(answer.body)))["assistantResponseEvent"]["modelId"] != "auto"
    answer = client.chat(chat_body(user(modelId="claude-sonnet-4")))
    assert "modelId" not in dict(reversed(events(answer.body)))["assistantResponseEvent"]


def test_context_usage_grows_with_the_request_and_shrinks_with_the_window(client: Client) -> None:
    def usage(content: str, model: str) -> float:
        body = client.chat(chat_body(user(content, modelId=model))).body
        return float(dict(events(body))["contextUsageEvent"]["contextUsagePercentage"])

    small, large = usage("x", "claude-sonnet-4"), usage("x" * 400_000, "claude-sonnet-4")
    assert 0 < small < 1
    assert large == pytest.approx(50, abs=1)  # 100,000 tokens of 200,000
    assert usage("x" * 400_000, "claude-opus-4.8") == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("binding", "where"), [("rest", "x-amzn-errortype"), ("json-rpc", "__type")]
)
def test_a_violated_rule_gives_the_400_of_the_service_with_the_rule_in_a_header(
    client: Client, simulator: Simulator, binding: str, where: str
) -> None:
    answer = client.chat(chat_body(user("", modelId="nope")), binding)
    assert answer.status == 400
    assert answer.headers["x-sim-violation"] == "empty-content"
    assert answer.headers["x-sim-violations"] == "empty-content,model-unknown"
    assert answer.json["reason"] == "INVALID_MODEL_ID"
    kind = answer.headers.get(where) or answer.json[where]
    assert "ValidationException" in kind
    assert [each.rule for each in simulator.requests[-1].violations] == [
        "empty-content",
        "model-unknown",
    ]


def test_unusual_ids_break_neither_head_nor_frame(client: Client) -> None:
    answer = client.chat(chat_body(user("\ud800"), conversationId="a\r\nx: y\ud800"))
    assert answer.headers["x-amzn-codewhisperer-conversation-id"] == "a  x: y?"
    assert "?" in text_of(answer.body)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"conversationState": NaN}', b"\xff{}", b""])
def test_a_body_that_is_not_a_json_object_is_refused(client: Client, body: bytes) -> None:
    answer = client.send(
        "POST", "/generateAssistantResponse", body, {"authorization": f"Bearer {TOKEN}"}
    )
    assert (answer.status, answer.headers["x-sim-violation"]) == (400, "json")


def test_unknown_tokens_are_refused_before_the_body_is_checked(simulator: Simulator) -> None:
    stranger = Client(simulator, token="nobody-knows-me")
    answer = stranger.chat({})
    assert answer.status == 403
    assert answer.json["message"] == "The bearer token included in the request is invalid."
    assert answer.headers["x-amzn-errortype"].startswith("AccessDeniedException")


def test_expired_tokens_are_refused_with_403_or_401(client: Client, simulator: Simulator) -> None:
    simulator.configure_tokens(expire=[TOKEN])
    assert client.chat().status == 403
    simulator.configure_tokens(expired_status=401)
    answer = client.chat()
    assert answer.status == 401
    assert answer.headers["x-amzn-errortype"].startswith("ExpiredTokenException")
    simulator.configure_tokens(declare=[TOKEN])
    assert client.chat().status == 200


def test_api_keys_need_their_token_type(simulator: Simulator) -> None:
    client = Client(simulator, token="ksk_123")
    assert client.chat().status == 403
    assert client.chat(TokenType="API_KEY").status == 200


def test_any_token_can_be_allowed() -> None:
    with Simulator(accept_any_token=True) as simulator:
        assert Client(simulator, token="anything").chat().status == 200
        assert Client(simulator, token="").chat().status == 403


def test_an_unknown_operation_is_reported_in_the_form_of_its_binding(client: Client) -> None:
    rest = client.send("POST", "/nothing", {})
    assert rest.status == 404
    assert rest.headers["x-amzn-errortype"].startswith("UnknownOperationException")
    rpc = client.send("POST", "/", {}, {"x-amz-target": "Nobody.Nothing"})
    assert rpc.status == 404
    assert rpc.json == {"__type": "com.amazon.coral.service#UnknownOperationException"}


def test_a_binding_that_is_not_served_is_unknown() -> None:
    with Simulator(tokens=(TOKEN,), bindings=frozenset({"rest"})) as simulator:
        client = Client(simulator)
        assert client.chat().status == 200
        assert client.chat(binding="json-rpc").status == 404


def test_chunked_requests_of_many_megabytes_are_read(client: Client, simulator: Simulator) -> None:
    data = json.dumps(chat_body(user("x"))).encode() + b" " * 39_000_000
    pieces = (data[at : at + 65536] for at in range(0, len(data), 65536))
    client.connection.request(
        "POST",
        "/generateAssistantResponse",
        pieces,
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
        encode_chunked=True,
    )
    response = client.connection.getresponse()
    assert (response.status, text_of(response.read()) != "") == (200, True)
    assert simulator.requests[-1].body_bytes == len(data)


def test_a_body_beyond_the_limit_is_413(client: Client) -> None:
    client.connection.putrequest("POST", "/generateAssistantResponse")
    client.connection.putheader("content-length", str(41 * 1024 * 1024))
    client.connection.endheaders()
    assert client.connection.getresponse().status == 413


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nnocolon\r\n\r\n",
        b"GET / HTTP/1.1\r\na: no host\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_garbage_gets_a_400_and_ends_the_connection(simulator: Simulator, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        connection.sendall(garbage)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_client_may_ask_before_it_uploads(simulator: Simulator) -> None:
    head = b"POST /refreshToken HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n"
    head += b"expect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_an_upload_that_stops_is_counted(simulator: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        connection.sendall(b"POST /refreshToken HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
    assert simulator.wait_for(lambda _: simulator.stats.get("uploads_cut") == 1)
    assert simulator.requests == []


def test_a_connection_is_kept_until_the_client_asks_to_close(simulator: Simulator) -> None:
    client = Client(simulator)
    client.chat()
    client.chat()
    assert simulator.stats["connections"] == 1
    client.chat(Connection="close")
    assert simulator.wait_for(lambda _: simulator.stats["connections_open"] == 0)


def test_the_default_stream_has_one_event_in_each_chunk(simulator: Simulator) -> None:
    simulator.script({"text": ["a", "b"]})
    connection = open_chat(simulator)
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data += connection.recv(65536)
    connection.close()
    chunks, ended = chunks_of(split_head(data)[1])
    assert ended
    assert [len(events(chunk)) for chunk in chunks] == [1] * 5


def test_the_log_masks_secrets(simulator: Simulator) -> None:
    stranger = Client(simulator, token="very-secret-token")
    stranger.chat()
    logged = json.dumps([seen.to_json() for seen in simulator.requests])
    assert "very-secret-token" not in logged
    Client(simulator).chat()
    assert simulator.requests[-1].bearer == TOKEN


def test_the_log_keeps_only_the_newest_requests(client: Client) -> None:
    with Simulator(tokens=(TOKEN,), log_limit=2) as simulator:
        client = Client(simulator)
        for number in range(4):
            client.chat(chat_body(user(f"number {number}")))
        assert [seen.number for seen in simulator.requests] == [3, 4]
        assert simulator.stats["operation.GenerateAssistantResponse"] == 4


def test_three_hundred_streams_run_at_once(simulator: Simulator) -> None:
    simulator.script(*[{"text": ["a", "b", "c"], "delay": 0.3} for _ in range(300)])
    connections = [open_chat(simulator) for _ in range(300)]
    assert simulator.wait_for(lambda _: simulator.stats["active"] == 300, timeout=10)

    def finish(connection: socket.socket) -> str:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += connection.recv(65536)
        connection.close()
        return text_of(b"".join(chunks_of(split_head(data)[1])[0]))

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(finish, connections)) == {"abc"}
    assert simulator.stats["peak_active"] == 300
    assert simulator.stats["outcome.complete"] == 300


def test_a_tool_is_called_with_arguments_that_join_to_json(
    client: Client, simulator: Simulator
) -> None:
    given = {"path": 'a "quoted" \\ name', "text": "世界 🙂\n" * 5}
    simulator.script({"tool": {"name": "write", "input": given, "split": 3}})
    body = client.chat(chat_body(user(userInputMessageContext={"tools": [tool("write")]}))).body
    parts = [payload for kind, payload in events(body) if kind == "toolUseEvent"]
    assert "input" not in parts[0]
    assert parts[-1]["stop"] is True
    assert {part["name"] for part in parts} == {"write"}
    assert json.loads("".join(part.get("input", "") for part in parts)) == given
    assert len(parts) > 20


def test_signatures_of_the_simulator_are_accepted_back_by_their_family_alone(
    client: Client, simulator: Simulator
) -> None:
    simulator.configure_rules(signatures=True)
    simulator.script({"think": {"text": "Hm.", "signature": True}, "text": "Done."})
    body = client.chat(chat_body(user(modelId="claude-opus-5.5"))).body
    [signature] = [
        payload["signature"]
        for kind, payload in events(body)
        if kind == "reasoningContentEvent" and "signature" in payload
    ]
    thinking = {"reasoningText": {"text": "Hm.", "signature": signature}}
    history = [user(), assistant(reasoningContent=thinking)]
    assert client.chat(chat_body(user(modelId="claude-sonnet-5.5"), history)).status == 200
    thinking["reasoningText"]["signature"] = "of another model"
    refused = client.chat(chat_body(user(modelId="claude-sonnet-5.5"), history))
    assert (refused.status, refused.json["reason"]) == (400, "THINKING_SIGNATURE_INVALID")
    assert simulator.requests[-1].violations[0].rule == "signature"
    simulator.reset()
    assert client.chat(chat_body(user(modelId="claude-sonnet-5.5"), history)).status == 200


def test_the_region_of_the_host_is_that_of_its_name_or_of_the_simulator() -> None:
    arn = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    with Simulator(tokens=(TOKEN,), region="us-east-1") as simulator:
        client = Client(simulator)
        asked = {**chat_body(), "profileArn": arn}
        refused = client.chat(asked)
        assert (refused.status, refused.json["message"]) == (400, "Improperly formed request.")
        assert refused.headers["x-sim-violation"] == "region"
        assert client.chat(asked, host="q.eu-central-1.amazonaws.com").status == 200
        assert client.chat(asked, host="runtime.us-east-1.kiro.dev").status == 400


@pytest.mark.parametrize("form", [{"signature": True}, {"signatures": 1}, {"documents_per": "x"}])
def test_a_wrong_setting_of_the_rules_is_refused(client: Client, form: dict[str, object]) -> None:
    answer = client.send("POST", "/__sim/rules", form)
    assert (answer.status, bool(answer.json["message"])) == (400, True)
