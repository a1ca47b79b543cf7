// What an item shows of itself: badges, buttons, times; its kind says the rest.

import { clock, words } from "../lib.js";
import { showFlags } from "./flags.js";

export function showItem(item) {
  const { root, articles, task, sending, say } = item;
  articles.forEach(showFlags);
  const { status, hasNext = false, canGoOn = false } = task.show();
  root.querySelector("[data-next]").hidden = !hasNext;
  root.querySelector("[data-next]").disabled = !canGoOn;
  root.querySelector("[data-submit]").hidden = hasNext;
  root.querySelector("[data-submit]").disabled = sending.isBusy || sending.isLocked || !task.isComplete;
  say(status);
  if (item.decided) showChanges(item);
}

// A revision says whether its submit will change anything.
function showChanges({ root, isChanged, say }) {
  root.querySelector("[data-changes]").hidden = !isChanged;
  root.querySelector("[data-changes-nothing]").hidden = isChanged;
  root.querySelector("[data-undoes]").hidden = !isChanged;
  if (!isChanged) say(words("unchanged"));
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
