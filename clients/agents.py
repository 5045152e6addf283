"""The tasks of agents for the terminal, which differ in how they are set up and in their tools."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from clients.case import ANSWER, BROKEN, MARK, NESTED, SPOKEN, Api, Case, Launch, Place, prompt

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Agent:
    """An agent from npm. ``configure(api)`` is the configuration that a user sets, and
    ``launch(api, task, place)`` gives the agent a task. ``first`` and ``second`` are calls of its
    tools that print kiro-one and kiro-two. ``note`` and ``streamed`` are of each of its cases.
    """

    name: str
    package: str
    configure: Callable[[Api], str]
    launch: Callable[[Api, str, Place], Launch]
    first: Call
    second: Call
    title: str = ""
    note: str = ""
    streamed: int = 3

    def case(self, api: Api, task: str, *results: str, note: str = "", **members: Any) -> Case:
        """A task, and parts of the results that its tools must have."""
        return Case(
            client=self.name,
            name=self.title or self.name,
            api=api,
            registry="npm",
            packages=(self.package,),
            configure=self.configure(api),
            launch=partial(self.launch, api, task),
            results=results,
            note="; ".join(filter(None, [self.note, note])),
            **{"streamed": self.streamed, **members},
        )

    def whole(self, api: Api, **members: Any) -> Case:
        """Two calls, one a turn, and the answer."""
        return self.case(api, prompt(self.first, self.second), "kiro-one", "kiro-two", **members)

    def sub_agent(self, api: Api, call: Call, **members: Any) -> Case:
        """A call for a sub-agent, whose prompt is :func:`sub_task`."""
        note = "a sub-agent"
        return self.case(api, prompt(call), "kiro-one", "kiro-agent", note=note, **members)

    def asks_again(self, api: Api, **members: Any) -> Case:
        """An answer that fails in the middle, for an agent that asks for it again."""
        end = {**BROKEN, "times": 1, "then": {"text": [ANSWER]}}
        note = "an answer that fails in the middle, and then is whole"
        task = prompt(self.first, end=end)
        return self.case(api, task, "kiro-one", note=note, repeats=True, **members)

    def overflow(
        self, api: Api, then: Sequence[str], *results: str, times: int = 1, **members: Any
    ) -> Case:
        """A result that is too long, until the history is shorter. ``then`` is what the model
        answers after it has called the tool so many ``times``.
        """
        name, given = self.first
        first = {**SPOKEN, "tool": {"name": name, "input": given}}
        steps = [{**first, "times": times, "then": {"text": then}}, {"fail": "too_long"}]
        task = MARK + json.dumps({"steps": steps}, ensure_ascii=False).replace(MARK, NESTED)
        members = {"note": "an overflow, upon which it compacts the history", **members}
        return self.case(api, task, *results, refused=(400,), repeats=True, **members)


def sub_task(first: Call) -> str:
    """The prompt for a sub-agent, which calls this tool."""
    return prompt(first, answer=["kiro-", "agent"])
