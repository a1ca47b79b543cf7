// Best: all completions side by side; a digit picks one.

import { words } from "../../lib.js";
import { digit } from "../keys.js";
import { CardsTask } from "./cards.js";

export class BestTask extends CardsTask {
  get name() {
    return "best";
  }

  get picked() {
    return this.chosen?.closest("[data-completion]");
  }

  advance() {
    this.item.say(words("unpicked"));
  }

  onKey(event) {
    const article = this.articles[digit(event) - 1];
    if (!article) return super.onKey(event);
    article.focus({ preventScroll: true });
    this.choose(article.querySelector('input[name="best"]'));
    return true;
  }

  show() {
    this.showCurrent();
    for (const article of this.articles) article.classList.toggle("is-chosen", article === this.picked);
    return { status: this.picked ? words("picked", { letter: this.picked.dataset.letter }) : words("unpicked") };
  }
}
