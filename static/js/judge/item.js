// One item on the page: its kind says what is to be done (kinds.js), then one request submits and brings the next item.
// What people press is in hands.js, what they see in show.js, the way to the server in sending.js.

import { toast, uuid, words } from "../lib.js";
import { DraftKeeper } from "./draft.js";
import { DifferenceDialog } from "./difference.js";
import { Doubts } from "./doubts.js";
import { Hands } from "./hands.js";
import { TASKS } from "./kinds.js";
import { Lease } from "./lease.js";
import { Pins } from "./pins.js";
import { Sending } from "./sending.js";
import { showItem, showKeys, showTime } from "./show.js";
import { SkipDialog } from "./skip.js";
import { ActiveTime } from "./timer.js";
import { isBegun, isSame, readWork, writeWork } from "./work.js";

export class Item {
  constructor(root, { drafts, outbox, last, ahead }) {
    Object.assign(this, { root, drafts, outbox, last, ahead });
    // An assignment, or the judgement of it that is being revised: its drafts are apart.
    this.work = root.dataset.work;
    this.decided = root.dataset.decided ? JSON.parse(root.dataset.decided) : null;
    this.isReview = "review" in root.dataset;
    this.isHeld = !this.decided && !this.isReview; // on a lease, with a next one that can be claimed
    this.isStep = root.dataset.kind === "conversation";
    this.form = root.querySelector("form.judgement");
    this.articles = [...root.querySelectorAll("[data-completion]")];
    this.say = (text) => (root.querySelector("[data-status]").textContent = text);
    this.stopping = new AbortController();
    this.form.noValidate = true;
    this.restore();
    const seconds = Number(this.form.elements.seconds.value) || 0;
    this.time = new ActiveTime({ seconds, idleSeconds: Number(root.dataset.idle), onTick: () => showTime(this) });
    this.draft = new DraftKeeper({ root, form: this.form, drafts, prepare: () => this.stamp() });
    this.lease = this.isHeld ? new Lease({ ...root.dataset, isIdle: () => this.time.isIdle }) : null;
    this.pins = new Pins(this);
    this.task = new TASKS[root.dataset.kind](this);
    this.skipping = this.decided ? null : new SkipDialog({ root, isBegun: () => this.isBegun });
    this.doubts = new Doubts(this);
    this.difference = new DifferenceDialog(this);
    this.sending = new Sending(this);
    this.hands = new Hands(this);
    this.start();
  }

  // --- Beginning and end -------------------------------------------------------------------------------------------

  // The newer of the two copies: the server's is in the form already.
  restore() {
    const isRefused = "refused" in this.root.dataset;
    const kept = this.drafts.load(this.work);
    // In a conversation: what was kept for a step that is done is of no use to this one.
    const local = kept?.step === this.form.elements.step?.value ? kept : null;
    if (local && local.saved_at > Number(this.root.dataset.savedAt) && !isRefused) {
      writeWork(this.form, local);
      if (this.decided ? this.isChanged : this.isBegun) toast(words("restored"));
    }
    // What was refused is sent again under a new id; what was merely kept goes on under its own.
    if (isRefused || !this.form.elements.client_id.value) this.renewClientId();
  }

  start() {
    const prompt = this.root.querySelector(".prompt");
    prompt.scrollTop = prompt.scrollHeight;
    showTime(this);
    showKeys(this.root.dataset.kind);
    this.task.start();
    if (this.outbox.holds(this.work)) this.sending.lock();
    this.root.querySelector("[data-errors]")?.focus();
  }

  close() {
    this.draft.close();
    this.lease?.stop();
    this.time.stop();
    this.stopping.abort();
  }

  // Enter: the next step, or the submit when nothing is missing.
  advance() {
    if (this.task.isComplete) this.form.requestSubmit(this.root.querySelector("[data-submit]"));
    else this.task.advance();
  }

  // A step back, and before the first step to what was judged before this item. The draft is on its way meanwhile.
  goBack() {
    if (this.task.goBack()) return;
    this.draft.send();
    if (this.isReview) {
      location.assign(this.root.dataset.backUrl);
      return;
    }
    const swap = "outerHTML show:window:top";
    window.htmx.ajax("GET", this.root.dataset.backUrl, { source: this.root, target: "#item", swap });
  }

  // --- What is filled in -------------------------------------------------------------------------------------------

  get isBegun() {
    return isBegun(readWork(this.form));
  }

  get isChanged() {
    return !isSame(readWork(this.form), this.decided);
  }

  undo() {
    writeWork(this.form, { ...this.decided, client_id: uuid(), seconds: this.time.seconds });
    this.draft.discard();
    this.task.start();
  }

  changed() {
    if (this.sending.isLocked) return;
    this.doubts.isSettled = false;
    this.draft.changed();
    this.show();
  }

  // The time goes into the form whenever it is read.
  stamp() {
    this.time.tick();
    this.form.elements.seconds.value = Math.round(this.time.seconds * 10) / 10;
  }

  renewClientId() {
    this.form.elements.client_id.value = uuid();
  }

  show() {
    showItem(this);
  }
}
