// What an item shows of itself: steps, badges, buttons, times.

import { clock, words } from "../lib.js";

export function showItem(item) {
  const { root, articles, ranking, sending } = item;
  const ranks = item.step === "rank";
  const total = articles.length;
  const rated = total - item.unrated.length;
  articles.forEach((article, index) => showCompletion(item, article, index));
  const rankStep = root.querySelector('[data-go="rank"]');
  rankStep.disabled = rated < total;
  mark(rankStep, ranks);
  root.querySelector("[data-back]").hidden = !ranks && item.index === 0;
  root.querySelector("[data-next]").hidden = ranks;
  root.querySelector("[data-next]").disabled = !item.rating(item.current);
  root.querySelector("[data-submit]").hidden = !ranks;
  root.querySelector("[data-submit]").disabled = sending.isBusy || sending.isLocked || !ranking.isComplete;
  item.say(ranks ? words("ranked", { done: ranking.numRanked, total }) : words("rated", { done: rated, total }));
}

export function showTime({ root, time }) {
  root.querySelector("[data-time-item]").textContent = clock(time.seconds);
  root.querySelector("[data-time-total]").textContent = clock(Number(root.dataset.totalSeconds) + time.seconds);
}

function showCompletion(item, article, index) {
  const rating = item.rating(article);
  const flags = article.querySelectorAll(".flags input:checked").length;
  const step = item.root.querySelector(`[data-go="${index}"]`);
  step.querySelector("[data-step-rating]").textContent = rating || "·";
  mark(step, item.step === "rate" && index === item.index);
  badge(article.querySelector("[data-rating-badge]"), rating ? `${rating}/7` : "");
  badge(article.querySelector("[data-flag-badge]"), flags ? `⚑ ${flags}` : "");
}

function badge(element, text) {
  element.hidden = !text;
  element.textContent = text;
}

function mark(step, isCurrent) {
  if (isCurrent) step.setAttribute("aria-current", "step");
  else step.removeAttribute("aria-current");
}
