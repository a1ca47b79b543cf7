// The item after the one at hand, claimed on a short lease (labeling/services/ahead.py) and kept hidden here. With it at
// hand a submit goes through the outbox and the next item is there at once. What the server refuses comes back.

import { post } from "./server.js";

const LOOK_MILLISECONDS = 30_000;
const RENEW_MILLISECONDS = 120_000;
const PAUSE_MILLISECONDS = 1_500; // who only passes through an item claims no other one
const MARGIN = 0.8; // of the lease: the rest is for clocks and slow lines

export class Ahead {
  constructor() {
    this.item = null;
    this.held = null; // {assignment, html, leave, asked, until}
    this.flight = null; // a submit that is on its way
    this.timeout = 0;
    setInterval(() => this.look(), LOOK_MILLISECONDS);
    window.addEventListener("pagehide", () => this.leave());
  }

  get isReady() {
    return this.held !== null && Date.now() < this.held.until;
  }

  // With each item that is opened; null for none. What is looked at again in between leaves it as it is.
  follow(item) {
    clearTimeout(this.timeout);
    // What follows a step of a conversation is its next step.
    this.item = item?.isHeld && !item.isStep ? item : null;
    if (item?.isStep && this.held?.assignment === item.root.dataset.assignment) this.held = null;
    if (!this.item) return;
    if (this.held?.assignment === item.root.dataset.assignment) this.held = null;
    this.timeout = setTimeout(() => this.ask(), this.flight ? 0 : PAUSE_MILLISECONDS);
  }

  look() {
    const isDue = !this.held || Date.now() - this.held.asked > RENEW_MILLISECONDS;
    if (this.item && isDue && !this.item.time.isIdle) this.ask();
  }

  // Holds the item at hand, too, and tells how far the project is by now.
  async ask() {
    if (this.flight) await this.flight;
    const { item, held } = this;
    if (!item || item.sending.isBusy || item.sending.isLocked || !navigator.onLine) return;
    const asked = Date.now();
    const reply = await post(item.root.dataset.aheadUrl, new URLSearchParams({ has: held?.assignment ?? "" }));
    if (this.item !== item || reply.status !== 200) return;
    this.tell(reply.html ?? reply.far);
    if (reply.assignment) this.held = this.keep(reply, { asked, html: reply.html ?? held?.html });
    else this.leave(); // near the end of the queue it is for whoever comes first
  }

  // How far the project and the person are by now.
  tell(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const part of [".item-progress", ".item-mine"]) {
      const [here, now] = [this.item.root.querySelector(part), fresh.querySelector(part)];
      if (here && now) here.replaceChildren(...document.importNode(now, true).childNodes);
    }
  }

  keep({ assignment, leave, seconds }, { asked, html }) {
    return { assignment, html, asked, leave, until: asked + seconds * 1000 * MARGIN };
  }

  // Its page, to be shown now; the time of the item before is in its total.
  take(total) {
    const item = new DOMParser().parseFromString(this.held.html, "text/html").getElementById("item");
    item.dataset.totalSeconds = total;
    this.held = null;
    return item.outerHTML;
  }

  leave() {
    if (!this.held) return;
    post(this.held.leave, new URLSearchParams(), { keepalive: true });
    this.held = null;
  }
}
