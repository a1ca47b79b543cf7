// Skipping: at once when nothing was done yet, else after one more key, which may say why. Nobody has to say why.

import { digit, isTyping } from "./keys.js";

export class SkipDialog {
  constructor({ root, isBegun }) {
    this.dialog = root.querySelector("#skip-dialog");
    this.form = root.querySelector("form#skip");
    this.other = this.dialog.querySelector('[data-reason="other"]');
    this.field = this.dialog.querySelector("#skip-why");
    this.isBegun = isBegun;
    this.dialog.addEventListener("click", (event) => this.onClick(event));
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
  }

  open() {
    this.dialog.querySelector("[data-skip-work]").hidden = !this.isBegun();
    this.unfold(false);
    this.dialog.showModal();
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button === this.other) this.unfold(true);
    else if ("reason" in button.dataset) this.skip(button.dataset.reason);
    else if ("skipWhy" in button.dataset) this.skipWithWords();
  }

  onKey(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) {
      if (event.key !== "Enter" || event.repeat) return;
      event.preventDefault();
      this.skipWithWords();
      return;
    }
    const button = this.dialog.querySelectorAll('[data-reason]:not([data-reason=""])')[digit(event) - 1];
    if (!button || event.repeat) return;
    event.preventDefault();
    button.click();
  }

  // Something else: a field for a few words, which may stay empty. A review has no reasons.
  unfold(isOpen) {
    if (!this.other) return;
    this.dialog.querySelector("#skip-words").hidden = !isOpen;
    this.other.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.field.focus();
  }

  skipWithWords() {
    const words = this.field.value.trim();
    this.skip(words ? `other: ${words}` : "other");
  }

  skip(reason) {
    this.dialog.close();
    this.form.elements.reason.value = reason;
    this.form.requestSubmit();
  }
}
