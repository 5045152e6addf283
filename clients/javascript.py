"""JavaScript libraries, each through its program in ``programs/``."""

import shutil
from collections.abc import Mapping
from functools import partial
from typing import Any

from clients.case import SPOKEN, THOUGHT, Api, Case, Launch, Place
from clients.libraries import PROGRAMS, Library, broken, whole

AI_SDK = {
    "7": (
        "ai@7.0.173",
        "@ai-sdk/anthropic@4.0.105",
        "@ai-sdk/openai@4.0.118",
        "@ai-sdk/openai-compatible@3.0.92",
    ),
    "6": (
        "ai@6.0.326",
        "@ai-sdk/anthropic@3.0.140",
        "@ai-sdk/openai@3.0.141",
        "@ai-sdk/openai-compatible@2.0.92",
    ),
    "5": (
        "ai@5.0.277",
        "@ai-sdk/anthropic@2.0.112",
        "@ai-sdk/openai@2.0.131",
        "@ai-sdk/openai-compatible@1.0.61",
    ),
}
MASTRA = ("@mastra/core@1.71.0", *AI_SDK["7"][1:], "zod@4.6.7")
LANGCHAIN = (
    "langchain@1.5.14",
    "@langchain/openai@1.6.0",
    "@langchain/anthropic@1.5.11",
    "zod@4.6.7",
)
BASE_URL = 'baseURL: "{url}"\napiKey: "{key}"'
BASE_URL_V1 = 'baseURL: "{url}/v1"\napiKey: "{key}"'


def _launch(program: str, api: Api, task: str, place: Place) -> Launch:
    """Run a copy of the program: Node looks for packages beside it."""
    for name in (program, "task"):
        shutil.copy(PROGRAMS / f"{name}.mjs", place.work)
    (place.work / "node_modules").symlink_to(place.installed / "node_modules")
    environ = {"GATEWAY_URL": place.url, "GATEWAY_KEY": place.key, "TASK": task}
    return Launch(["node", f"{program}.mjs", api], environ)


def _library(
    program: str,
    name: str,
    api: Api,
    packages: tuple[str, ...],
    configure: str = BASE_URL_V1,
    note: str = "",
    before: Mapping[str, Any] = SPOKEN,
    shows: tuple[str, ...] = (),
) -> Library:
    return Library(
        client=program.replace("_", "-"),
        name=name,
        api=api,
        registry="npm",
        packages=packages,
        configure=configure,
        start=partial(_launch, program, api),
        note=note,
        before=before,
        shows=shows,
    )


ANTHROPIC = ("@anthropic-ai/sdk@1.14.0",)
OPENAI = ("openai@7.59.0",)
NAMES = {"anthropic": "TypeScript SDK of Anthropic", "openai": "TypeScript SDK of OpenAI"}
PROVIDERS: dict[Api, str] = {
    "messages": "`createAnthropic`",
    "chat": "`createOpenAICompatible`",
    "responses": "`createOpenAI`; it refers to items that the gateway has kept",
}
REFERENCE = '"type":"item_reference"'
LANGCHAIN_MODELS: dict[Api, str] = {
    "messages": 'anthropicApiUrl: "{url}"\napiKey: "{key}"',
    "chat": 'configuration: { baseURL: "{url}/v1" }\napiKey: "{key}"',
    "responses": 'configuration: { baseURL: "{url}/v1" }\napiKey: "{key}"\nuseResponsesApi: true',
}
SDKS = [
    _library("anthropic_ts", NAMES["anthropic"], "messages", ANTHROPIC, BASE_URL),
    _library("openai_ts", NAMES["openai"], "chat", OPENAI),
    _library("openai_ts", NAMES["openai"], "responses", OPENAI),
]
AI_SDKS = {
    version: [
        _library(
            "ai_sdk",
            "Vercel AI SDK",
            api,
            packages,
            note=note,
            before=THOUGHT,
            shows=(REFERENCE,) * (api == "responses"),
        )
        for api, note in PROVIDERS.items()
    ]
    for version, packages in AI_SDK.items()
}
MASTRAS = [
    _library(
        "mastra",
        "Mastra",
        api,
        MASTRA,
        note=note,
        before=THOUGHT,
        shows=(REFERENCE,) * (api == "responses"),
    )
    for api, note in PROVIDERS.items()
]
LANGCHAINS = [
    _library("langchain_js", "LangChain.js", api, LANGCHAIN, configure)
    for api, configure in LANGCHAIN_MODELS.items()
]
CASES: list[Case] = [
    make(library)
    for library in [
        *SDKS,
        *AI_SDKS["7"],
        *AI_SDKS["6"],
        *AI_SDKS["5"],
        *MASTRAS,
        *LANGCHAINS,
    ]
    for make in (whole, broken)
]
