"""Routes and state of the simulated upstream.

An answer is found in the order the service itself follows: the token, the rules of the request,
then a script, a directive in the conversation, and at last a readable default.
"""

import asyncio
import contextlib
import json
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from . import catalogue, faults, operations, validate
from .answers import Answer
from .catalogue import Binding
from .conversation import current_user
from .delivery import deliver
from .directives import Directives
from .faults import NAMED, Fault
from .http import (
    BadRequest,
    Connection,
    Reply,
    Request,
    json_reply,
    read_request,
    render,
)
from .log import Log, Seen
from .script import CHAT, Script, ScriptError
from .sign_in import SignIn
from .speech import Chat, frames_of
from .tokens import Tokens

EVENT_STREAM = "application/vnd.amazon.eventstream"

_REST: dict[tuple[str, str], str] = {
    ("POST", "/generateAssistantResponse"): CHAT,
    ("GET", "/ListAvailableModels"): "ListAvailableModels",
    ("GET", "/getUsageLimits"): "GetUsageLimits",
    ("POST", "/ListAvailableProfiles"): "ListAvailableProfiles",
    ("POST", "/GetProfile"): "GetProfile",
    ("POST", "/mcp"): "InvokeMCP",
}
_TARGETS: dict[str, str] = {
    f"AmazonCodeWhispererStreamingService.{CHAT}": CHAT,
    **{
        f"AmazonCodeWhispererService.{name}": name
        for name in (
            "ListAvailableModels",
            "GetUsageLimits",
            "ListAvailableProfiles",
            "GetProfile",
        )
    },
}


class Upstream:
    """The service: takes connections, knows tokens, scripts and what it saw."""

    def __init__(self, *, tokens: Tokens, bindings: frozenset[Binding], log_limit: int) -> None:
        self.tokens = tokens
        self.log = Log(log_limit)
        self.script = Script()
        self.base_url = ""
        self._bindings = bindings
        self._directives = Directives()
        self._sign_in = SignIn(tokens, lambda: self.base_url)
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._accepted = 0

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> asyncio.Server:
        """Open the listening socket and set `base_url`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self._serve, loop), host, port, backlog=2048, ssl=tls
        )
        bound = server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://{host}:{bound}"
        return server

    async def close(self) -> None:
        """Cut every connection, answers under way included."""
        tasks = list(self._connections.values())
        for connection in self._connections:
            connection.writer.transport.abort()
        await asyncio.gather(*tasks)

    async def _serve(self, connection: Connection) -> None:
        self._accepted += 1
        number = self._accepted
        self._connections[connection] = cast(asyncio.Task[None], asyncio.current_task())
        self.log.count("connections")
        self.log.count("connections_open")
        try:
            while await self._serve_one(connection, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.log.count("requests_cut")
        finally:
            del self._connections[connection]
            self.log.count("connections_open", -1)
            with contextlib.suppress(ConnectionError):
                connection.writer.close()

    async def _serve_one(self, connection: Connection, number: int) -> bool:
        try:
            request = await read_request(connection)
        except BadRequest as problem:
            answer = json_reply(problem.status, {"message": str(problem)})
            await connection.send(render(answer))
            return False
        if request is None:
            return False
        if request.path.startswith("/__sim/"):
            await connection.send(render(self._control(request)))
            return request.keep_alive
        seen = self.log.begin(request, number)
        return await self._answer(connection, request, seen) and request.keep_alive

    async def _answer(self, connection: Connection, request: Request, seen: Seen) -> bool:
        operation, binding = self._route(request)
        bearer = _bearer(request)
        seen.operation, seen.binding = operation or "unknown", binding
        seen.bearer = self.tokens.label(bearer)
        seen.body = _parse(request.body)
        self.log.add(seen)
        try:
            result = self._decide(request, seen, bearer)
            if isinstance(result, Reply):
                return await self._reply(connection, result, seen)
            answer, chat = result
            if answer.fail:
                await connection.sleep(answer.delivery.delay_head)
                return await self._reply(connection, faults.reply(answer.fail, binding), seen)
            return await self._stream(connection, answer, chat, seen)
        finally:
            gone = connection.gone_at
            self.log.end(seen, None if gone is None else time.time() - time.monotonic() + gone)

    def _route(self, request: Request) -> tuple[str | None, Binding]:
        if request.path in self._sign_in.routes and request.method == "POST":
            return request.path, "rest"
        target = request.headers.get("x-amz-target")
        if request.path == "/" and request.method == "POST" and target is not None:
            known = _TARGETS.get(target) if "json-rpc" in self._bindings else None
            return known, "json-rpc"
        known = _REST.get((request.method, request.path)) if "rest" in self._bindings else None
        return known, "rest"

    def _decide(self, request: Request, seen: Seen, bearer: str) -> Reply | tuple[Answer, Chat]:
        operation, binding = seen.operation, seen.binding
        if operation in self._sign_in.routes:
            scripted = self.script.take(operation, seen.body, bearer)
            if scripted and scripted.fail:
                return faults.reply(scripted.fail, "rest")
            return self._sign_in.routes[operation](request)
        if operation == "unknown":
            return faults.reply(NAMED["unknown_operation"], binding)
        token_type = request.headers.get("tokentype", "")
        if refusal := self.tokens.refusal(bearer, token_type):
            return faults.reply(refusal, binding)
        if operation == CHAT:
            return self._decide_chat(request, seen, binding, bearer)
        scripted = self.script.take(operation, seen.body, bearer)
        if scripted and scripted.fail:
            return faults.reply(scripted.fail, binding)
        return self._operate(operation, request, seen, binding, bearer)

    def _decide_chat(
        self, request: Request, seen: Seen, binding: Binding, bearer: str
    ) -> Reply | tuple[Answer, Chat]:
        if not isinstance(seen.body, dict):
            seen.violations = [validate.Violation("json", "the body is no JSON object")]
        else:
            seen.violations = validate.violations(
                seen.body, headers=request.headers, binding=binding
            )
        if seen.violations:
            return _refuse(seen.violations, binding)
        user = current_user(seen.body)
        model = catalogue.find(user.get("modelId"), binding)
        assert model is not None
        chat = Chat(seen.body, binding, model, seen.number)
        answer = self.script.take(CHAT, seen.body, bearer)
        if answer is None:
            try:
                answer = self._directives.answer_to(seen.body)
            except ScriptError as problem:
                return _refuse([validate.Violation("directive", str(problem))], binding)
        return answer or Answer(), chat

    def _operate(
        self, operation: str, request: Request, seen: Seen, binding: Binding, bearer: str
    ) -> Reply:
        form = seen.body if isinstance(seen.body, dict) else {}
        form = {**request.query, **form}
        if operation == "ListAvailableProfiles" and bearer.startswith("ksk_"):
            fault = replace(NAMED["bearer_invalid"], message="Unsupported token type")
            return faults.reply(fault, binding)
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "ListAvailableModels": lambda: operations.list_available_models(form),
            "GetUsageLimits": lambda: operations.get_usage_limits(0.0),
            "ListAvailableProfiles": operations.list_available_profiles,
            "GetProfile": lambda: {"profile": operations.profile()},
            "InvokeMCP": lambda: operations.invoke_mcp(form),
        }
        return json_reply(200, answers[operation](), _request_id(), binding=binding)

    async def _reply(self, connection: Connection, reply: Reply, seen: Seen) -> bool:
        seen.status = reply.status
        await connection.send(
            render(Reply(reply.status, reply.body, _request_id() | reply.headers))
        )
        if connection.gone_at is None:
            seen.outcome, seen.bytes_sent = "complete", len(reply.body)
        return True

    async def _stream(self, connection: Connection, answer: Answer, chat: Chat, seen: Seen) -> bool:
        headers = {"content-type": EVENT_STREAM, **_request_id()}
        if chat.binding == "rest":
            headers["x-amzn-codewhisperer-conversation-id"] = chat.conversation_id
        frames = frames_of(answer, chat)
        return await deliver(connection, frames, answer.delivery, headers, seen)

    def _control(self, request: Request) -> Reply:
        """Answer `POST /__sim/script|reset|tokens` and `GET /__sim/requests|stats`."""
        form = _parse(request.body)
        try:
            match request.method, request.path.removeprefix("/__sim/"):
                case "POST", "script":
                    self.script.add(form if isinstance(form, list) else [form])
                    return json_reply(200, {"queued": len(self.script)})
                case "POST", "tokens":
                    self.tokens.configure(form if isinstance(form, dict) else {})
                    return json_reply(200, {})
                case "POST", "reset":
                    self.reset()
                    return json_reply(200, {})
                case "GET", "requests":
                    return json_reply(200, [seen.to_json() for seen in self.log.records])
                case "GET", "stats":
                    return json_reply(200, self.stats())
        except ValueError as problem:
            return json_reply(400, {"message": str(problem)})
        return json_reply(404, {"message": "no such control"})

    def reset(self) -> None:
        """Forget scripts, directives' counts and what was seen; tokens stay valid."""
        self.script.clear()
        self._directives = Directives()
        self.log.clear()

    def stats(self) -> dict[str, int]:
        """Return the counters."""
        return {**self.log.stats(), "refreshes": self.tokens.refreshes}


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _parse(body: bytes) -> Any:
    """Return the JSON value, None if it is none; NaN and Infinity are no JSON."""

    def refuse(_: str) -> float:
        raise ValueError

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(broken: list[validate.Violation], binding: Binding) -> Reply:
    message, reason = validate.answer_to(broken)
    rules = list(dict.fromkeys(violation.rule for violation in broken))
    headers = {"x-sim-violation": rules[0], "x-sim-violations": ",".join(rules)}
    return faults.reply(Fault(400, "ValidationException", message, reason), binding, headers)


def _request_id() -> dict[str, str]:
    return {"x-amzn-requestid": str(uuid.uuid4())}
