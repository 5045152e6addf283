// Keeps an open page up to date, writes times in the reader's own zone, and copies lines.
"use strict";

function localTimes(root) {
  const lang = document.documentElement.lang;
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.title = time.textContent;
    time.textContent = today
      ? at.toLocaleTimeString(lang)
      : at.toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });
  }
}

// How long each answer in progress has taken so far, by the server's clock.
let ahead = 0;
function soFar() {
  for (const cell of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, (Date.now() - ahead) / 1000 - Number(cell.dataset.since));
    cell.textContent = `${Math.round(seconds)} s`;
  }
}
function itIsNow(seconds) {
  ahead = Date.now() - seconds * 1000;
  soFar();
}

// Puts new content in place; what was open stays open, and the focus stays where it was.
function replaceContent(content, html) {
  const open = [...content.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focused = document.activeElement;
  const held = content.contains(focused) ? focused.closest("[id]") : null;
  const wasSummary = focused && focused.tagName === "SUMMARY";
  const href = focused && focused.getAttribute ? focused.getAttribute("href") : null;
  const scrolled = [...content.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const next = new DOMParser().parseFromString(html, "text/html");
  content.replaceChildren(...next.body.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  content.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] || 0; });
  localTimes(content);
  if (!held) return;
  const place = href
    ? [...content.querySelectorAll("a")].find((one) => one.getAttribute("href") === href)
    : document.getElementById(held.id);
  const target = place && wasSummary ? place.querySelector("summary") : place;
  if (target && target !== content) target.focus({ preventScroll: true });
}

function follow(content, state) {
  const said = (isLive) => {
    state.textContent = isLive ? state.dataset.live : state.dataset.stale;
    state.classList.toggle("stale", !isLive);
  };
  let source = null;
  const start = () => {
    source = new EventSource(content.dataset.live);
    source.addEventListener("open", () => said(true));
    source.addEventListener("content", (event) => {
      const sent = JSON.parse(event.data);
      replaceContent(content, sent.html);
      itIsNow(sent.now);
    });
    source.addEventListener("over", () => location.reload());
    source.addEventListener("error", () => {
      said(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(start, 5000);
    });
  };
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (document.visibilityState === "visible") start();
  });
  addEventListener("pagehide", () => source?.close());
  start();
}

async function copy(button) {
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  const lines = document.getElementById(button.dataset.copy);
  let done = true;
  try {
    await navigator.clipboard.writeText(lines.textContent);
  } catch {
    getSelection().selectAllChildren(lines); // without TLS a browser may have no clipboard
    done = document.execCommand("copy");
  }
  button.textContent = done ? button.dataset.done : button.dataset.failed;
  setTimeout(() => { button.textContent = label; }, 3000);
}

const content = document.getElementById("content");
localTimes(content);
itIsNow(Number(content.dataset.now));
setInterval(soFar, 1000);
if (content.dataset.live) follow(content, document.getElementById("live"));
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
