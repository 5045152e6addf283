// The official TypeScript SDK for Anthropic.

import Anthropic from "@anthropic-ai/sdk";
import { KEY, MODEL, SCHEMA, TASK, TOOLS, URL } from "./task.mjs";

const client = new Anthropic({ baseURL: URL, apiKey: KEY });
const tools = Object.keys(TOOLS).map((name) => ({ name, input_schema: SCHEMA }));
const messages = [{ role: "user", content: TASK }];
for (;;) {
  const stream = client.messages.stream({ model: MODEL, max_tokens: 1000, messages, tools });
  const message = await stream.finalMessage();
  if (message.stop_reason !== "tool_use") {
    console.log(message.content.map((block) => block.text).join(""));
    break;
  }
  const calls = message.content.filter((block) => block.type === "tool_use");
  const results = calls.map(({ id, name, input }) => ({
    type: "tool_result",
    tool_use_id: id,
    content: TOOLS[name](input),
  }));
  messages.push({ role: "assistant", content: message.content });
  messages.push({ role: "user", content: results });
}
