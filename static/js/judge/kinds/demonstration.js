// Demonstration: the person writes the completion, from nothing or from a suggestion that is taken over and edited.

import { words } from "../../lib.js";
import { textOf } from "../../texts.js";
import { digit } from "../keys.js";

const GROWS = CSS.supports("field-sizing", "content");

export class DemonstrationTask {
  constructor(item) {
    this.item = item;
    this.text = item.form.elements.text;
    this.suggestion = item.form.elements.suggestion;
    this.counter = item.root.querySelector("[data-counter]");
    this.max = Number(this.counter.dataset.max);
    this.dialog = item.root.querySelector("#replace-dialog");
    this.waiting = null;
  }

  start() {
    this.item.show();
    this.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  leave() {
    (this.item.articles[0] ?? this.item.root.querySelector(".prompt")).focus({ preventScroll: true });
  }

  get length() {
    return [...this.text.value].length;
  }

  get isComplete() {
    return this.text.value.trim() !== "" && this.length <= this.max;
  }

  // Nobody wrote what is empty or still the suggestion as it was.
  get isWritten() {
    const text = this.text.value;
    return text.trim() !== "" && text !== this.textOf(this.taken);
  }

  get taken() {
    return this.item.articles.find((article) => article.dataset.completion === this.suggestion.value);
  }

  textOf(article) {
    // As the text field gives it back: line ends are one character there.
    return textOf(article).replaceAll(/\r\n?/g, "\n");
  }

  advance() {
    const isLong = this.length > this.max;
    this.item.say(isLong ? words("tooLong", { max: this.max.toLocaleString(document.documentElement.lang) }) : words("unwritten"));
    this.focus();
  }

  goBack() {
    return false;
  }

  // Over what a person wrote only after asking.
  takeOver(article) {
    if (this.item.sending.isLocked) return;
    if (!this.isWritten) {
      this.copy(article);
      return;
    }
    this.waiting = article;
    this.dialog.showModal();
  }

  copy(article) {
    this.text.value = this.textOf(article);
    this.suggestion.value = article.dataset.completion;
    this.item.changed();
    this.focus();
    this.text.setSelectionRange(0, 0);
    this.text.scrollTop = 0;
  }

  onInput(target) {
    // A text that was wiped and begun anew does not come from the suggestion.
    if (target === this.text && !this.text.value.trim()) this.suggestion.value = "";
  }

  onKey(event) {
    const article = this.item.articles[digit(event) - 1];
    if (article) this.takeOver(article);
    else if (event.key === "w") this.focus();
    else return false;
    return true;
  }

  onClick(button) {
    if ("takes" in button.dataset) this.takeOver(button.closest("[data-completion]"));
    else if ("replaces" in button.dataset) {
      this.dialog.close();
      this.copy(this.waiting);
    }
  }

  onChange() {}

  setLocked(isLocked) {
    this.text.readOnly = isLocked;
  }

  // Where the style sheet cannot let the field grow with its text.
  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
  }

  show() {
    if (!GROWS) this.grow();
    const { taken, length } = this;
    for (const article of this.item.articles) {
      article.classList.toggle("is-chosen", article === taken);
      article.querySelector("[data-takes]").setAttribute("aria-pressed", String(article === taken));
    }
    this.counter.textContent = words("characters", { count: length.toLocaleString(document.documentElement.lang), max: this.max.toLocaleString(document.documentElement.lang) });
    this.counter.classList.toggle("is-over", length > this.max);
    return { status: taken ? words("takenOver", { letter: taken.dataset.letter }) : "" };
  }
}
