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
    const { item } = this;
    const body = [...new FormData(item.form).entries()].filter(([name]) => name !== "csrfmiddlewaretoken");
    const entry = {
      url: item.form.getAttribute("hx-post"),
      body,
      assignment: item.work,
      client_id: item.form.elements.client_id.value,
    };
    if (!item.outbox.add(entry)) return;
    this.lock();
    window.dispatchEvent(new Event("prefloop:queued"));
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
