"""LangChain, with its chat models for Anthropic and OpenAI."""

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from task import API, KEY, MODEL, TASK, TOOLS, URL


def chosen_model() -> BaseChatModel:
    """Return the model of the installed package."""
    if API == "messages":
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(model=MODEL, base_url=URL, api_key=KEY)
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=KEY)


def main() -> None:
    """Loop over tool calls, streaming every turn."""
    model = chosen_model().bind_tools(list(TOOLS.values()))
    messages = [HumanMessage(TASK)]
    while True:
        answer = None
        for chunk in model.stream(messages):
            answer = chunk if answer is None else answer + chunk
        messages.append(answer)
        if not answer.tool_calls:
            break
        messages += [
            ToolMessage(str(TOOLS[call["name"]](**call["args"])), tool_call_id=call["id"])
            for call in answer.tool_calls
        ]
    print(answer.text)


if __name__ == "__main__":
    main()
