"""CrewAI, with an agent on Chat Completions."""

from crewai import LLM, Agent
from crewai.tools import tool
from task import KEY, MODEL, TASK, TOOLS, URL

agent = Agent(
    role="Computer",
    goal="Compute.",
    backstory="Computes.",
    llm=LLM(model=f"openai/{MODEL}", base_url=f"{URL}/v1", api_key=KEY, stream=True),
    tools=[tool(function) for function in TOOLS.values()],
)
print(agent.kickoff(TASK).raw)
