"""Python libraries, each through its program in ``programs/``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from clients.case import BROKEN, FAILED, SPOKEN, Api, Case, Launch, Place, Registry, prompt

PROGRAMS = Path(__file__).parent / "programs"
ADD = ("add", {"a": 2, "b": 3})
MULTIPLY = ("multiply", {"a": 5, "b": 4})
MODEL, OPENAI_MODEL = "claude-sonnet-4-6", "gpt-5.5"
PREVIOUS = '"previous_response_id":"'
"""What a request holds that goes on from an answer which the gateway has kept."""


@dataclass(frozen=True)
class Library:
    """A library on one API, whose program loops over tool calls and streams every turn.

    ``start`` returns the command for a prompt. ``before`` is what the model says before it calls a
    tool. ``shows`` are texts that must be in the output beside the answer. ``upon_failure`` are
    members of the case of an answer that fails in the middle, where the library does other than
    most.
    """

    client: str
    name: str
    api: Api
    registry: Registry
    packages: tuple[str, ...]
    configure: str
    start: Callable[[str, Place], Launch]
    note: str = ""
    before: Mapping[str, Any] = field(default_factory=lambda: SPOKEN)
    shows: tuple[str, ...] = ()
    upon_failure: dict[str, Any] = field(default_factory=dict)

    def case(self, task: str, **members: Any) -> Case:
        """Return a case with this prompt."""
        return Case(
            client=self.client,
            name=self.name,
            api=self.api,
            registry=self.registry,
            packages=self.packages,
            configure=self.configure,
            launch=partial(self.start, task),
            **members,
        )


def whole(library: Library) -> Case:
    """Return the case of two tool calls and an answer."""
    return library.case(
        prompt(ADD, MULTIPLY, before=library.before),
        results=("5", "20"),
        note=library.note,
        shows=library.shows,
    )


def broken(library: Library) -> Case:
    """Return the case of an answer that fails in the middle: the program ends with the error."""
    members: dict[str, Any] = {
        "streamed": 2,
        "exit_status": 1,
        "prints": FAILED,
        **library.upon_failure,
    }
    notes = filter(None, [library.note, "an answer that fails in the middle"])
    return library.case(
        prompt(ADD, end=BROKEN, before=library.before),
        results=("5",),
        note="; ".join(notes),
        **members,
    )


def launch(
    program: str, api: Api, task: str, place: Place, *more: str, model: str = MODEL
) -> Launch:
    python = place.installed / "bin" / "python"
    environ = {
        "MODEL": model,
        "GATEWAY_URL": place.url,
        "GATEWAY_KEY": place.key,
        "TASK": task,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    return Launch([python, PROGRAMS / f"{program}.py", api, *more], environ)


def _library(
    client: str,
    name: str,
    api: Api,
    packages: tuple[str, ...],
    configure: str,
    *,
    model: str = MODEL,
    note: str = "",
    shows: tuple[str, ...] = (),
    **upon_failure: Any,
) -> Library:
    return Library(
        client=client,
        name=name,
        api=api,
        registry="pypi",
        packages=packages,
        configure=configure,
        start=partial(launch, f"use_{client.replace('-', '_')}", api, model=model),
        note=note,
        shows=shows,
        upon_failure=upon_failure,
    )


OPENAI = 'base_url="{url}/v1"\napi_key="{key}"'
ANTHROPIC = 'base_url="{url}"\napi_key="{key}"'
LANGCHAIN_ANTHROPIC = ("langchain-anthropic==1.7.10",)
LANGCHAIN_OPENAI = ("langchain-openai==1.7.4",)
LITELLM = ("litellm==1.110.2", "mcp==2.3.0")  # litellm imports mcp without requiring it
PYDANTIC_AI = ("pydantic-ai-slim[anthropic,openai]==2.68.0",)
AGENTS = ("openai-agents==0.24.0",)
LLAMA_INDEX = (
    "llama-index-core==0.14.25",
    "llama-index-llms-openai==0.8.3",
    "llama-index-llms-openai-like==0.8.1",
)
HAYSTACK = ("haystack-ai==3.4.1", "anthropic-haystack==8.0.1")
AGNO = ("agno==3.1.10", "openai==3.57.0", "anthropic==2.14.0")
AGENT_FRAMEWORK = ("agent-framework-core==1.23.0", "agent-framework-openai==1.17.0")
ADK = ("google-adk==2.13.0", "litellm==1.110.2")
CREWAI = ("crewai==1.15.30",)
PYTHON_SDKS = {"anthropic": ("anthropic==2.14.0",), "openai": ("openai==3.57.0",)}


SDKS = {"anthropic": "Python SDK of Anthropic", "openai": "Python SDK of OpenAI"}
LANGCHAIN = {"messages": "LangChain (ChatAnthropic)", "chat": "LangChain (ChatOpenAI)"}
LIKE = 'api_base="{url}/v1"\napi_key="{key}"'
HAYSTACK_URL = 'api_base_url="{url}/v1"\napi_key=Secret.from_token("{key}")'
MICROSOFT = "Microsoft Agent Framework"
CREWAI_URL = 'model="openai/..."\nbase_url="{url}/v1"\napi_key="{key}"'
LITELLM_URLS: dict[Api, str] = {
    "messages": 'model="anthropic/..."\napi_base="{url}"',
    "chat": 'model="openai/..."\napi_base="{url}/v1"',
}
LIBRARIES = [
    _library("anthropic", SDKS["anthropic"], "messages", PYTHON_SDKS["anthropic"], ANTHROPIC),
    _library("openai", SDKS["openai"], "chat", PYTHON_SDKS["openai"], OPENAI),
    _library("openai", SDKS["openai"], "responses", PYTHON_SDKS["openai"], OPENAI),
    _library("langchain", LANGCHAIN["messages"], "messages", LANGCHAIN_ANTHROPIC, ANTHROPIC),
    _library("langchain", LANGCHAIN["chat"], "chat", LANGCHAIN_OPENAI, OPENAI),
    _library("litellm", "LiteLLM", "messages", LITELLM, LITELLM_URLS["messages"]),
    _library("litellm", "LiteLLM", "chat", LITELLM, LITELLM_URLS["chat"]),
    _library("pydantic-ai", "pydantic-ai", "messages", PYDANTIC_AI, ANTHROPIC),
    _library("pydantic-ai", "pydantic-ai", "chat", PYDANTIC_AI, OPENAI),
    _library("pydantic-ai", "pydantic-ai", "responses", PYDANTIC_AI, OPENAI),
    _library("openai-agents", "OpenAI Agents SDK", "chat", AGENTS, OPENAI),
    _library("openai-agents", "OpenAI Agents SDK", "responses", AGENTS, OPENAI),
    _library("llama-index", "LlamaIndex", "chat", LLAMA_INDEX, LIKE),
    _library("llama-index", "LlamaIndex", "responses", LLAMA_INDEX, LIKE),
    _library("haystack", "Haystack", "messages", HAYSTACK, ANTHROPIC),
    _library("haystack", "Haystack", "chat", HAYSTACK, HAYSTACK_URL),
    _library("haystack", "Haystack", "responses", HAYSTACK, HAYSTACK_URL),
    _library(
        "agno", "Agno", "messages", AGNO, 'client_params={"base_url": "{url}"}\napi_key="{key}"'
    ),
    _library("agno", "Agno", "chat", AGNO, OPENAI),
    _library("agno", "Agno", "responses", AGNO, OPENAI),
    _library(
        "agno",
        "Agno",
        "responses",
        AGNO,
        OPENAI,
        model=OPENAI_MODEL,
        note="a name of OpenAI's, upon which it goes on from the answer that the gateway has kept",
        shows=(PREVIOUS,),
    ),
    _library("google-adk", "Google ADK (LiteLLM)", "messages", ADK, LITELLM_URLS["messages"]),
    _library("google-adk", "Google ADK (LiteLLM)", "chat", ADK, LITELLM_URLS["chat"]),
    _library("crewai", "CrewAI", "chat", CREWAI, CREWAI_URL),
    _library("agent-framework", MICROSOFT, "chat", AGENT_FRAMEWORK, OPENAI),
    _library(
        "agent-framework",
        MICROSOFT,
        "responses",
        AGENT_FRAMEWORK,
        OPENAI,
        note="it goes on from the answer that the gateway has kept",
        shows=(PREVIOUS,),
    ),
]
CASES = [make(library) for library in LIBRARIES for make in (whole, broken)]
