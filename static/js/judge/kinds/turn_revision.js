// A judged turn of a conversation that is over: places and flags can be changed, what carried on stays.

import { words } from "../../lib.js";
import { letters } from "../show.js";
import { TurnTask } from "./turn.js";

export class TurnRevisionTask extends TurnTask {
  // Begun anew, too, when changes are undone: the places in the form are others than those of the cards.
  start() {
    if (this.isEntered) this.ranking?.leave();
    this.isEntered = true;
    super.start();
  }

  focus() {
    if (this.current) super.focus();
    else this.leave();
  }

  leave() {
    (this.current ?? this.item.root.querySelector(".prompt")).focus({ preventScroll: true });
  }

  get missing() {
    return this.isRanked ? "" : words("unranked", { letters: letters(this.ranking.unranked) });
  }

  onKey(event) {
    return this.current && !["k", "w"].includes(event.key) ? super.onKey(event) : false;
  }

  setLocked() {}

  show() {
    return { status: this.missing };
  }
}
