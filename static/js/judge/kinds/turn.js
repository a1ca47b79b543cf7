// A turn of a conversation: its completions are cards to be ranked, and one of the best carries on, or a text.

import { words } from "../../lib.js";
import { doubtsOf, isHarmful } from "../doubts.js";
import { toggleFlag } from "../flags.js";
import { digit } from "../keys.js";
import { Ranking } from "../rank.js";
import { letters } from "../show.js";

const lines = (text) => text.replaceAll(/\r\n?/g, "\n"); // as a text field gives it back

export class TurnTask {
  constructor(item, talk) {
    Object.assign(this, { item, talk, articles: item.articles });
    this.text = item.form.elements.text;
    this.suggestion = item.form.elements.suggestion;
    this.counter = talk.querySelector("[data-counter]");
    this.max = Number(this.counter?.dataset.max);
    this.current = this.articles[0];
    const say = (text) => item.say(this.isRanked ? this.missing || text : text);
    this.ranking =
      this.articles.length > 1
        ? new Ranking({ root: item.root, articles: this.articles, onChange: () => item.changed(), say })
        : null;
    item.root.addEventListener("focusin", ({ target }) => this.onFocus(target), { signal: item.stopping.signal });
  }

  start() {
    this.ranking?.enter();
    this.item.show();
    this.focus();
  }

  focus() {
    (this.ranking?.unranked[0] ?? this.current).focus({ preventScroll: true });
  }

  leave() {
    this.current.focus({ preventScroll: true });
  }

  onFocus(target) {
    this.current = target.closest?.("[data-completion]") ?? this.current;
  }

  // --- What carries on ---------------------------------------------------------------------------------------------

  place(article) {
    return this.ranking ? this.ranking.place(article) : 1;
  }

  get isRanked() {
    return this.ranking?.isComplete ?? true;
  }

  get first() {
    const places = this.articles.map((article) => this.place(article)).filter(Boolean);
    return this.articles.filter((article) => this.place(article) === Math.min(...places));
  }

  radio(article) {
    return article.querySelector('input[name="best"]');
  }

  get carried() {
    const { first } = this;
    return first.length === 1 ? first[0] : first.find((article) => this.radio(article).checked);
  }

  textOf(article) {
    return lines(article.querySelector("[data-text]").dataset.text);
  }

  get isWritten() {
    return this.text.value.trim() !== "";
  }

  get unchanged() {
    return this.articles.find((article) => this.textOf(article) === this.text.value);
  }

  get length() {
    return [...this.text.value].length;
  }

  // Why it can't be submitted yet; empty when it can.
  get missing() {
    if (!this.isRanked) return words("unranked", { letters: letters(this.ranking.unranked) });
    if (this.isWritten) {
      if (this.length > this.max) return words("tooLong", { max: this.max.toLocaleString() });
      return this.unchanged ? words("same", { letter: this.unchanged.dataset.letter }) : "";
    }
    if (!this.carried) return words("uncarried");
    const isEmpty = !this.textOf(this.carried).trim();
    return isEmpty ? words("emptyCarries", { letter: this.carried.dataset.letter }) : "";
  }

  get isComplete() {
    return this.missing === "";
  }

  advance() {
    this.item.say(this.missing);
  }

  goBack() {
    return false;
  }

  // --- Hands -------------------------------------------------------------------------------------------------------

  onKey(event) {
    const { pins } = this.item;
    const card = pins.articleAt(event.target) ?? event.target.closest?.("[data-completion]") ?? this.current;
    const place = digit(event);
    if (this.ranking && place && place <= this.articles.length) this.put(card, place);
    else if (event.key === "Backspace" && this.ranking?.place(card)) this.put(card, 0);
    else if (event.key === "k") this.carryOn(card);
    else if (event.key === "w") this.rewrite(this.isWritten ? null : card);
    else if (event.key === "l") this.foldFlags(card);
    else if (event.key === "r" && this.ranking) this.item.difference.open(card);
    else if (event.key === "p" && this.ranking) pins.toggle(card);
    else if (event.key === "y" && this.ranking) pins.toggleTogether();
    else return toggleFlag(event, card, this.item);
    return true;
  }

  put(card, place) {
    if (this.item.sending.isLocked) return;
    const isNew = place && !this.ranking.place(card);
    this.ranking.put(card, place);
    ((isNew && this.ranking.unranked[0]) || card).focus();
  }

  carryOn(card) {
    if (this.item.sending.isLocked || this.first.length < 2) return;
    if (this.first.includes(card)) {
      this.radio(card).checked = true;
      this.item.changed();
    } else this.item.say(words("uncarried"));
  }

  // A text that was written is not replaced.
  rewrite(article) {
    if (article && !this.isWritten && !this.item.sending.isLocked) {
      this.text.value = this.textOf(article);
      this.suggestion.value = article.dataset.completion;
      this.item.changed();
    }
    this.text.focus();
  }

  foldFlags(article) {
    const button = article.querySelector("[data-folds]");
    const isOpen = button.closest(".flag-list").classList.toggle("is-open");
    button.setAttribute("aria-expanded", String(isOpen));
  }

  onClick(button) {
    const card = button.closest("[data-completion]");
    if ("place" in button.dataset) this.put(card, Number(button.dataset.place));
    else if ("pins" in button.dataset) this.item.pins.toggle(card);
    else if ("unpins" in button.dataset) this.item.pins.toggle(this.item.pins.articleAt(button));
    else if ("together" in button.dataset) this.item.pins.toggleTogether();
    else if ("compares" in button.dataset) this.item.difference.open(this.current);
    else if ("folds" in button.dataset) this.foldFlags(card);
    else if ("takes" in button.dataset) this.rewrite(card);
  }

  onInput(target) {
    // A text that was wiped and begun anew does not come from a completion.
    if (target === this.text && !this.isWritten) this.suggestion.value = "";
  }

  onChange() {}

  doubts() {
    const judged = (article) => ({
      letter: article.dataset.letter,
      place: this.place(article),
      isHarmful: isHarmful(article),
    });
    return doubtsOf(this.articles.map(judged));
  }

  setLocked(isLocked) {
    this.text.readOnly = isLocked;
  }

  show() {
    const { first, isWritten } = this;
    for (const article of this.articles) {
      const isOpen = this.isRanked && !isWritten && first.length > 1 && first.includes(article);
      article.querySelector("[data-carry]").hidden = !isOpen;
      if (!isOpen) this.radio(article).checked = false;
      article.classList.toggle("is-chosen", this.isRanked && !isWritten && article === this.carried);
    }
    const [count, max] = [this.length, this.max].map((number) => number.toLocaleString());
    this.counter.textContent = words("characters", { count, max });
    this.counter.classList.toggle("is-over", this.length > this.max);
    return { status: this.missing || this.said };
  }

  get said() {
    return this.isWritten ? words("ownCarries") : words("carries", { letter: this.carried.dataset.letter });
  }
}
