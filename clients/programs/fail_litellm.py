"""LiteLLM upon failures: prints which of its exceptions each request of the task ends with.

The task is a list of prompts in JSON. The last request comes with a wrong key.
"""

import json

import litellm
from task import API, KEY, MODEL, TASK, URL

targets = {
    "messages": {"model": f"anthropic/{MODEL}", "api_base": URL},
    "chat": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
}
litellm.suppress_debug_info = True
for content, key in [*((each, KEY) for each in json.loads(TASK)), ("Hello", "wrong")]:
    try:
        for _ in litellm.completion(
            **targets[API],
            api_key=key,
            messages=[{"role": "user", "content": content}],
            stream=True,
        ):
            pass
    except Exception as error:
        print(type(error).__name__)
