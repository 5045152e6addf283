// The Vercel AI SDK, which runs the loop itself and streams every turn.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, stepCountIs, streamText, tool } from "ai";
import { API, KEY, MODEL, SCHEMA, TASK, TOOLS, URL } from "./task.mjs";

const settings = { baseURL: `${URL}/v1`, apiKey: KEY };
const models = {
  messages: () => createAnthropic(settings)(MODEL),
  chat: () => createOpenAICompatible({ name: "kiro", ...settings })(MODEL),
  responses: () => createOpenAI(settings).responses(MODEL),
};
const tools = Object.entries(TOOLS).map(([name, execute]) => [
  name,
  tool({ inputSchema: jsonSchema(SCHEMA), execute }),
]);
let failure;
const result = streamText({
  model: models[API](),
  prompt: TASK,
  tools: Object.fromEntries(tools),
  stopWhen: stepCountIs(5),
  include: { requestBody: true },
  onError: ({ error }) => {
    failure = error;
  },
});
let answer = "";
for await (const text of result.textStream) answer += text;
if (failure) throw failure;
for (const step of await result.steps) console.log(JSON.stringify(step.request.body));
console.log(answer);
