// The judging page: opens each item that arrives, and sends what waits when there is a connection again.

import { notice, noticeSignedOut, toast, words } from "./lib.js";
import { Ahead } from "./judge/ahead.js";
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
const ahead = new Ahead();
const guidelines = new GuidelinesPanel();
const breakBox = document.getElementById("break");
const breaks = breakBox && new BreakReminder(breakBox);
let item = null;

function open() {
  item?.close();
  const root = document.getElementById("item");
  guidelines.follow(root);
  breaks?.onItem();
  item = root.dataset.assignment ? new Item(root, { drafts, outbox, last, ahead }) : null;
  ahead.follow(item);
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

// What is handed over goes its way while the next item is shown.
function handOver(handed) {
  const total = Number(handed.root.dataset.totalSeconds) + handed.time.seconds;
  ahead.flight = sendOutbox(outbox).then((results) => {
    ahead.flight = null;
    for (const result of results) {
      if (result.entry.assignment === handed.work) onHanded(handed, result.reply);
      else onReply(result);
    }
    showOutbox();
  });
  notice(null);
  const swap = { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0, show: "top", showTarget: "window" };
  window.htmx.swap("#item", ahead.take(total), swap);
}

// Refused, it comes back with its work, which the item that is open now makes room for; that one is kept for the person.
function onHanded(handed, reply) {
  if (reply.status === 200) drafts.remove(handed.work);
  else if (reply.status === 401) noticeSignedOut();
  else if (reply.detail) {
    item?.draft.send();
    document.getElementById("item").replaceWith(handed.root);
    window.htmx.process(handed.root);
    open();
    item.sending.setBusy(false);
    item.renewClientId();
    notice(reply.detail, { tone: "bad", code: reply.code });
  }
}

async function sendWaiting() {
  if (!outbox.all().length || ahead.flight) return;
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
window.addEventListener("prefloop:handed", ({ detail }) => handOver(detail));
window.addEventListener("online", sendWaiting);
document.querySelector("[data-send-now]").addEventListener("click", sendWaiting);
setInterval(sendWaiting, RETRY_MILLISECONDS);

drafts.prune();
open();
showOutbox();
sendWaiting();
