// One websocket per page: it says that something happened, and what the page shows is read anew from the server.
// An element with data-live (the project) and data-live-events (their names) gets the event "refresh"; with
// data-live-every (seconds) not more often than that, and after the last event always.

const LONGEST_PAUSE = 10_000;
const FRESH = 5000; // milliseconds: the server hears at once, unless its database is away
const QUIET = 400; // milliseconds: many events at once make one request
const BEGUN = 1000; // while somebody writes there
const waiting = new Map();
const refreshed = new Map(); // by id: an element is another one after each refresh

function refresh(element, pause = QUIET) {
  if (waiting.has(element)) return;
  const free = (refreshed.get(element.id) ?? 0) + 1000 * Number(element.dataset.liveEvery ?? 0);
  const timer = setTimeout(() => {
    waiting.delete(element);
    if (!element.isConnected) return;
    refreshed.set(element.id, Date.now());
    window.htmx.trigger(element, "refresh");
  }, Math.max(pause, free - Date.now()));
  waiting.set(element, timer);
}

// What somebody has begun to write must not go away with what is read anew.
function isBegun(element) {
  return [...element.querySelectorAll("input:not([type=hidden]), textarea")].some(
    (field) => field === document.activeElement || field.value !== field.defaultValue,
  );
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  if (elt !== target || !elt.dataset.live || !isBegun(elt)) return;
  event.preventDefault();
  refresh(elt, BEGUN);
});

// What was unfolded stays so, and the keyboard stays where it was: both are known by their words, which outlive them.
const words = (element) => `${element.tagName} ${(element.getAttribute("aria-label") ?? element.textContent).trim()}`;
let kept = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target } = detail;
  if (!target.id || !target.dataset.live || !detail.shouldSwap) return;
  if (isBegun(target)) {
    detail.shouldSwap = false;
    refresh(target, BEGUN);
    return;
  }
  kept = {
    id: target.id,
    open: new Set([...target.querySelectorAll("details[open] > summary")].map(words)),
    focus: target.contains(document.activeElement) ? words(document.activeElement) : "",
  };
});

document.addEventListener("htmx:afterSwap", () => {
  const element = kept && document.getElementById(kept.id);
  if (!element) return;
  for (const summary of element.querySelectorAll("details > summary")) {
    if (kept.open.has(words(summary))) summary.parentElement.open = true;
  }
  if (kept.focus && document.activeElement === document.body) {
    const controls = [...element.querySelectorAll("a, button, summary, [tabindex]")];
    controls.find((control) => words(control) === kept.focus)?.focus({ preventScroll: true });
  }
  kept = null;
});

function tell(project, message) {
  for (const element of document.querySelectorAll(`[data-live="${CSS.escape(project)}"]`)) {
    const wanted = element.dataset.liveEvents?.split(" ") ?? [];
    if (message.event === "resync" || wanted.includes(message.event)) refresh(element);
  }
  window.dispatchEvent(new CustomEvent("live", { detail: { project, ...message } }));
}

function listen(project) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  let pause = 500;
  // The page as it was loaded is fresh; only what may have been missed since is read again.
  const fresh = Date.now() + FRESH;
  let first = true;
  const open = () => {
    const socket = new WebSocket(`${scheme}//${location.host}/ws/p/${project}/`);
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      pause = 500;
      const isFirst = first;
      first = false;
      if (message.event === "resync" && isFirst && Date.now() < fresh) return;
      tell(project, message);
    });
    socket.addEventListener("close", (event) => {
      if (event.code === 4404 || event.code === 4401) return; // no member any more, or signed out
      setTimeout(open, pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    });
  };
  open();
}

const projects = new Set();
function find() {
  for (const element of document.querySelectorAll("[data-live]")) {
    if (projects.has(element.dataset.live)) continue;
    projects.add(element.dataset.live);
    listen(element.dataset.live);
  }
}

find();
document.addEventListener("htmx:afterSettle", find);
