// Keys and clicks of an item.

import { digit, isControl, isPlainPress, isSubmitCombination } from "./keys.js";

export class Hands {
  constructor(item) {
    this.item = item;
    this.clicked = null;
    const { form, root } = item;
    const options = { signal: item.stopping.signal };
    form.addEventListener("change", (event) => this.onChange(event), options);
    form.elements.notes.addEventListener("input", () => item.changed(), options);
    root.addEventListener("pointerdown", ({ target }) => (this.clicked = target.closest("label")), options);
    root.addEventListener("click", (event) => this.onClick(event), options);
    document.addEventListener("keydown", (event) => this.onKey(event), options);
  }

  // Choosing a rating with the arrow keys passes over values: only a click goes on to the next completion.
  onChange({ target }) {
    this.item.changed();
    if (target.name?.startsWith("rating-") && target.closest("label") === this.clicked) this.item.goOn();
    this.clicked = null;
  }

  onClick(event) {
    const { item } = this;
    const button = event.target.closest("button");
    if (!button || item.sending.isBusy) return;
    const { go } = button.dataset;
    if (go === "rank") item.goRank();
    else if (go) item.goRate(Number(go));
    else if ("back" in button.dataset) item.goBack();
    else if ("next" in button.dataset) item.goOn();
    else if ("place" in button.dataset) item.ranking.put(button.closest("[data-completion]"), Number(button.dataset.place));
    else if ("skip" in button.dataset && item.isBegun) {
      event.preventDefault();
      item.skipping.open();
    }
  }

  onKey(event) {
    const { item } = this;
    if (item.sending.isBusy) return;
    if (isSubmitCombination(event) && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      item.advance();
      return;
    }
    if (event.key === "Escape" && event.target === item.form.elements.notes) item.focusWork();
    if (!isPlainPress(event)) return;
    const isTaken = item.step === "rank" ? this.onRankKey(event) : this.onRateKey(event);
    if (isTaken || this.onAnyKey(event)) event.preventDefault();
  }

  onRateKey(event) {
    const { item } = this;
    const value = digit(event);
    const isFree = !isControl(event.target);
    if (value && value <= 7) item.rate(item.current, value);
    else if (event.key === "ArrowLeft" && isFree) item.goRate(Math.max(0, item.index - 1));
    else if (event.key === "ArrowRight" && isFree) item.goRate(Math.min(item.articles.length - 1, item.index + 1));
    else return this.toggleFlag(event);
    return true;
  }

  toggleFlag(event) {
    if (event.shiftKey || !/^[a-z]$/i.test(event.key)) return false;
    const box = this.item.current.querySelector(`.flags input[data-key="${event.key.toLowerCase()}"]`);
    if (!box) return false;
    box.checked = !box.checked;
    this.item.changed();
    return true;
  }

  onRankKey(event) {
    const { ranking, articles } = this.item;
    const card = event.target.closest?.("[data-completion]") ?? ranking.unranked[0];
    const place = digit(event);
    if (!card) return false;
    if (place && place <= articles.length) {
      const isNew = !ranking.place(card);
      ranking.put(card, place);
      ((isNew && ranking.unranked[0]) || card).focus();
    } else if (event.key === "Backspace" && ranking.place(card)) {
      ranking.put(card, 0);
      card.focus();
    } else return false;
    return true;
  }

  onAnyKey(event) {
    const { item } = this;
    if (event.key === "Enter" && !isControl(event.target)) item.advance();
    else if (event.key === "u") item.goBack();
    else if (event.key === "s") item.root.querySelector("[data-skip]").click();
    else if (event.key === "S") item.skipping.open();
    else if (event.key === "n") this.openNotes();
    else if (event.key === "?") document.getElementById("sheet").showModal();
    else return false;
    return true;
  }

  openNotes() {
    this.item.root.querySelector("details.notes").open = true;
    this.item.form.elements.notes.focus();
  }
}
