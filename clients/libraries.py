"""Python libraries, each through its program in ``programs/``."""

from functools import partial
from pathlib import Path

from clients.case import Api, Case, Launch, Place, prompt

PROGRAMS = Path(__file__).parent / "programs"
TASK = prompt(("add", {"a": 2, "b": 3}), ("multiply", {"a": 5, "b": 4}))
RESULTS = ("5", "20")
TYPED = '!sim {"tool": {"name": "TOOL", "input": {"left": "4 * 5", "result": 20}}}'


def _launch(program: str, api: Api, task: str, place: Place) -> Launch:
    python = place.installed / "bin" / "python"
    environ = {
        "GATEWAY_URL": place.url,
        "GATEWAY_KEY": place.key,
        "TASK": task,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    return Launch([python, PROGRAMS / f"{program}.py", api], environ)


def _loop(client: str, name: str, api: Api, packages: tuple[str, ...], configure: str) -> Case:
    """Return the case of a library that loops over tool calls and streams every turn."""
    program = f"use_{client.replace('-', '_')}"
    return Case(
        client=client,
        name=name,
        api=api,
        registry="pypi",
        packages=packages,
        configure=configure,
        launch=partial(_launch, program, api, TASK),
        results=RESULTS,
    )


OPENAI = 'base_url="{url}/v1"\napi_key="{key}"'
ANTHROPIC = 'base_url="{url}"\napi_key="{key}"'
LANGCHAIN_ANTHROPIC = ("langchain-anthropic==1.7.10",)
LANGCHAIN_OPENAI = ("langchain-openai==1.7.4",)
LITELLM = ("litellm==1.110.2", "mcp==2.3.0")  # litellm imports mcp without requiring it
PYDANTIC_AI = ("pydantic-ai-slim[anthropic,openai]==2.68.0",)
AGENTS = ("openai-agents==0.24.0",)
INSTRUCTOR = ("instructor==1.17.0", "anthropic==2.14.0")
PYTHON_SDKS = {"anthropic": ("anthropic==2.14.0",), "openai": ("openai==3.57.0",)}


def _typed(api: Api, configure: str) -> Case:
    """Return the case of instructor: two forced calls of one tool, the second one streamed."""
    return Case(
        client="instructor",
        name="instructor",
        api=api,
        registry="pypi",
        packages=INSTRUCTOR,
        configure=configure,
        launch=partial(_launch, "use_instructor", api, TYPED),
        streamed=1,
        whole=1,
        prints="4 * 5 20",
    )


CASES = [
    _loop("anthropic", "Python SDK of Anthropic", "messages", PYTHON_SDKS["anthropic"], ANTHROPIC),
    _loop("openai", "Python SDK of OpenAI", "chat", PYTHON_SDKS["openai"], OPENAI),
    _loop("openai", "Python SDK of OpenAI", "responses", PYTHON_SDKS["openai"], OPENAI),
    _loop("langchain", "LangChain (ChatAnthropic)", "messages", LANGCHAIN_ANTHROPIC, ANTHROPIC),
    _loop("langchain", "LangChain (ChatOpenAI)", "chat", LANGCHAIN_OPENAI, OPENAI),
    _loop("litellm", "LiteLLM", "messages", LITELLM, 'model="anthropic/..."\napi_base="{url}"'),
    _loop("litellm", "LiteLLM", "chat", LITELLM, 'model="openai/..."\napi_base="{url}/v1"'),
    _loop("pydantic-ai", "pydantic-ai", "messages", PYDANTIC_AI, ANTHROPIC),
    _loop("pydantic-ai", "pydantic-ai", "chat", PYDANTIC_AI, OPENAI),
    _loop("pydantic-ai", "pydantic-ai", "responses", PYDANTIC_AI, OPENAI),
    _loop("openai-agents", "OpenAI Agents SDK", "chat", AGENTS, OPENAI),
    _loop("openai-agents", "OpenAI Agents SDK", "responses", AGENTS, OPENAI),
    _typed("messages", ANTHROPIC),
    _typed("chat", OPENAI),
]
