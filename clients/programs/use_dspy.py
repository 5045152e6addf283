"""DSPy: a signature, whose fields the model is asked for in marked sections of its text."""

import dspy
from task import API, KEY, MODEL, TASK, URL

models = {
    "messages": {"model": f"anthropic/{MODEL}", "api_base": URL},
    "chat": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
}
dspy.configure(lm=dspy.LM(**models[API], api_key=KEY, cache=False))
print(dspy.Predict("question -> answer")(question=TASK).answer)
