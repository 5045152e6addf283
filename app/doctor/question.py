"""One short message to a model: the only examination that costs credits."""

import time
from collections.abc import Iterator

from app.common.errors import GatewayError
from app.core.conversation import Conversation, Message, Text
from app.core.events import TextDelta, Usage
from app.credentials import Credentials
from app.models.model import Model
from app.upstream import Upstream

from .finding import Finding, ok, problem

_TIMEOUT = 60.0


def ask(upstream: Upstream, credentials: Credentials, model: Model) -> Iterator[Finding]:
    """The answer of a model, how long it took and what it cost."""
    message = Message("user", (Text("Answer with the one word OK."),))
    conversation = Conversation(model=model.id, messages=(message,))
    call = upstream.open(conversation, model)
    started = time.monotonic()
    answered, first, credits = 0, 0.0, 0.0
    try:
        token = credentials.token()
        try:
            call.send(token, started + _TIMEOUT)
        except GatewayError as error:
            if not call.fall_back(error):
                raise
            call.send(token, started + _TIMEOUT)
        for batch in call.batches():
            for event in batch:
                if isinstance(event, TextDelta):
                    answered += len(event.text)
                    first = first or time.monotonic() - started
                elif isinstance(event, Usage):
                    credits = credits if event.credits is None else event.credits
        credentials.accepted(token)
    except GatewayError as error:
        means = f"requests for {model.id} fail like this one"
        advice = "see the other findings, and docs/faults.md for what the error means"
        yield problem("question", error.message, means, advice)
        return
    finally:
        call.close()
    yield ok(
        "question",
        f"{model.id} answered with {answered} characters after {first:.1f} s; cost: "
        f"{credits:g} credits",
    )
