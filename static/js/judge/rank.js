// Ranking: the completions' own elements become cards in a tray and in numbered slots. The tray starts full; the select
// of each completion holds its place, so that the form is the state.

import { words } from "../lib.js";

let library = null;

// A quarter of the page's weight, not needed before something is ranked. Without it (no connection at that moment)
// keys and buttons rank as well, and the next ranking asks for it again.
function loadSortable(url) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  }).catch(() => (library = null));
  return library;
}

export class Ranking {
  constructor({ root, articles, onChange, say }) {
    Object.assign(this, { articles, onChange, say });
    this.home = root.querySelector("[data-completions]");
    this.pane = root.querySelector("[data-ranking]");
    this.tray = root.querySelector("[data-tray]");
    this.slots = [...root.querySelectorAll("[data-slot]")];
    this.sortables = [];
  }

  select(article) {
    return article.querySelector("select.place-select");
  }

  place(article) {
    return Number(this.select(article).value) || 0;
  }

  get unranked() {
    return [...this.tray.children].filter((card) => card.matches("[data-completion]"));
  }

  get numRanked() {
    return this.articles.filter((article) => this.place(article)).length;
  }

  get isComplete() {
    return this.numRanked === this.articles.length;
  }

  cards(place) {
    return this.slots[place - 1].querySelector("[data-cards]");
  }

  enter() {
    this.pane.hidden = false;
    for (const article of this.articles) {
      article.classList.add("is-card");
      article.tabIndex = 0;
      this.letFollow(article, false);
      const place = this.place(article);
      (place ? this.cards(place) : this.tray).append(article);
    }
    this.show();
    this.prepare().then(() => this.letDrag());
  }

  prepare() {
    return loadSortable(this.pane.dataset.sortable);
  }

  // The person may have gone back meanwhile, or come again.
  letDrag() {
    if (this.pane.hidden || this.sortables.length || !window.Sortable) return;
    const lists = [this.tray, ...this.slots.map((slot) => slot.querySelector("[data-cards]"))];
    this.sortables = lists.map((list) => this.sortable(list));
  }

  stop() {
    for (const sortable of this.sortables) sortable.destroy();
    this.sortables = [];
  }

  leave() {
    this.stop();
    for (const article of this.articles) {
      article.classList.remove("is-card");
      article.tabIndex = -1;
      this.letFollow(article, true);
      this.home.append(article);
    }
    this.pane.hidden = true;
  }

  // Tab goes from card to card here; the links in them were in its way while they were rated.
  letFollow(article, isStop) {
    for (const link of article.querySelectorAll(".text a")) link.tabIndex = isStop ? 0 : -1;
  }

  sortable(list) {
    return new window.Sortable(list, {
      group: "ranking",
      handle: "[data-handle]",
      draggable: "[data-completion]",
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      // One way for mouse, pen and touch. The moving copy goes to the body: inside the form its radio buttons would
      // take the place of the real ones.
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      emptyInsertThreshold: 24,
      ghostClass: "is-ghost",
      onStart: () => this.pane.classList.add("is-dragging"),
      onEnd: ({ item, to }) => {
        this.pane.classList.remove("is-dragging");
        this.put(item, Number(to.closest("[data-slot]")?.dataset.slot ?? 0));
      },
    });
  }

  // Place 0 is the tray.
  put(article, place) {
    const list = place ? this.cards(place) : this.tray;
    if (article.parentElement !== list) list.append(article);
    this.select(article).value = place || "";
    this.show();
    this.onChange();
    const letter = article.dataset.letter;
    this.say(place ? words("placed", { letter, place }) : words("taken", { letter }));
  }

  show() {
    for (const article of this.articles) {
      const place = this.place(article);
      for (const button of article.querySelectorAll("[data-place]")) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.place) === place && place > 0));
      }
    }
    for (const slot of this.slots) {
      const count = slot.querySelectorAll("[data-completion]").length;
      slot.classList.toggle("is-filled", count > 0);
      slot.classList.toggle("is-tied", count > 1);
    }
    this.pane.classList.toggle("is-complete", this.isComplete);
  }
}
