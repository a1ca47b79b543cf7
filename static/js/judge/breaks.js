// A reminder to take a break after so many minutes of active work. It comes between items, or while the hands rest; it
// stands above the work, covers nothing and never takes the focus. Five minutes without a sign are a break.

import { ActiveTime } from "./timer.js";

const BREAK_MILLISECONDS = 5 * 60_000;
const LATER_SECONDS = 10 * 60;
const OVERDUE_SECONDS = 5 * 60; // an item may take long; then it comes in the middle of it
const QUIET_MILLISECONDS = 3_000; // what moves then is under no pointer

export class BreakReminder {
  constructor(box) {
    this.box = box;
    this.limit = Number(box.dataset.minutes) * 60;
    this.key = `prefloop:${box.dataset.person}:break`; // counted over pages and projects
    const { seconds, at } = this.read();
    this.time = new ActiveTime({ seconds: Date.now() - at < BREAK_MILLISECONDS ? seconds : 0, onTick: () => this.tick() });
    box.addEventListener("click", ({ target }) => this.onClick(target.closest("button")));
    window.addEventListener("pagehide", () => this.write());
  }

  read() {
    try {
      return { seconds: 0, at: 0, ...JSON.parse(localStorage.getItem(this.key)) };
    } catch {
      return { seconds: 0, at: 0 };
    }
  }

  write() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ seconds: this.time.seconds, at: this.time.lastSign }));
    } catch {
      // It is then counted on this page alone.
    }
  }

  get isBusy() {
    return Date.now() - this.time.lastSign < QUIET_MILLISECONDS || document.querySelector("dialog[open]") !== null;
  }

  tick() {
    if (Date.now() - this.time.lastSign >= BREAK_MILLISECONDS) {
      this.time.seconds = 0;
      this.box.hidden = true;
    }
    if (this.time.seconds >= this.limit + OVERDUE_SECONDS && !this.isBusy) this.show();
    if (Math.floor(this.time.seconds) % 10 === 0) this.write();
  }

  // Between two items.
  onItem() {
    if (this.time.seconds >= this.limit) this.show();
  }

  show() {
    const text = this.box.querySelector("[data-text]");
    text.textContent = text.dataset.text.replace("{minutes}", Math.round(this.time.seconds / 60).toLocaleString(document.documentElement.lang));
    this.box.hidden = false;
  }

  onClick(button) {
    if (!button) return;
    this.time.seconds = "later" in button.dataset ? this.limit - LATER_SECONDS : 0;
    this.box.hidden = true;
    this.write();
  }
}
