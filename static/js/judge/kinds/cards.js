// Completions side by side, one of them in focus: the letters of flags are for that one. Best and pair build on it.

import { doubtsOf, isHarmful } from "../doubts.js";
import { toggleFlag } from "../flags.js";
import { isControl } from "../keys.js";

export class CardsTask {
  constructor(item) {
    this.item = item;
    this.articles = item.articles;
    this.pressed = null;
    const options = { signal: item.stopping.signal };
    item.root.addEventListener("focusin", ({ target }) => this.onFocus(target), options);
    item.root.addEventListener("pointerdown", ({ target }) => this.onPress(target), { ...options, capture: true });
    item.root.addEventListener("click", ({ target }) => this.onAgain(target), options);
  }

  start() {
    this.current = this.articles[0];
    this.item.show();
    this.focus();
  }

  focus() {
    this.current.focus({ preventScroll: true });
  }

  // The choice of the whole item: its radio buttons are the state.
  get radios() {
    return [...this.item.form.querySelectorAll(`input[name="${this.name}"]`)];
  }

  get chosen() {
    return this.radios.find((radio) => radio.checked);
  }

  get isComplete() {
    return Boolean(this.chosen);
  }

  // The same choice again is taken back.
  choose(radio) {
    if (this.item.sending.isLocked) return;
    radio.checked = !radio.checked;
    this.item.changed();
  }

  onFocus(target) {
    const article = this.item.pins.articleAt(target) ?? target.closest?.("[data-completion]");
    if (!article) return;
    this.current = article;
    this.showCurrent();
  }

  onPress(target) {
    const radio = target.closest("label")?.querySelector(`input[name="${this.name}"]`);
    this.pressed = radio?.checked ? radio : null;
  }

  onAgain(target) {
    if (target !== this.pressed || !target) return;
    this.pressed = null;
    target.checked = false;
    this.item.changed();
  }

  go(step) {
    const index = this.articles.indexOf(this.current) + step;
    const card = this.articles[Math.min(this.articles.length - 1, Math.max(0, index))];
    card.focus();
  }

  onKey(event) {
    const isFree = !isControl(event.target);
    if (event.key === "ArrowLeft" && isFree) this.go(-1);
    else if (event.key === "ArrowRight" && isFree) this.go(1);
    else if (event.key === "r") this.item.difference.open(this.current);
    else if (event.key === "p") this.item.pins.toggle(this.current);
    else if (event.key === "y") this.item.pins.toggleTogether();
    else if (event.key === "l") this.foldFlags(this.current);
    else return toggleFlag(event, this.current, this.item);
    return true;
  }

  foldFlags(article) {
    const button = article.querySelector("[data-folds]");
    const isOpen = button?.closest(".flag-list").classList.toggle("is-open");
    button?.setAttribute("aria-expanded", String(isOpen));
  }

  // Of what was chosen as better, though nothing was rated.
  doubts() {
    const judged = (article) => ({
      letter: article.dataset.letter,
      place: article.classList.contains("is-chosen") ? 1 : 2,
      isHarmful: isHarmful(article),
    });
    return doubtsOf(this.articles.map(judged));
  }

  goBack() {
    return false;
  }

  onClick(button) {
    const { pins } = this.item;
    if ("pins" in button.dataset) pins.toggle(button.closest("[data-completion]"));
    else if ("unpins" in button.dataset) pins.toggle(pins.articleAt(button));
    else if ("together" in button.dataset) pins.toggleTogether();
    else if ("compares" in button.dataset) this.item.difference.open(this.current);
    else if ("folds" in button.dataset) this.foldFlags(button.closest("[data-completion]"));
  }

  onChange() {}

  showCurrent() {
    for (const article of this.articles) article.classList.toggle("is-current", article === this.current);
  }
}
