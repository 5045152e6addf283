// Shared by the JavaScript programs; see task.py.

export const API = process.argv[2];
export const { GATEWAY_URL: URL, GATEWAY_KEY: KEY, TASK } = process.env;
export const MODEL = "claude-sonnet-4-6";
export const TOOLS = {
  add: ({ a, b }) => String(a + b),
  multiply: ({ a, b }) => String(a * b),
};
export const SCHEMA = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: "integer" } },
  required: ["a", "b"],
};
