// The official TypeScript SDK for OpenAI, on both APIs.

import OpenAI from "openai";
import { API, KEY, MODEL, SCHEMA, TASK, TOOLS, URL } from "./task.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY });
const functions = Object.keys(TOOLS).map((name) => ({ name, parameters: SCHEMA }));

async function chat() {
  const messages = [{ role: "user", content: TASK }];
  const tools = functions.map((tool) => ({ type: "function", function: tool }));
  for (;;) {
    const stream = client.chat.completions.stream({ model: MODEL, messages, tools });
    const { message } = (await stream.finalChatCompletion()).choices[0];
    if (!message.tool_calls?.length) return message.content;
    messages.push(message);
    for (const { id, function: called } of message.tool_calls) {
      const content = TOOLS[called.name](JSON.parse(called.arguments));
      messages.push({ role: "tool", tool_call_id: id, content });
    }
  }
}

async function responses() {
  const input = [{ role: "user", content: TASK }];
  const tools = functions.map((tool) => ({ type: "function", strict: false, ...tool }));
  for (;;) {
    const stream = client.responses.stream({ model: MODEL, input, tools, store: false });
    const response = await stream.finalResponse();
    const calls = response.output.filter((item) => item.type === "function_call");
    if (!calls.length) return response.output_text;
    input.push(...response.output);
    for (const { call_id, name, arguments: given } of calls) {
      const output = TOOLS[name](JSON.parse(given));
      input.push({ type: "function_call_output", call_id, output });
    }
  }
}

console.log(await { chat, responses }[API]());
