// One websocket per page: it says that something happened, and what the page shows is read anew from the server.
// An element with data-live (the project) and data-live-events (their names) gets the event "refresh".

const LONGEST_PAUSE = 10_000;
const QUIET = 400; // milliseconds: many events at once make one request
const waiting = new Map();

function refresh(element) {
  if (waiting.has(element)) return;
  const timer = setTimeout(() => {
    waiting.delete(element);
    if (element.isConnected) window.htmx.trigger(element, "refresh");
  }, QUIET);
  waiting.set(element, timer);
}

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
  let first = true;
  const open = () => {
    const socket = new WebSocket(`${scheme}//${location.host}/ws/p/${project}/`);
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      pause = 500;
      if (message.event === "resync" && first) {
        first = false;
        return;
      }
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
