// Pair: which of two completions is better and how much, by one choice on a scale from A (1) over the tie (4) to B (7).

import { words } from "../../lib.js";
import { digit } from "../keys.js";
import { CardsTask } from "./cards.js";

const TIE = 4;

export class PairTask extends CardsTask {
  get name() {
    return "choice";
  }

  advance() {
    this.item.say(words("unchosen"));
  }

  onKey(event) {
    const value = digit(event) || (event.key === "0" ? TIE : 0);
    const radio = this.radios.find((other) => Number(other.value) === value);
    if (!radio) return super.onKey(event);
    this.choose(radio);
    return true;
  }

  show() {
    this.showCurrent();
    const value = Number(this.chosen?.value ?? 0);
    const [first, second] = this.articles;
    first.classList.toggle("is-chosen", value > 0 && value < TIE);
    second.classList.toggle("is-chosen", value > TIE);
    const label = this.chosen?.closest("label").querySelector("[data-name]").textContent;
    return { status: label ? words("chosen", { choice: label }) : words("unchosen") };
  }
}
