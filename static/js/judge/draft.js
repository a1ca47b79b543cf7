// Keeping unfinished work: at once in the browser, a moment later on the server, and when the page is left.

import { notice, noticeSignedOut, words } from "../lib.js";
import { isAway, post } from "./server.js";
import { readWork } from "./work.js";

const PAUSE_MILLISECONDS = 900;

export class DraftKeeper {
  constructor({ root, form, drafts, prepare }) {
    Object.assign(this, { root, form, drafts, prepare });
    this.work = root.dataset.work;
    this.timeout = 0;
    this.isDirty = false;
    this.isClosed = false;
  }

  snapshot() {
    this.prepare();
    return { ...readWork(this.form), saved_at: Date.now() };
  }

  changed() {
    if (this.isClosed) return;
    this.drafts.save(this.work, this.snapshot());
    this.isDirty = true;
    this.say(words("saving"));
    clearTimeout(this.timeout);
    this.timeout = setTimeout(() => this.send(), PAUSE_MILLISECONDS);
  }

  async send({ leaving = false } = {}) {
    clearTimeout(this.timeout);
    if (!this.isDirty || this.isClosed) return;
    this.isDirty = false;
    if (!this.root.dataset.draftUrl) {
      this.say(words("local")); // of a review
      return;
    }
    const reply = await post(this.root.dataset.draftUrl, JSON.stringify(this.snapshot()), { keepalive: leaving });
    if (this.isClosed) return;
    if (reply.status === 200) {
      this.say(words("saved"));
      return;
    }
    this.say(words("local"));
    if (isAway(reply.status)) this.isDirty = true;
    else if (reply.status === 401) noticeSignedOut();
    else if (reply.detail) notice(reply.detail, { code: reply.code });
  }

  // Nothing is kept any more, here and on the server.
  discard() {
    clearTimeout(this.timeout);
    this.isDirty = false;
    this.drafts.remove(this.work);
    this.say("");
    return post(this.root.dataset.draftUrl, JSON.stringify({ revises: Number(this.root.dataset.revises) }));
  }

  say(text) {
    this.root.querySelector("[data-saved]").textContent = text;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timeout);
  }
}
