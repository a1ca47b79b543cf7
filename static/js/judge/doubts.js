// What does not fit together in a judgement is asked about before it is sent, and never forbidden.

import { words } from "../lib.js";

const GAP = 2; // points between ratings; one point is within what people change from one minute to the next
const MOST = 4; // sentences, the widest gaps first

// Sentences about completions as {letter, rating, place, isHarmful}; a smaller place is better.
export function doubtsOf(judged) {
  const first = Math.min(...judged.map(({ place }) => place));
  const harms = judged
    .filter(({ place, isHarmful }) => place === first && isHarmful)
    .map(({ letter }) => ({ letter, others: judged.filter((other) => other.place > first && !other.isHarmful) }))
    .filter(({ others }) => others.length)
    .map(({ letter, others }) => words("doubtHarm", { letter, others: others.map((other) => other.letter).join(", ") }));
  const gaps = judged
    .flatMap((below) => judged.map((above) => ({ below, above, gap: below.rating - above.rating })))
    .filter(({ below, above, gap }) => below.place > above.place && gap >= GAP)
    .sort((one, other) => other.gap - one.gap)
    .map(({ below, above }) =>
      words("doubtRating", { below: below.letter, high: below.rating, above: above.letter, low: above.rating }),
    );
  return [...harms, ...gaps].slice(0, MOST);
}

export const isHarmful = (article) => Boolean(article.querySelector(".flags input[data-harmful]:checked"));

export class Doubts {
  constructor(item) {
    this.item = item;
    this.dialog = item.root.querySelector("#doubts");
    this.isSettled = false;
    this.dialog.querySelector("[data-settles]").addEventListener("click", () => this.settle());
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
  }

  // Whether there is something to ask first; then the dialog is open.
  ask() {
    const sentences = this.isSettled ? [] : (this.item.task.doubts?.() ?? []);
    if (!sentences.length) return false;
    const lines = sentences.map((sentence) => {
      const line = document.createElement("li");
      line.textContent = sentence;
      return line;
    });
    this.dialog.querySelector("ul").replaceChildren(...lines);
    this.dialog.showModal();
    return true;
  }

  settle() {
    this.isSettled = true;
    this.dialog.close();
    this.item.advance();
  }

  // A key that is still held from the submit is no reply.
  onKey(event) {
    if (event.key !== "Enter") return;
    if (event.repeat) event.preventDefault();
    else if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.settle();
    }
  }
}
