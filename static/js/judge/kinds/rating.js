// Rating: one completion at a time beside its prompt. Ranking begins with it too.

import { words } from "../../lib.js";
import { toggleFlag } from "../flags.js";
import { digit, isControl } from "../keys.js";
import { letters, mark } from "../show.js";

export class RatingTask {
  constructor(item) {
    this.item = item;
    this.articles = item.articles;
    this.index = 0;
    this.hiding = item.root.querySelector("[data-hides]");
    this.hiding.hidden = false;
    item.root.querySelector("[data-stepper]").hidden = false;
  }

  start() {
    const unrated = this.articles.findIndex((article) => !this.rating(article));
    if (unrated < 0) this.onAllRated(this.articles.length - 1);
    else this.goRate(unrated);
  }

  get current() {
    return this.articles[this.index];
  }

  get unrated() {
    return this.articles.filter((article) => !this.rating(article));
  }

  get isComplete() {
    return this.unrated.length === 0;
  }

  rating(article) {
    return Number(article.querySelector(".scale input:checked")?.value ?? 0);
  }

  rate(article, value) {
    if (this.item.sending.isLocked) return;
    article.querySelector(`.scale input[value="${value}"]`).checked = true;
    this.item.changed();
    this.goOn();
  }

  goRate(index) {
    this.index = index;
    this.articles.forEach((article, place) => article.classList.toggle("is-current", place === index));
    this.item.show();
    this.focus();
  }

  // The next completion without a rating, after this one and then from the front.
  goOn() {
    const order = [...this.articles.keys()];
    const later = [...order.slice(this.index + 1), ...order.slice(0, this.index + 1)];
    const next = later.find((place) => !this.rating(this.articles[place]));
    if (next === undefined) this.onAllRated(this.index);
    else this.goRate(next);
  }

  // What was rated last stays in sight, until it is submitted.
  onAllRated(index) {
    this.goRate(index);
  }

  advance() {
    if (this.rating(this.current)) this.goOn();
    else this.item.say(words("incomplete", { letters: letters(this.unrated) }));
  }

  goBack() {
    if (this.index === 0) return false;
    this.goRate(this.index - 1);
    return true;
  }

  focus() {
    this.current.focus({ preventScroll: true });
  }

  // A switch for a moment: the next item shows its completions again.
  toggleText() {
    const isHidden = this.item.root.classList.toggle("is-text-hidden");
    this.hiding.setAttribute("aria-pressed", String(isHidden));
  }

  onKey(event) {
    const value = digit(event);
    const isFree = !isControl(event.target);
    if (value && value <= 7) this.rate(this.current, value);
    else if (event.key === "ArrowLeft" && isFree) this.goRate(Math.max(0, this.index - 1));
    else if (event.key === "ArrowRight" && isFree) this.goRate(Math.min(this.articles.length - 1, this.index + 1));
    else if (event.key === "t") this.toggleText();
    else return toggleFlag(event, this.current, this.item);
    return true;
  }

  onClick(button) {
    const { go } = button.dataset;
    if (go) this.goRate(Number(go));
    else if ("next" in button.dataset) this.goOn();
    else if ("hides" in button.dataset) this.toggleText();
  }

  // Choosing a rating with the arrow keys passes over values: only a click goes on to the next completion.
  onChange(input, { isClick }) {
    if (input.name?.startsWith("rating-") && isClick) this.goOn();
  }

  show() {
    this.articles.forEach((article, index) => this.showRating(article, index));
    const total = this.articles.length;
    return {
      status: words("rated", { done: total - this.unrated.length, total }),
      hasNext: !this.isComplete,
      canGoOn: Boolean(this.rating(this.current)),
    };
  }

  showRating(article, index) {
    const rating = this.rating(article);
    const step = this.item.root.querySelector(`[data-go="${index}"]`);
    step.querySelector("[data-step-rating]").textContent = rating || "·";
    mark(step, index === this.index);
    const badge = article.querySelector("[data-rating-badge]");
    badge.hidden = !rating;
    badge.textContent = rating ? `${rating}/7` : "";
  }
}
