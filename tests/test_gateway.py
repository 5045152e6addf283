"""The retry policy, against simulated upstreams over real sockets."""

import socket
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any

import gevent
import pytest
from msgspec.structs import replace

from app.catalogue.choice import ModelChoice
from app.catalogue.merged import Merged
from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import Host, HostChoice
from app.codewhisperer.upstream import CodeWhisperer
from app.common.errors import BILLED, GatewayError, Kind
from app.core.conversation import Conversation, Message, Text
from app.core.events import Finish, TextDelta
from app.credentials import AuthKind, Token
from app.gateway import Gateway, GatewayCall
from app.models.catalogue import Catalogue
from app.models.model import Model
from app.retry import LIST_PAUSE, MAX_ATTEMPTS
from app.simulator import Simulator
from app.simulator.answers.script import CHAT

HELLO = Conversation(model="claude-sonnet-4-5", messages=(Message("user", (Text("Hello"),)),))


def token(access: str) -> Token:
    """Of the account that its name begins with: ``a1`` and ``a2`` are of ``a``."""
    return Token(
        access_token=access, kind=AuthKind.SOCIAL, profile_arn=None, region=None, account=access[0],
        expires_at=inf,
    )  # fmt: skip


class Logins:
    """Credentials with two tokens: the second is what a refresh, or another account, gives."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = [token(access) for access in tokens]
        self.calls: list[str] = []

    def token(self, session: str = "", lacking: frozenset[str] = frozenset()) -> Token:
        return self.tokens[0]

    def accepted(self, used: Token) -> None:
        self.calls.append(f"accepted {used.access_token}")

    def refused(self, used: Token, error: GatewayError) -> Token | None:
        return self._next("refused", used)

    def failed(self, used: Token, error: GatewayError) -> Token | None:
        return self._next(f"failed {error.kind}", used)

    def _next(self, what: str, used: Token) -> Token | None:
        self.calls.append(f"{what} {used.access_token}")
        place = self.tokens.index(used) + 1
        return self.tokens[place] if place < len(self.tokens) else None


class Hosts(HostChoice):
    """Hosts of our own in place of those of the service."""

    def __init__(self, *hosts: Host) -> None:
        super().__init__(None, None)
        self.hosts = hosts

    def _candidates(self, region: str) -> tuple[Host, ...]:
        return self.hosts


def host(url: str, generation: Any = "q") -> Host:
    binding: Any = "json-rpc" if generation == "kiro" else "rest"
    origin = "KIRO_CLI" if generation == "kiro" else "AI_EDITOR"
    return Host(generation, "us-east-1", url, url, binding, origin)


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator(tokens=("one", "two")) as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """The pauses between attempts, which take no time here."""
    return []


Open = Callable[..., tuple[GatewayCall, Logins]]


@pytest.fixture
def begin(upstream: Simulator, pauses: list[float]) -> Iterator[Open]:
    opened: list[GatewayCall] = []

    def run(
        *hosts: Host,
        tokens: Sequence[str] = ("one",),
        first_event: float = 20.0,
        idle: float = 20.0,
        quiet_end: float = inf,
        service: Any = None,
        asked: str = HELLO.model,
        refusal_fallback: bool = False,
        forbidden: Sequence[str] = (),
    ) -> tuple[GatewayCall, Logins]:
        logins = Logins(*tokens)
        service = service or CodeWhisperer(
            Client(connections=5, connect_timeout=2, user_agent="test"),
            Hosts(*(hosts or (host(upstream.url),))),
            idle=idle,
            ping=20,
            quiet_end=quiet_end,
            max_tool_description=10_000,
        )
        gateway = Gateway(
            upstream=service,
            credentials=logins,  # type: ignore[arg-type]
            models=ModelChoice(default="claude-sonnet-4-5", aliases={}),
            first_event=first_event,
            total=inf,
            falls_back=refusal_fallback,
            may_use=lambda model: model not in forbidden,
            sleep=pauses.append,
        )
        exchange = gateway.open(replace(HELLO, model=asked))
        opened.append(exchange)
        return exchange, logins

    yield run
    for exchange in opened:
        exchange.close()


def answer(exchange: GatewayCall) -> str:
    assert exchange.wait(20)
    events = [event for batch in exchange.batches() for event in batch]
    assert type(events[-1]) is Finish
    return "".join(event.text for event in events if type(event) is TextDelta)


def failure(exchange: GatewayCall) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        exchange.wait(20)
    return failed.value


def chats(upstream: Simulator) -> int:
    return [seen.operation for seen in upstream.requests].count(CHAT)


def test_a_passing_fault_is_tried_again(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script({"fail": "unavailable_503", "times": 2}, {"text": ["hi"]})
    exchange, logins = begin()
    assert answer(exchange) == "hi"
    assert chats(upstream) == 3
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1.0
    assert exchange.facts()["attempts"] == 3
    assert logins.calls[-1] == "accepted one"


def test_three_attempts_are_all(upstream: Simulator, begin: Open, pauses: list[float]) -> None:
    upstream.script({"fail": "internal", "times": 9})
    exchange, _ = begin()
    assert failure(exchange).kind is Kind.UPSTREAM_ERROR
    assert chats(upstream) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("too_long", Kind.CONTEXT_TOO_LONG),
        ("improperly_formed", Kind.REJECTED),
        ("suspended", Kind.SUSPENDED),
        ("monthly_quota", Kind.QUOTA),
    ],
)
def test_what_would_fail_again_is_not_tried_again(
    upstream: Simulator, begin: Open, pauses: list[float], fault: str, kind: Kind
) -> None:
    upstream.script({"fail": fault, "times": 9})
    exchange, _ = begin()
    assert failure(exchange).kind is kind
    assert (chats(upstream), pauses) == (1, [])


def test_an_empty_answer_is_tried_again(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script({"empty": True}, {"text": ["hi"]})
    exchange, _ = begin()
    assert answer(exchange) == "hi"


def test_an_empty_answer_that_was_billed_is_not_tried_again(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    """docs/upstream.md: An answer without any event"""
    upstream.script({"say": [], "omit": ["metadataEvent"], "credits": 0.5}, {"text": ["hi"]})
    exchange, _ = begin()
    error = failure(exchange)
    assert (error.kind, error.code) == (Kind.EMPTY, BILLED)
    assert (chats(upstream), exchange.meter.counts().credits) == (1, 0.5)


def test_what_failed_attempts_cost_is_counted(upstream: Simulator, begin: Open) -> None:
    metered = {"event": {"type": "meteringEvent", "payload": {"usage": 0.5}}}
    failed = {"exception": {"type": "throttlingError"}}
    upstream.script({"say": [metered, failed]}, {"text": ["hi"], "credits": 0.25})
    exchange, _ = begin()
    assert answer(exchange) == "hi"
    assert exchange.meter.counts().credits == 0.75


def test_what_a_broken_answer_cost_is_counted_once(upstream: Simulator, begin: Open) -> None:
    metered = {"event": {"type": "meteringEvent", "payload": {"usage": 0.5}}}
    failed = {"exception": {"type": "throttlingError"}}
    upstream.script(
        {"say": [metered, {"text": "no"}, failed], "frames_per_chunk": 9},
        {"text": ["hi"], "credits": 0.25},
    )
    exchange, _ = begin()
    assert exchange.wait(20)
    with pytest.raises(GatewayError) as broken:
        _ = [*exchange.batches()]
    assert exchange.retry(broken.value)
    assert answer(exchange) == "hi"
    assert exchange.meter.counts().credits == 0.75


def test_nothing_is_repeated_after_the_first_content(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script(
        {"text": ["a", "b", "c"], "exception": {"type": "InternalServerException", "message": "no"}}
    )
    exchange, _ = begin()
    assert exchange.wait(20)
    batches = exchange.batches()
    assert [type(event) for event in next(batches)][-1] is TextDelta
    with pytest.raises(GatewayError):
        _ = [*batches]
    assert chats(upstream) == 1


def test_a_short_retry_after_is_obeyed(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script(
        {"fail": {"fault": "throttled", "headers": {"Retry-After": "3"}}}, {"text": ["hi"]}
    )
    exchange, _ = begin()
    assert answer(exchange) == "hi"
    assert pauses == [3.0]


@pytest.mark.parametrize(
    "fault", ["insufficient_capacity", "model_unavailable", "user_rate", "service_rate"]
)
def test_what_no_quick_retry_can_help_is_told_at_once(
    upstream: Simulator, begin: Open, pauses: list[float], fault: str
) -> None:
    """docs/upstream.md: Capacity is the model's, for minutes and all accounts"""
    upstream.script({"fail": fault, "times": 9})
    exchange, _ = begin()
    failure(exchange)
    assert (chats(upstream), pauses) == (1, [])


@pytest.mark.parametrize("where", ["fail", "exception"])
def test_another_account_serves_while_one_consumes_too_fast(
    upstream: Simulator, begin: Open, where: str
) -> None:
    """docs/upstream.md: retryAfterMilliseconds says how long to wait"""
    fault = {
        "type": "ThrottlingException",
        "reason": "CREDIT_CONSUMPTION_RATE_EXCEEDED",
        "message": "x",
    }
    upstream.script({where: fault | ({"status": 429} if where == "fail" else {})}, {"text": ["hi"]})
    exchange, logins = begin(tokens=("one", "two"))
    assert answer(exchange) == "hi"
    assert logins.calls[-2:] == ["failed throttled one", "accepted two"]


def test_a_long_retry_after_is_the_clients_to_obey(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script({"fail": {"fault": "throttled", "headers": {"Retry-After": "60"}}})
    exchange, _ = begin()
    error = failure(exchange)
    assert (error.kind, error.retry_after) == (Kind.THROTTLED, 60)
    assert (chats(upstream), pauses) == (1, [])


def test_a_model_that_is_refused_is_asked_once_more(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    """docs/upstream.md: A refused model may be refused for a moment"""
    upstream.script({"fail": "invalid_model"}, {"text": "Hi"})
    assert answer(begin()[0]) == "Hi"
    assert pauses == [LIST_PAUSE]
    upstream.script({"fail": "invalid_model", "times": 2})
    assert failure(begin()[0]).kind is Kind.INVALID_MODEL
    assert chats(upstream) == 4


def test_a_model_that_is_refused_is_chosen_anew(
    upstream: Simulator, begin: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubt(models: ModelChoice, account: str, model: Model) -> bool:
        models.use(Merged({account: Catalogue((sonnet,))}))
        return True

    sonnet = ModelChoice(default="", aliases={}).resolve("sonnet").model
    monkeypatch.setattr(ModelChoice, "doubt", doubt)
    upstream.script({"fail": "invalid_model"}, {"text": "Hi"})
    exchange, _ = begin(asked="claude-opus-5-5(low)")
    assert answer(exchange) == "Hi"
    assert models_asked(upstream) == ["claude-opus-5.5", "claude-sonnet-5.5"]
    assert exchange.facts()["model"] == "claude-sonnet-5-5"
    assert exchange.repairs == ("model:claude-opus-5-5(low)",)
    assert exchange.meter.window == sonnet.context_window


def test_a_model_that_the_key_forbids_is_not_chosen_anew(
    upstream: Simulator, begin: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubt(models: ModelChoice, account: str, model: Model) -> bool:
        models.use(Merged({account: Catalogue((sonnet,))}))
        return True

    sonnet = ModelChoice(default="", aliases={}).resolve("sonnet").model
    monkeypatch.setattr(ModelChoice, "doubt", doubt)
    upstream.script({"fail": "invalid_model", "times": 2})
    exchange, _ = begin(asked="claude-opus-5-5", forbidden=[sonnet.id])
    assert failure(exchange).kind is Kind.INVALID_MODEL
    assert models_asked(upstream) == ["claude-opus-5.5", "claude-opus-5.5"]


def test_a_model_that_the_list_lacks_is_not_asked_again(
    upstream: Simulator, begin: Open, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(ModelChoice, "doubt", lambda *_: False)
    upstream.script({"fail": "invalid_model"})
    assert failure(begin()[0]).kind is Kind.INVALID_MODEL
    assert (chats(upstream), pauses) == (1, [])


def test_a_refused_token_is_replaced_once(upstream: Simulator, begin: Open) -> None:
    exchange, logins = begin(tokens=("stale", "one"))
    assert answer(exchange)
    assert logins.calls == ["refused stale", "accepted one"]
    exchange, logins = begin(tokens=("stale", "stale too", "one"))
    assert failure(exchange).kind is Kind.REFUSED_TOKEN
    assert logins.calls == ["refused stale"]


def test_another_account_is_asked_at_once(
    upstream: Simulator, begin: Open, pauses: list[float]
) -> None:
    upstream.script({"fail": "monthly_quota"}, {"text": ["hi"]})
    exchange, logins = begin(tokens=("one", "two"))
    assert answer(exchange) == "hi"
    assert logins.calls == ["failed quota one", "accepted two"]
    assert pauses == []


def test_a_host_that_is_not_there_gives_way_to_an_older_one(
    upstream: Simulator, begin: Open
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
    exchange, _ = begin(host(gone, "kiro"), host(upstream.url, "q"))
    assert answer(exchange)
    assert exchange.facts()["host"] == "q"


def test_a_host_that_lost_the_operation_gives_way_to_an_older_one(begin: Open) -> None:
    with (
        Simulator(tokens=("one",), bindings=frozenset({"rest"})) as only_rest,
        Simulator(tokens=("one",)) as older,
    ):
        exchange, _ = begin(host(only_rest.url, "kiro"), host(older.url, "q"))
        assert answer(exchange)
        [seen] = [seen for seen in older.requests if seen.operation == CHAT]
        message = seen.body["conversationState"]["currentMessage"]["userInputMessage"]
    assert message["modelId"] == "CLAUDE_SONNET_4_5_20250929_V1_0"
    assert message["origin"] == "AI_EDITOR"


def test_the_newest_host_is_asked_in_its_own_words(upstream: Simulator, begin: Open) -> None:
    exchange, _ = begin(host(upstream.url, "kiro"), host(upstream.url, "q"))
    assert answer(exchange)
    [seen] = [seen for seen in upstream.requests if seen.operation == CHAT]
    message = seen.body["conversationState"]["currentMessage"]["userInputMessage"]
    assert (message["modelId"], message["origin"]) == ("claude-sonnet-4.5", "KIRO_CLI")


def test_the_first_event_has_a_deadline(upstream: Simulator, begin: Open) -> None:
    upstream.script({"text": ["late"], "stall": {"after": 0, "seconds": None}})
    exchange, _ = begin(first_event=0.6)
    assert not exchange.wait(0.1)
    error = failure(exchange)
    assert error.kind is Kind.TIMEOUT
    assert "KIRO_FIRST_EVENT_TIMEOUT" in error.message


METERED = {"event": {"type": "meteringEvent", "payload": {"usage": 0.5, "unit": "credit"}}}
STOPPED = {"event": {"type": "metadataEvent", "payload": {"stopReason": "END_TURN"}}}
SAID = {"text": "hi"}
OPEN_CALL = {"tool": {"name": "f", "input": {}, "stop": False}}


def silent_after(*parts: Any) -> dict[str, Any]:
    """An answer with these events, after which nothing comes and the body stays open."""
    return {"say": [*parts, SAID], "bare": True, "stall": {"after": len(parts)}}


@pytest.mark.parametrize(
    "parts", [(SAID, METERED), (SAID, STOPPED, METERED), (METERED, SAID, METERED)]
)
def test_silence_after_the_metering_ends_an_answer(
    upstream: Simulator, begin: Open, parts: Any
) -> None:
    """docs/upstream.md: Silence after the last event"""
    upstream.script(silent_after(*parts))
    exchange, _ = begin(quiet_end=0.3)
    assert answer(exchange) == "hi"
    exchange.close()
    assert exchange.facts()["quiet_end"] is True
    assert upstream.wait_for(lambda seen: [one for one in seen if one.outcome == "client_closed"])


def test_silence_ends_an_answer_that_came_in_one_piece(upstream: Simulator, begin: Open) -> None:
    """The limits of a running answer are set after its first content was read, and must not take
    back what a meteringEvent in the same read has set.
    """
    upstream.script(silent_after(SAID, METERED) | {"frames_per_chunk": 2})
    exchange, _ = begin(quiet_end=0.3)
    assert answer(exchange) == "hi"


def test_silence_ends_a_refusal_without_content(upstream: Simulator, begin: Open) -> None:
    refused = {"event": {"type": "metadataEvent", "payload": {"stopReason": "CONTENT_FILTERED"}}}
    upstream.script(silent_after(refused, METERED))
    exchange, _ = begin(quiet_end=0.3)
    assert answer(exchange) == ""


@pytest.mark.parametrize("quiet_end", [0.3, inf])
@pytest.mark.parametrize(
    "parts",
    [
        (SAID, STOPPED),  # not metered
        (SAID, METERED, SAID),  # content again
        (SAID, METERED, OPEN_CALL),
        (OPEN_CALL, METERED),
    ],
)
def test_other_silence_is_still_a_failure(
    upstream: Simulator, begin: Open, parts: Any, quiet_end: float
) -> None:
    """docs/upstream.md: Silence after the last event"""
    upstream.script(silent_after(*parts))
    exchange, _ = begin(idle=1.0, quiet_end=quiet_end)
    assert exchange.wait(20)
    with pytest.raises(GatewayError) as failed:
        _ = [*exchange.batches()]
    assert failed.value.kind is Kind.TIMEOUT
    assert "KIRO_IDLE_TIMEOUT" in failed.value.message


def test_silence_inside_an_event_is_still_a_failure(upstream: Simulator, begin: Open) -> None:
    begun = {"raw": b64encode(b"\0\0\0\x50").decode()}
    upstream.script(silent_after(SAID, METERED, begun))
    exchange, _ = begin(idle=1.0, quiet_end=0.3)
    assert exchange.wait(20)
    with pytest.raises(GatewayError) as failed:
        _ = [*exchange.batches()]
    assert failed.value.kind is Kind.TIMEOUT


def test_silence_before_any_content_is_for_the_first_event_to_end(
    upstream: Simulator, begin: Open
) -> None:
    upstream.script(silent_after(METERED))
    exchange, _ = begin(first_event=1.0, quiet_end=0.3)
    assert "KIRO_FIRST_EVENT_TIMEOUT" in failure(exchange).message


def refusal(**said: str) -> dict[str, Any]:
    payload = {"stopReason": "CONTENT_FILTERED", "stopDetails": {"refusal": said}}
    return {
        "say": [METERED, {"event": {"type": "metadataEvent", "payload": payload}}],
        "bare": True,
    }


def models_asked(upstream: Simulator) -> list[str]:
    messages = [
        seen.body["conversationState"]["currentMessage"]["userInputMessage"]
        for seen in upstream.requests
        if seen.operation == CHAT
    ]
    return [message["modelId"] for message in messages]


@pytest.mark.parametrize(
    ("asked", "said", "instead"),
    [
        ("claude-sonnet-5-5", {}, "claude-sonnet-5"),
        ("claude-sonnet-5-5", {"recommendedModel": "claude-opus-4.8"}, "claude-sonnet-5"),
        ("claude-opus-4-6", {"recommendedModel": "claude-opus-4.8"}, "claude-opus-4.8"),
    ],
)
def test_a_refused_request_goes_once_to_the_model_for_that(
    upstream: Simulator, begin: Open, asked: str, said: dict[str, str], instead: str
) -> None:
    """docs/upstream.md: The model to ask after a refusal"""
    upstream.script(refusal(**said), {"text": "hi", "credits": 0.25})
    exchange, _ = begin(asked=asked, refusal_fallback=True)
    assert answer(exchange) == "hi"
    assert models_asked(upstream)[1:] == [instead]
    name = instead.replace(".", "-")
    assert exchange.repairs == (f"refusal_fallback:{name}",)
    assert (exchange.facts()["model"], exchange.facts()["attempts"]) == (name, 2)
    assert exchange.meter.counts().credits == 0.75


@pytest.mark.parametrize(
    ("first", "setting"),
    [
        (refusal(), False),
        ({"say": [SAID, *refusal()["say"]], "bare": True, "frames_per_chunk": 9}, True),
        ({"say": [], "stop_reason": "END_TURN"}, True),
    ],
)
def test_other_answers_are_not_asked_for_again(
    upstream: Simulator, begin: Open, first: dict[str, Any], setting: bool
) -> None:
    upstream.script(first)
    exchange, _ = begin(asked="claude-sonnet-5-5", refusal_fallback=setting)
    ended(exchange)
    assert chats(upstream) == 1
    assert exchange.repairs == ()


def test_a_model_that_the_key_forbids_is_not_asked(upstream: Simulator, begin: Open) -> None:
    upstream.script(refusal())
    exchange, _ = begin(
        asked="claude-sonnet-5-5", refusal_fallback=True, forbidden=["claude-sonnet-5"]
    )
    assert ended(exchange) == "refusal"
    assert chats(upstream) == 1


@pytest.mark.parametrize("second", [refusal(category="CYBER"), {"fail": "invalid_model"}])
def test_a_refusal_that_stays_is_the_answer(
    upstream: Simulator, begin: Open, pauses: list[float], second: dict[str, Any]
) -> None:
    upstream.script(refusal(category="BIO"), second, {"text": "never"})
    exchange, _ = begin(asked="claude-sonnet-5-5", refusal_fallback=True)
    assert ended(exchange) == "refusal"
    assert (chats(upstream), pauses) == (2, [])
    paid = 1.0 if "say" in second else 0.5
    assert exchange.meter.counts().credits == paid
    assert exchange.facts()["refusal"] == ("cyber" if "say" in second else "bio")


def test_a_model_that_the_account_lacks_is_not_asked(
    upstream: Simulator, begin: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(_: ModelChoice, model: Model) -> frozenset[str]:
        return frozenset({"o"} if model.id == "claude-sonnet-5" else ())

    monkeypatch.setattr(ModelChoice, "lacking", lacking)
    upstream.script(refusal())
    exchange, _ = begin(asked="claude-sonnet-5-5", refusal_fallback=True)
    assert ended(exchange) == "refusal"
    assert chats(upstream) == 1


def test_the_newest_hosts_owe_an_answer_its_tail(upstream: Simulator, begin: Open) -> None:
    """docs/upstream.md: The tail of an answer"""
    bare = {"text": "hi", "bare": True}
    for generation, reasons in {"kiro": ["end_turn", "max_tokens"], "q": ["end_turn"] * 2}.items():
        upstream.script(bare, {"text": "hi"}, bare)
        exchange, _ = begin(host(upstream.url, generation))
        ends = [ended(exchange)]
        service = exchange._gateway.upstream
        for _ in range(2):
            exchange, _ = begin(host(upstream.url, generation), service=service)
            ends.append(ended(exchange))
        assert [ends[0], ends[2]] == reasons


def ended(exchange: GatewayCall) -> str:
    assert exchange.wait(20)
    *_, end = [event for batch in exchange.batches() for event in batch]
    assert type(end) is Finish
    return end.reason


def test_closing_ends_the_upstream_call(upstream: Simulator, begin: Open) -> None:
    upstream.script({"text": ["a", "b"], "stall": {"after": 2, "seconds": None}})
    exchange, _ = begin()
    assert exchange.wait(20)
    exchange.close()
    assert upstream.wait_for(lambda seen: [one for one in seen if one.outcome == "client_closed"])


@pytest.mark.parametrize("end", [SystemExit(1), gevent.GreenletExit()])
def test_a_call_whose_opening_is_killed_has_no_answer(
    begin: Open, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    """By a signal that ends the process: the call must not look like one without content."""

    def killed(*_: object) -> None:
        raise end

    monkeypatch.setattr("app.gateway.GatewayCall._negotiate", killed)
    monkeypatch.setattr(gevent.get_hub(), "handle_system_error", lambda *_: None)
    exchange, _ = begin()
    with pytest.raises(GatewayError) as error:
        exchange.wait(5)
    assert error.value.kind is Kind.SHUTTING_DOWN
