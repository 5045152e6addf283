// Sends requests as any client does; the session stands for the key.
"use strict";

const field = (name) => document.getElementById(`p-${name}`);
const form = document.getElementById("playground");
let running = null;

const PATHS = { messages: "/v1/messages", chat: "/v1/chat/completions", responses: "/v1/responses" };

// The image as base64, or null.
function readImage() {
  const file = field("image").files[0];
  if (!file) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({ type: file.type, url: reader.result, data: reader.result.split(",")[1] });
    reader.onerror = reject;
    reader.readAsDataURL(file);
  });
}

function tools() {
  const text = field("tools").value.trim();
  if (!text) return [];
  const found = JSON.parse(text);
  if (!Array.isArray(found)) throw new SyntaxError("no array");
  return found;
}

// The body of a request in each API.
const BODIES = {
  messages({ model, effort, text, image, tools }) {
    const content = image
      ? [{ type: "image", source: { type: "base64", media_type: image.type, data: image.data } }, { type: "text", text }]
      : text;
    const body = { model, max_tokens: 4096, stream: true, messages: [{ role: "user", content }] };
    if (effort) body.output_config = { effort };
    if (tools.length) body.tools = tools;
    return body;
  },
  chat({ model, effort, text, image, tools }) {
    const content = image
      ? [{ type: "text", text }, { type: "image_url", image_url: { url: image.url } }]
      : text;
    const body = { model, stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content }] };
    if (effort) body.reasoning_effort = effort;
    if (tools.length) {
      body.tools = tools.map(({ name, description, input_schema }) =>
        ({ type: "function", function: { name, description, parameters: input_schema } }));
    }
    return body;
  },
  responses({ model, effort, text, image, tools }) {
    const content = [{ type: "input_text", text }];
    if (image) content.push({ type: "input_image", image_url: image.url });
    const body = { model, stream: true, store: false, input: [{ role: "user", content }] };
    if (effort) body.reasoning = { effort };
    if (tools.length) {
      body.tools = tools.map(({ name, description, input_schema }) =>
        ({ type: "function", name, description, parameters: input_schema }));
    }
    return body;
  },
};

// The text that an event adds to the answer, in each API.
const TEXTS = {
  messages: (event) => event.delta?.text || event.delta?.partial_json || event.error?.message || "",
  chat: (event) => {
    const delta = event.choices?.[0]?.delta;
    return delta?.content || delta?.tool_calls?.[0]?.function?.arguments || event.error?.message || "";
  },
  responses: (event) => /(output_text|function_call_arguments)\.delta$/.test(event.type)
    ? event.delta : event.response?.error?.message || event.error?.message || "",
};

function say(name) {
  field("state").textContent = name ? field("state").dataset[name] : "";
}

function ask(path, body, signal) {
  const proof = document.getElementById("content").dataset.proof;
  return fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-kiro-page": proof },
    body: JSON.stringify(body),
    signal,
  });
}

async function show(answer, dialect) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    field("raw").append(value);
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      field("answer").append(TEXTS[dialect](JSON.parse(line.slice(6))));
    }
  }
}

async function run(isSent) {
  const dialect = field("dialect").value;
  let given = [];
  try {
    given = tools();
  } catch {
    say("badTools");
    return;
  }
  running?.abort();
  const own = running = new AbortController();
  for (const name of isSent ? ["answer", "raw", "explained"] : ["explained"]) field(name).textContent = "";
  field("stop").disabled = false;
  say("running");
  try {
    const body = BODIES[dialect]({
      model: field("model").value, effort: field("effort").value, text: field("text").value,
      image: await readImage(), tools: given,
    });
    const explained = ask(`${PATHS[dialect]}/explain`, body, own.signal)
      .then((answer) => answer.json())
      .then((found) => { field("explained").textContent = JSON.stringify(found, null, 2); });
    let good = true;
    if (isSent) {
      const answer = await ask(PATHS[dialect], body, own.signal);
      good = answer.ok;
      if (good) {
        await show(answer, dialect);
      } else {
        const text = await answer.text();
        field("raw").textContent = text;
        try { field("answer").textContent = JSON.parse(text).error.message; } catch { /* raw has it */ }
      }
    }
    await explained;
    say(good ? "done" : "failed");
  } catch (error) {
    say(error.name === "AbortError" ? "" : "failed");
  } finally {
    if (running === own) field("stop").disabled = true;
  }
}

function listEfforts() {
  const select = field("effort");
  const efforts = field("model").selectedOptions[0].dataset.efforts.split(" ").filter(Boolean);
  select.replaceChildren(select.options[0], ...efforts.map((one) => new Option(one, one)));
}

if (form) {
  form.addEventListener("submit", (event) => { event.preventDefault(); run(true); });
  field("explain").addEventListener("click", () => run(false));
  field("stop").addEventListener("click", () => running?.abort());
  field("model").addEventListener("change", listEfforts);
  listEfforts();
}
