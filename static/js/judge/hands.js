// Keys and clicks of an item.

import { isControl, isPlainPress, isSubmitCombination, isTyping } from "./keys.js";

export class Hands {
  constructor(item) {
    this.item = item;
    this.clicked = null;
    const { form, root } = item;
    const options = { signal: item.stopping.signal };
    form.addEventListener("change", (event) => this.onChange(event), options);
    form.addEventListener("input", (event) => this.onInput(event), options);
    root.addEventListener("pointerdown", ({ target }) => (this.clicked = target.closest("label")), options);
    root.addEventListener("click", (event) => this.onClick(event), options);
    document.addEventListener("keydown", (event) => this.onKey(event), options);
  }

  onChange({ target }) {
    const isClick = this.clicked !== null && target.closest("label") === this.clicked;
    this.clicked = null;
    this.item.changed();
    this.item.task.onChange(target, { isClick });
  }

  onInput({ target }) {
    if (!isTyping(target)) return;
    this.item.task.onInput?.(target);
    this.item.changed();
  }

  onClick(event) {
    const { item } = this;
    const link = event.target.closest("a[data-back], a[data-last]");
    const button = event.target.closest("button");
    if (link) this.onLink(event, link);
    if (!button || item.sending.isBusy) return;
    if ("undoes" in button.dataset) item.undo();
    else if ("skip" in button.dataset && (item.isBegun || item.isReview)) {
      event.preventDefault();
      item.skipping.open();
    } else item.task.onClick(button);
  }

  // Without scripts these links do the same in pages of their own.
  onLink(event, link) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.item.sending.isBusy) return;
    if ("back" in link.dataset) this.item.goBack();
    else this.item.last.open(link.dataset.last);
  }

  onKey(event) {
    const { item } = this;
    if (item.sending.isBusy) return;
    if (isSubmitCombination(event) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      if (!event.repeat) item.advance();
      return;
    }
    if (event.key === "Escape" && !event.isComposing) this.leave(event.target);
    if (!isPlainPress(event)) return;
    if (item.task.onKey(event) || this.onAnyKey(event)) event.preventDefault();
  }

  onAnyKey(event) {
    const { item } = this;
    if (event.key === "Enter" && !isControl(event.target)) item.advance();
    else if (event.key === "u") item.goBack();
    else if (event.key === "U") item.root.querySelector("[data-last]")?.click();
    else if (event.key === "s") item.root.querySelector("[data-skip]")?.click();
    else if (event.key === "S") item.skipping?.open();
    else if (event.key === "n") this.openNotes();
    else if (event.key === "?") document.getElementById("sheet").showModal();
    else return false;
    return true;
  }

  // Escape leaves a text field, so that the next key is for the page.
  leave(field) {
    const { form, task } = this.item;
    if (field === form.elements.notes) task.focus();
    else if (isTyping(field)) task.leave?.();
  }

  openNotes() {
    this.item.root.querySelector("details.notes").open = true;
    this.item.form.elements.notes.focus();
  }
}
