// Two completions pinned side by side, whole, above the others; and cards that scroll together, if that is wanted.
// What is pinned is a copy for reading: keys pressed on it are for the completion itself.

import { words } from "../lib.js";

const KEY = "prefloop:together";

export class Pins {
  constructor({ root, articles, stopping, say }) {
    Object.assign(this, { root, articles, say });
    this.pane = root.querySelector("[data-pin-board]");
    this.pinned = []; // the completions, the earlier pinned first
    this.moved = new WeakMap(); // where a text was scrolled to by another one
    if (!this.pane) return;
    const options = { signal: stopping.signal };
    root.addEventListener("scroll", ({ target }) => this.onScroll(target), { ...options, capture: true, passive: true });
    this.isTogether = remembered();
    this.show();
  }

  // The completion that a press on the page is for.
  articleAt(target) {
    const copy = target.closest?.("[data-pin]");
    return copy ? this.articles.find((article) => article.dataset.letter === copy.dataset.pin) : null;
  }

  toggle(article) {
    if (!this.pane || !article) return;
    const isPinned = this.pinned.includes(article);
    const hadFocus = this.pane.contains(document.activeElement);
    this.pinned = isPinned ? this.pinned.filter((other) => other !== article) : [...this.pinned.slice(-1), article];
    this.show();
    if (hadFocus && isPinned) (this.pane.querySelector("[data-pin]") ?? article).focus({ preventScroll: true });
    this.say(words(isPinned ? "unpinned" : "pinned", { letter: article.dataset.letter }));
  }

  toggleTogether() {
    if (!this.pane) return;
    this.isTogether = !this.isTogether;
    remember(this.isTogether);
    this.show();
    this.say(words(this.isTogether ? "together" : "apart"));
  }

  show() {
    if (!this.pane) return;
    const scrolled = new Map(this.copies.map((copy) => [copy.dataset.pin, copy.scrollTop]));
    this.pane.querySelector("[data-pins-list]").replaceChildren(...this.pinned.map((article) => this.copy(article)));
    for (const copy of this.copies) copy.scrollTop = scrolled.get(copy.dataset.pin) ?? 0;
    this.pane.hidden = !this.pinned.length;
    for (const article of this.articles) {
      article.querySelector("[data-pins]").setAttribute("aria-pressed", String(this.pinned.includes(article)));
    }
    for (const button of this.root.querySelectorAll("[data-together]")) {
      button.setAttribute("aria-pressed", String(this.isTogether));
    }
  }

  get copies() {
    return [...this.pane.querySelectorAll("[data-pins-list] > [data-pin]")];
  }

  copy(article) {
    const { letter } = article.dataset;
    const copy = this.pane.querySelector("template").content.firstElementChild.cloneNode(true);
    copy.dataset.pin = letter;
    copy.setAttribute("aria-label", words("pinnedCopy", { letter }));
    copy.querySelector("[data-letter-shown]").textContent = letter;
    copy.querySelector("[data-unpins]").setAttribute("aria-label", words("unpin", { letter }));
    copy.querySelector(".pin-text").append(article.querySelector(".completion-text").cloneNode(true));
    return copy;
  }

  // By the share of the way, so that the ends meet whatever the lengths are.
  onScroll(target) {
    if (!this.isTogether || !this.scrolling.includes(target)) return;
    if (this.moved.get(target) === target.scrollTop) return; // an echo
    const share = target.scrollTop / Math.max(1, target.scrollHeight - target.clientHeight);
    for (const other of this.scrolling) {
      if (other === target) continue;
      other.scrollTop = share * (other.scrollHeight - other.clientHeight);
      this.moved.set(other, other.scrollTop);
    }
  }

  get scrolling() {
    return [...this.copies, ...this.articles.filter((one) => one.matches(".is-card"))];
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEY) === "yes";
  } catch {
    return false;
  }
}

function remember(isTogether) {
  try {
    localStorage.setItem(KEY, isTogether ? "yes" : "no");
  } catch {
    // The choice then lasts for this item.
  }
}
