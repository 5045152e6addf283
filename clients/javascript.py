"""JavaScript libraries, each through its program in ``programs/``."""

import shutil
from functools import partial

from clients.case import Api, Case, Launch, Place
from clients.libraries import PROGRAMS, RESULTS, TASK

AI_SDK = (
    "ai@7.0.173",
    "@ai-sdk/anthropic@4.0.105",
    "@ai-sdk/openai@4.0.118",
    "@ai-sdk/openai-compatible@3.0.92",
)
BASE_URL = 'baseURL: "{url}"\napiKey: "{key}"'
BASE_URL_V1 = 'baseURL: "{url}/v1"\napiKey: "{key}"'


def _launch(program: str, api: Api, place: Place) -> Launch:
    """Run a copy of the program: Node looks for packages beside it."""
    for name in (program, "task"):
        shutil.copy(PROGRAMS / f"{name}.mjs", place.work)
    (place.work / "node_modules").symlink_to(place.installed / "node_modules")
    environ = {"GATEWAY_URL": place.url, "GATEWAY_KEY": place.key, "TASK": TASK}
    return Launch(["node", f"{program}.mjs", api], environ)


def _case(
    program: str, name: str, api: Api, packages: tuple[str, ...], configure: str, note: str = ""
) -> Case:
    return Case(
        client=program.replace("_", "-"),
        name=name,
        api=api,
        registry="npm",
        packages=packages,
        configure=configure,
        launch=partial(_launch, program, api),
        results=RESULTS,
        note=note,
    )


ANTHROPIC = ("@anthropic-ai/sdk@1.14.0",)
OPENAI = ("openai@7.59.0",)
NAMES = {"anthropic": "TypeScript SDK of Anthropic", "openai": "TypeScript SDK of OpenAI"}

CASES = [
    _case("anthropic_ts", NAMES["anthropic"], "messages", ANTHROPIC, BASE_URL),
    _case("openai_ts", NAMES["openai"], "chat", OPENAI, BASE_URL_V1),
    _case("openai_ts", NAMES["openai"], "responses", OPENAI, BASE_URL_V1),
    _case("ai_sdk", "Vercel AI SDK", "messages", AI_SDK, BASE_URL_V1, "`createAnthropic`"),
    _case("ai_sdk", "Vercel AI SDK", "chat", AI_SDK, BASE_URL_V1, "`createOpenAICompatible`"),
    _case("ai_sdk", "Vercel AI SDK", "responses", AI_SDK, BASE_URL_V1, "`createOpenAI`"),
]
