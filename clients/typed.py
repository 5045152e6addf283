"""Python libraries that ask for typed answers, each through its program in ``programs/``."""

from dataclasses import replace
from functools import partial

from clients.case import BROKEN, FAILED, PIECES, Api, Case, prompt
from clients.libraries import (
    ANTHROPIC,
    LANGCHAIN,
    LANGCHAIN_ANTHROPIC,
    LANGCHAIN_OPENAI,
    LITELLM_URLS,
    OPENAI,
    PYDANTIC_AI,
    launch,
)

INSTRUCTOR = ("instructor==1.17.0", "anthropic==2.14.0")
DSPY = ("dspy==3.4.1",)
PROSE = prompt()
"""The model answers in text, whatever is demanded of it."""
TYPED = '!sim {"tool": {"name": "TOOL", "input": {"left": "4 * 5", "result": 20}}}'
BROKEN_CALL = '!sim {"tool": {"name": "TOOL", "fragments": ["{"]}, "exception": "internal"}'
"""A tool call that fails in the middle."""


def _typed(api: Api, configure: str) -> Case:
    """Return the case of instructor: two forced calls of one tool, the second one streamed."""
    return Case(
        client="instructor",
        name="instructor",
        api=api,
        registry="pypi",
        packages=INSTRUCTOR,
        configure=configure,
        launch=partial(launch, "use_instructor", api, TYPED),
        streamed=1,
        whole=1,
        prints="4 * 5 20",
    )


def _demanding(
    client: str,
    name: str,
    api: Api,
    packages: tuple[str, ...],
    *,
    streamed: int = 2,
    whole: int = 2,
) -> Case:
    """Return the case of typed answers that the model gives in prose at first."""
    return Case(
        client=client,
        name=name,
        api=api,
        registry="pypi",
        packages=packages,
        configure=ANTHROPIC if api == "messages" else OPENAI,
        launch=partial(launch, f"type_{client.replace('-', '_')}", api, PROSE),
        streamed=streamed,
        whole=whole,
        prints="simulated 1; " * (streamed + whole),
        repeats=True,
        note="typed answers, which the model first gives in prose",
    )


def _signature(api: Api, configure: str) -> Case:
    """Return the case of DSPy, which asks for the answer in a section of the text."""
    section = ["[[ ## answer ## ]]\n", *PIECES, "\n\n[[ ## completed ## ]]\n"]
    return Case(
        client="dspy",
        name="DSPy",
        api=api,
        registry="pypi",
        packages=DSPY,
        configure=configure,
        launch=partial(launch, "use_dspy", api, prompt(answer=section)),
        streamed=0,
        whole=1,
    )


def _failing(case: Case, task: str, requests: int) -> Case:
    """Return the case with answers that fail in the middle, which it asks for this often.

    They are whole answers, so none has begun for the client: the gateway refuses each request.
    """
    return replace(
        case,
        launch=partial(launch, f"use_{case.client}", case.api, task),
        streamed=0,
        whole=0,
        refused=(502,) * requests,
        repeats=True,
        exit_status=1,
        prints=FAILED,
        note="answers that fail in the middle",
    )


TYPED_CASES = [_typed("messages", ANTHROPIC), _typed("chat", OPENAI)]
SIGNATURES = [_signature(api, configure) for api, configure in LITELLM_URLS.items()]
CASES = [
    *TYPED_CASES,
    *(_failing(case, BROKEN_CALL, 3) for case in TYPED_CASES),
    _demanding("instructor", "instructor", "messages", INSTRUCTOR, streamed=1, whole=1),
    _demanding("instructor", "instructor", "chat", INSTRUCTOR),
    _demanding("langchain", LANGCHAIN["messages"], "messages", LANGCHAIN_ANTHROPIC),
    _demanding("langchain", LANGCHAIN["chat"], "chat", LANGCHAIN_OPENAI),
    _demanding("pydantic-ai", "pydantic-ai", "messages", PYDANTIC_AI, streamed=4, whole=0),
    _demanding("pydantic-ai", "pydantic-ai", "chat", PYDANTIC_AI),
    _demanding("pydantic-ai", "pydantic-ai", "responses", PYDANTIC_AI),
    *SIGNATURES,
    *(_failing(case, prompt(end=BROKEN), 4) for case in SIGNATURES),
]
