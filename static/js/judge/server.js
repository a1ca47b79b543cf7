// Talking to the server beside htmx: drafts, heartbeats, and what waits in the outbox.

import { csrfToken } from "../lib.js";

const KEEPALIVE_BYTES = 60_000; // browsers refuse to send more when a page is left; the browser's own copy remains

// A reply of the server, or status 0 when there was none.
export async function post(url, body, { keepalive = false } = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  const isSmall = new Blob([String(body ?? "")]).size < KEEPALIVE_BYTES;
  try {
    const reply = await fetch(url, { method: "POST", body, headers, keepalive: keepalive && isSmall, redirect: "error" });
    const isJson = reply.headers.get("Content-Type")?.includes("application/json");
    return { status: reply.status, ...(isJson ? await reply.json() : {}) };
  } catch {
    return { status: 0 };
  }
}

// What did not reach the application: sent again later with the same client id.
export const isAway = (status) => status === 0 || status === 502 || status === 503 || status === 504;

// Sends what waits, one after the other; in one tab at a time. Returns what the server said of each.
export async function sendOutbox(outbox) {
  const send = async () => {
    const replies = [];
    for (const entry of outbox.all()) {
      const reply = await post(entry.url, new URLSearchParams(entry.body), { keepalive: true });
      // Signed out is no refusal either: after signing in, the same judgement goes through.
      if (isAway(reply.status) || reply.status === 401 || reply.status === 500) {
        replies.push({ entry, reply });
        break;
      }
      outbox.remove(entry.client_id);
      replies.push({ entry, reply });
    }
    return replies;
  };
  return navigator.locks ? navigator.locks.request(`${outbox.key}:sending`, send) : send();
}
