"""LiteLLM upon failures, and LiteLLM as a proxy in front of the gateway."""

import json
from functools import partial
from typing import Any

from clients.case import BROKEN, FAILED, MARK, Api, Case, Launch, Place, prompt
from clients.libraries import ADD, LITELLM, LITELLM_URLS, MULTIPLY, launch

PROXY = ("litellm[proxy]==1.83.0", "anthropic==2.14.0")
"""Newer ones need a package for their proxy that is not released."""
CONFIGURE: dict[Api, str] = {
    "messages": "litellm_params: { model: anthropic/..., api_base: {url}, api_key: {key} }",
    "chat": "litellm_params: { model: openai/..., api_base: {url}/v1, api_key: {key} }",
    "responses": "litellm_params: { model: openai/..., api_base: {url}/v1, api_key: {key} }",
}
SDKS: dict[Api, str] = {"messages": "anthropic", "chat": "openai", "responses": "openai"}
TOO_LONG = {"fail": "too_long"}

FAULTS = ("too_long", "throttled", "insufficient_capacity", "unavailable_503", "suspended")
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "messages": (
        "ContextWindowExceededError",
        "RateLimitError",
        "InternalServerError",
        "ServiceUnavailableError",
        "PermissionDeniedError",
        "AuthenticationError",
    ),
    "chat": (
        "ContextWindowExceededError",
        "RateLimitError",
        "RateLimitError",
        "ServiceUnavailableError",
        "APIError",
        "AuthenticationError",
    ),
}
REFUSED: dict[str, tuple[int, ...]] = {
    "messages": (400, 429, 529, 503, 403, 401),
    "chat": (400, *3 * (429,), *3 * (429,), *3 * (503,), 403, 401),
}
"""Its client for Chat Completions sends what may succeed twice more."""


def _failures(api: Api) -> Case:
    """Return the case of every kind of failure: each has the exception that its users catch."""
    prompts = [MARK + json.dumps({"fail": fault}) for fault in FAULTS]
    return Case(
        client="litellm",
        name="LiteLLM",
        api=api,
        registry="pypi",
        packages=LITELLM,
        configure=LITELLM_URLS[api],
        launch=partial(launch, "fail_litellm", api, json.dumps(prompts)),
        streamed=0,
        repeats=True,
        refused=REFUSED[api],
        prints="\n".join(EXCEPTIONS[api]),
        note="failures, each as the exception that is meant for it",
    )


def _serve(api: Api, task: str, place: Place) -> Launch:
    return launch("serve_litellm", api, task, place, f"use_{SDKS[api]}", api)


def _proxy(api: Api, note: str, task: str, **members: Any) -> Case:
    return Case(
        client="litellm-proxy",
        name="LiteLLM as a proxy",
        api=api,
        registry="pypi",
        packages=PROXY,
        configure=CONFIGURE[api],
        launch=partial(_serve, api, task),
        note=f"used by the Python SDK of {SDKS[api].title().replace('ai', 'AI')}{note}",
        **members,
    )


def _whole(api: Api) -> Case:
    return _proxy(api, "", prompt(ADD, MULTIPLY), results=("5", "20"))


def _broken(api: Api) -> Case:
    return _proxy(
        api,
        "; an answer that fails in the middle",
        prompt(ADD, end=BROKEN),
        results=("5",),
        streamed=2,
        exit_status=1,
        prints=FAILED,
    )


def _overflow(api: Api) -> Case:
    return _proxy(
        api,
        "; an overflow",
        MARK + json.dumps(TOO_LONG),
        streamed=0,
        repeats=True,
        refused=(400,),
        exit_status=1,
        prints="ContextWindowExceededError" if api == "chat" else "prompt is too long",
    )


CASES = [
    *(_failures(api) for api in LITELLM_URLS),
    *(make(api) for make in (_whole, _broken) for api in CONFIGURE),
    _overflow("chat"),
    _overflow("messages"),
]
