// The submit of an item: htmx sends it and brings the next one. Without a connection it waits in the outbox.

import { notice, words } from "../lib.js";
import { isAway } from "./server.js";

export class Sending {
  constructor(item) {
    this.item = item;
    this.isBusy = false;
    this.isLocked = false;
    const { root, draft } = item;
    const options = { signal: item.stopping.signal };
    // Before htmx hears of it.
    root.addEventListener("submit", (event) => this.onSubmit(event), { ...options, capture: true });
    root.addEventListener("htmx:beforeRequest", () => this.setBusy(true), options);
    root.addEventListener("htmx:beforeSwap", (event) => this.onDone(event), options);
    root.addEventListener("htmx:afterRequest", (event) => this.onFailure(event), options);
    document.addEventListener("visibilitychange", () => document.hidden && draft.send({ leaving: true }), options);
    window.addEventListener("pagehide", () => draft.send({ leaving: true }), options);
    window.addEventListener("online", () => draft.send(), options);
  }

  onSubmit(event) {
    const { item } = this;
    if (event.target !== item.form) return;
    if (this.isBusy || this.isLocked || !item.task.isComplete) {
      event.preventDefault();
      event.stopPropagation();
      if (!this.isBusy && !this.isLocked) item.task.advance();
      return;
    }
    if (item.doubts.ask()) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    item.drafts.save(item.work, item.draft.snapshot());
    if (!item.isHeld || !item.ahead) return;
    if (item.ahead.flight) this.waitFor(event, item.ahead.flight);
    else if (item.ahead.isReady && !item.isStep) this.handOver(event);
  }

  // The one before is still on its way: this one waits, so that they arrive in their order.
  async waitFor(event, flight) {
    event.preventDefault();
    event.stopPropagation();
    this.setBusy(true);
    await flight;
    if (!this.item.root.isConnected) return;
    this.setBusy(false);
    this.item.advance();
  }

  // The next item is at hand: this one goes its way through the outbox.
  handOver(event) {
    if (!this.item.outbox.add(this.entry())) return;
    event.preventDefault();
    event.stopPropagation();
    this.setBusy(true);
    window.dispatchEvent(new CustomEvent("prefloop:handed", { detail: this.item }));
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.item.form.setAttribute("aria-busy", String(isBusy));
    this.item.show();
  }

  // The next item comes in place of this one. It stays busy to the end: keys pressed meanwhile are not for it.
  onDone(event) {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status >= 300 || requestConfig.verb !== "post") return;
    this.item.draft.close();
    this.item.drafts.remove(this.item.work);
  }

  onFailure(event) {
    const { xhr, successful, elt } = event.detail;
    if (xhr.status === 204) this.setBusy(false);
    if (successful) return;
    this.setBusy(false);
    if (elt === this.item.form && isAway(xhr.status)) this.queue();
    else if (isAway(xhr.status)) notice(words("away"), { tone: "bad", code: "away" });
    else if ([400, 409].includes(xhr.status)) this.item.renewClientId();
  }

  // The judgement waits in this browser, complete, with its client id.
  queue() {
    if (!this.item.outbox.add(this.entry())) return;
    this.lock();
    window.dispatchEvent(new Event("prefloop:queued"));
  }

  entry() {
    const { form, work } = this.item;
    const body = [...new FormData(form).entries()].filter(([name]) => name !== "csrfmiddlewaretoken");
    return { url: form.getAttribute("hx-post"), body, assignment: work, client_id: form.elements.client_id.value };
  }

  lock() {
    this.setLocked(true);
    this.item.draft.close();
    notice(words("queued"), { code: "queued" });
  }

  // The server refused what had waited: it can be changed and sent anew, under a new id.
  unlock() {
    this.setLocked(false);
    this.item.draft.isClosed = false;
    this.item.renewClientId();
  }

  setLocked(isLocked) {
    this.isLocked = isLocked;
    this.item.root.classList.toggle("is-locked", isLocked);
    for (const fieldset of this.item.form.querySelectorAll("fieldset")) fieldset.disabled = isLocked;
    this.item.task.setLocked?.(isLocked);
    this.item.show();
  }
}
