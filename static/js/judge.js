// The judging page: opens each item that arrives, and sends what waits when there is a connection again.

import { notice, noticeSignedOut, toast, words } from "./lib.js";
import { BreakReminder } from "./judge/breaks.js";
import { GuidelinesPanel } from "./judge/guidelines.js";
import { Item } from "./judge/item.js";
import { isPlainPress } from "./judge/keys.js";
import { LastDialog } from "./judge/last.js";
import { sendOutbox } from "./judge/server.js";
import { Drafts, Outbox } from "./judge/storage.js";

const RETRY_MILLISECONDS = 15_000;

const person = document.getElementById("item").dataset.person;
const drafts = new Drafts(person);
const outbox = new Outbox(person);
const last = new LastDialog();
const guidelines = new GuidelinesPanel();
const breakBox = document.getElementById("break");
const breaks = breakBox && new BreakReminder(breakBox);
let item = null;

function open() {
  item?.close();
  const root = document.getElementById("item");
  guidelines.follow(root);
  breaks?.onItem();
  item = root.dataset.assignment ? new Item(root, { drafts, outbox, last }) : null;
}

function showOutbox() {
  const panel = document.getElementById("outbox");
  const text = panel.querySelector("p");
  const count = outbox.all().length;
  panel.hidden = count === 0;
  text.textContent = count === 1 ? text.dataset.one : text.dataset.many.replace("{count}", count);
}

// The server took it: its item is done, so the page goes on. It refused it: the work stays, to be changed and sent anew.
function onReply({ entry, reply }) {
  const isHere = item?.work === entry.assignment;
  if (reply.status === 200) {
    drafts.remove(entry.assignment);
    notice(null);
    toast(words("sent"));
    if (isHere) window.htmx.ajax("GET", item.root.dataset.nextUrl, { target: "#item", swap: "outerHTML" });
  } else if (reply.status === 401) {
    noticeSignedOut();
  } else if (reply.detail) {
    notice(reply.detail, { tone: "bad", code: reply.code });
    if (isHere) item.sending.unlock();
  }
}

async function sendWaiting() {
  if (!outbox.all().length) return;
  for (const result of await sendOutbox(outbox)) onReply(result);
  showOutbox();
}

document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt.id !== "item") return;
  if (!outbox.all().length) notice(null);
  open();
});
document.addEventListener("prefloop:said", ({ detail }) => toast(detail.text));
// At the end of the queue there is no item that would hear these keys.
document.addEventListener("keydown", (event) => {
  if (item || !isPlainPress(event)) return;
  const { backUrl, last: lastUrl } = document.getElementById("item").dataset;
  if (event.key === "u") location.assign(backUrl);
  else if (event.key === "U") last.open(lastUrl);
});
window.addEventListener("prefloop:queued", showOutbox);
window.addEventListener("online", sendWaiting);
document.querySelector("[data-send-now]").addEventListener("click", sendWaiting);
setInterval(sendWaiting, RETRY_MILLISECONDS);

drafts.prune();
open();
showOutbox();
sendWaiting();
