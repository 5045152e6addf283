// Mastra, whose agents run on the providers of the Vercel AI SDK.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";
import { API, KEY, MODEL, TASK, TOOLS, URL } from "./task.mjs";

const settings = { baseURL: `${URL}/v1`, apiKey: KEY };
const models = {
  messages: () => createAnthropic(settings)(MODEL),
  chat: () => createOpenAICompatible({ name: "kiro", ...settings })(MODEL),
  responses: () => createOpenAI(settings).responses(MODEL),
};
const inputSchema = z.object({ a: z.number().int(), b: z.number().int() });
const tools = Object.entries(TOOLS).map(([id, execute]) => [
  id,
  createTool({ id, description: id, inputSchema, execute: async (input) => execute(input) }),
]);
const agent = new Agent({
  id: "kiro",
  name: "kiro",
  instructions: "Compute.",
  model: models[API](),
  tools: Object.fromEntries(tools),
});
const stream = await agent.stream(TASK, { maxSteps: 5 });
let answer = "";
for await (const text of stream.textStream) answer += text;
if (stream.error) throw stream.error;
for (const step of await stream.steps) console.log(JSON.stringify(step.request.body));
console.log(answer);
