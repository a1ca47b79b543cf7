// What an item shows of itself: badges, buttons, times; its kind says the rest.

import { clock } from "../lib.js";
import { showFlags } from "./flags.js";

export function showItem({ root, articles, task, sending, say }) {
  articles.forEach(showFlags);
  const { status, hasBack = false, hasNext = false, canGoOn = false } = task.show();
  root.querySelector("[data-back]").hidden = !hasBack;
  root.querySelector("[data-next]").hidden = !hasNext;
  root.querySelector("[data-next]").disabled = !canGoOn;
  root.querySelector("[data-submit]").hidden = hasNext;
  root.querySelector("[data-submit]").disabled = sending.isBusy || sending.isLocked || !task.isComplete;
  say(status);
}

export function showTime({ root, time }) {
  root.querySelector("[data-time-item]").textContent = clock(time.seconds);
  root.querySelector("[data-time-total]").textContent = clock(Number(root.dataset.totalSeconds) + time.seconds);
}

// The sheet tells the keys of the kind that is open.
export function showKeys(kind) {
  for (const part of document.querySelectorAll("#sheet [data-kinds]")) {
    part.hidden = !part.dataset.kinds.split(" ").includes(kind);
  }
}

export function mark(step, isCurrent) {
  if (isCurrent) step.setAttribute("aria-current", "step");
  else step.removeAttribute("aria-current");
}

export const letters = (articles) => articles.map((article) => article.dataset.letter).join(", ");
