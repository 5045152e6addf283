"""The prompts of the cases, and the files that clients read."""

import json

from app.simulator.answers.directives import Directives
from clients.case import ANSWER, prompt
from clients.files import pdf


def body(text: str) -> dict[str, object]:
    tool = {"toolSpecification": {"name": "Agent"}}
    context = {"tools": [tool]}
    message = {"content": text, "userInputMessageContext": context}
    return {"conversationState": {"currentMessage": {"userInputMessage": message}}}


def said(text: str) -> list[object]:
    answer = Directives().answer_to(body(text))
    assert answer is not None
    return [*(answer.say or ())]


def test_a_prompt_within_a_call_steers_whom_it_is_given_to() -> None:
    inner = prompt(answer=["kiro-", "agent"])
    outer = prompt(("Agent", {"prompt": inner}))
    word, call = said(outer)
    assert word.deltas == ("One moment. ",)  # type: ignore[attr-defined]
    assert call.input == {"prompt": inner}  # type: ignore[attr-defined]
    [agent] = said(inner)
    assert agent.deltas == ("kiro-", "agent")  # type: ignore[attr-defined]


def test_a_prompt_ends_with_the_answer() -> None:
    steps = json.loads(prompt(("Agent", {})).removeprefix("!sim "))["steps"]
    assert "".join(steps[-1]["text"]) == ANSWER


def test_a_pdf_names_where_its_objects_are() -> None:
    made = pdf("The sum is 20.")
    start = int(made.split(b"startxref\n")[1].split()[0])
    assert made[start:].startswith(b"xref\n0 6\n")
    first = int(made[start:].splitlines()[3].split()[0])
    assert made[first:].startswith(b"1 0 obj")
