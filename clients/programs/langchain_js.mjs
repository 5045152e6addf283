// LangChain for JavaScript, with its chat models for Anthropic and OpenAI.

import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { API, KEY, MODEL, SCHEMA, TASK, TOOLS, URL } from "./task.mjs";

const openai = { model: MODEL, apiKey: KEY, configuration: { baseURL: `${URL}/v1` } };
const models = {
  messages: () => new ChatAnthropic({ model: MODEL, apiKey: KEY, anthropicApiUrl: URL }),
  chat: () => new ChatOpenAI(openai),
  responses: () => new ChatOpenAI({ ...openai, useResponsesApi: true }),
};
const tools = Object.keys(TOOLS).map((name) => ({
  type: "function",
  function: { name, description: name, parameters: SCHEMA },
}));
const model = models[API]().bindTools(tools);
const messages = [new HumanMessage(TASK)];
for (;;) {
  let answer;
  for await (const chunk of await model.stream(messages)) {
    answer = answer ? answer.concat(chunk) : chunk;
  }
  messages.push(answer);
  if (!answer.tool_calls?.length) {
    console.log(answer.text);
    break;
  }
  for (const { id, name, args } of answer.tool_calls) {
    messages.push(new ToolMessage({ content: TOOLS[name](args), tool_call_id: id }));
  }
}
