// The difference of two texts, word by word: what only the one has, and what only the other has.

import { marker, textOf } from "../texts.js";

const MOST_CELLS = 16_000_000; // 32 MB for a moment; beyond, whole lines are compared
// Older browsers have no segmenter: there, a word is what stands between white space.
const segmenter = Intl.Segmenter && new Intl.Segmenter(undefined, { granularity: "word" });

const wordsOf = (text) =>
  segmenter ? [...segmenter.segment(text)].map(({ segment }) => segment) : (text.match(/\s+|\S+/g) ?? []);
const linesOf = (text) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

// Two lists of [text, isCommon]; each list joined is its text again.
export function difference(first, second) {
  let [one, other] = [wordsOf(first), wordsOf(second)];
  if (one.length * other.length > MOST_CELLS) [one, other] = [linesOf(first), linesOf(second)];
  let start = 0;
  while (start < Math.min(one.length, other.length) && one[start] === other[start]) start++;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const middle = compare(one.slice(start, one.length - end), other.slice(start, other.length - end));
  const frame = (list, parts) => [
    [list.slice(0, start).join(""), true],
    ...parts,
    [list.slice(list.length - end).join(""), true],
  ];
  return [merge(frame(one, middle[0])), merge(frame(other, middle[1]))];
}

// The longest common subsequence, from the table of lengths of those of all tails.
function compare(one, other) {
  if (one.length * other.length > MOST_CELLS) return [[[one.join(""), false]], [[other.join(""), false]]];
  const width = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const here = i * width + j;
      if (one[i] === other[j]) lengths[here] = lengths[here + width + 1] + 1;
      else lengths[here] = Math.max(lengths[here + width], lengths[here + 1]);
    }
  }
  const [left, right] = [[], []];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    const here = i * width + j;
    if (i < one.length && j < other.length && one[i] === other[j]) {
      left.push([one[i++], true]);
      right.push([other[j++], true]);
    } else if (j === other.length || (i < one.length && lengths[here + width] >= lengths[here + 1])) {
      left.push([one[i++], false]);
    } else right.push([other[j++], false]);
  }
  return [left, right];
}

function merge(parts) {
  const merged = [];
  for (const [text, isCommon] of parts) {
    if (!text) continue;
    if (merged.at(-1)?.[1] === isCommon) merged.at(-1)[0] += text;
    else merged.push([text, isCommon]);
  }
  return merged;
}

// The two texts beside each other in one scrolling field; which two is chosen above it.
export class DifferenceDialog {
  constructor({ root, articles }) {
    this.dialog = root.querySelector("#difference");
    this.articles = articles;
    this.dialog?.addEventListener("change", () => this.show());
  }

  get selects() {
    return [...this.dialog.querySelectorAll("select")];
  }

  // The completion at hand and the next one.
  open(article) {
    if (!this.dialog) return;
    const index = Math.max(0, this.articles.indexOf(article));
    const [first, second] = this.selects;
    first.value = Math.min(index, this.articles.length - 2);
    second.value = Number(first.value) + 1;
    this.show();
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  show() {
    const chosen = this.selects.map(({ value }) => this.articles[value]);
    const written = marker(chosen);
    const panes = this.dialog.querySelectorAll("[data-side]");
    difference(...chosen.map(textOf)).forEach((parts, side) => {
      const tag = side === 0 ? "del" : "ins";
      panes[side].replaceChildren(
        ...parts.flatMap(([text, isCommon]) => (isCommon ? written(text) : marked(tag, written(text)))),
      );
    });
  }
}

function marked(tag, parts) {
  const element = document.createElement(tag);
  element.append(...parts);
  return element;
}
