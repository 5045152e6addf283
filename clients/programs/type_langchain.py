"""LangChain: ``with_structured_output`` by a forced tool and by the API's own JSON, whole and
streamed. The model answers in prose first.
"""

from pydantic import BaseModel
from task import TASK
from use_langchain import chosen_model


class Sum(BaseModel):
    """An equation."""

    left: str
    result: int


for method in ("function_calling", "json_schema"):
    model = chosen_model().with_structured_output(Sum, method=method)
    whole = model.invoke(TASK)
    *_, streamed = model.stream(TASK)
    for answer in (whole, streamed):
        print(answer.left, answer.result, end="; ")
