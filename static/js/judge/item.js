// One item on the page: first each completion is rated, then all are ranked, then one request submits and brings the
// next item. What people press is in hands.js, what they see in show.js, the way to the server in sending.js.

import { toast, uuid, words } from "../lib.js";
import { DraftKeeper } from "./draft.js";
import { Hands } from "./hands.js";
import { Lease } from "./lease.js";
import { Ranking } from "./rank.js";
import { Sending } from "./sending.js";
import { showItem, showTime } from "./show.js";
import { SkipDialog } from "./skip.js";
import { ActiveTime } from "./timer.js";
import { isBegun, readWork, writeWork } from "./work.js";

export class Item {
  constructor(root, { drafts, outbox }) {
    Object.assign(this, { root, drafts, outbox });
    this.assignment = root.dataset.assignment;
    this.form = root.querySelector("form.judgement");
    this.articles = [...root.querySelectorAll("[data-completion]")];
    this.index = 0;
    this.stopping = new AbortController();
    this.form.noValidate = true;
    this.restore();
    this.time = new ActiveTime({ seconds: Number(this.form.elements.seconds.value) || 0, onTick: () => showTime(this) });
    this.draft = new DraftKeeper({ root, form: this.form, drafts, prepare: () => this.stamp() });
    this.lease = new Lease({ url: root.dataset.heartbeatUrl, expires: root.dataset.lease, isIdle: () => this.time.isIdle });
    this.ranking = new Ranking({ root, articles: this.articles, onChange: () => this.changed(), say: (text) => this.say(text) });
    this.skipping = new SkipDialog({ root, isBegun: () => this.isBegun });
    this.sending = new Sending(this);
    this.hands = new Hands(this);
    this.start();
  }

  // --- Beginning and end -------------------------------------------------------------------------------------------

  // The newer of the two copies: the server's is in the form already.
  restore() {
    const isRefused = "refused" in this.root.dataset;
    const local = this.drafts.load(this.assignment);
    if (local && local.saved_at > Number(this.root.dataset.savedAt) && !isRefused) {
      writeWork(this.form, local);
      if (this.isBegun) toast(words("restored"));
    }
    // What was refused is sent again under a new id; what was merely kept goes on under its own.
    if (isRefused || !this.form.elements.client_id.value) this.renewClientId();
  }

  start() {
    this.root.querySelector("[data-stepper]").hidden = false;
    const prompt = this.root.querySelector(".prompt");
    prompt.scrollTop = prompt.scrollHeight;
    showTime(this);
    const unrated = this.articles.findIndex((article) => !this.rating(article));
    if (unrated < 0) this.goRank();
    else this.goRate(unrated);
    if (this.outbox.holds(this.assignment)) this.sending.lock();
    this.root.querySelector("[data-errors]")?.focus();
  }

  close() {
    this.draft.close();
    this.lease.stop();
    this.time.stop();
    this.stopping.abort();
  }

  // --- Steps -------------------------------------------------------------------------------------------------------

  get step() {
    return this.root.dataset.step;
  }

  get current() {
    return this.articles[this.index];
  }

  goRate(index) {
    if (this.step === "rank") this.ranking.leave();
    this.root.dataset.step = "rate";
    this.index = index;
    this.articles.forEach((article, place) => article.classList.toggle("is-current", place === index));
    this.show();
    this.current.focus({ preventScroll: true });
  }

  goRank() {
    if (this.step !== "rank") {
      this.root.dataset.step = "rank";
      this.ranking.enter();
    }
    this.show();
    this.focusWork();
  }

  // The next completion without a rating, after this one and then from the front; when all are rated, the ranking.
  goOn() {
    const order = [...this.articles.keys()];
    const later = [...order.slice(this.index + 1), ...order.slice(0, this.index + 1)];
    const next = later.find((place) => !this.rating(this.articles[place]));
    if (next === undefined) this.goRank();
    else this.goRate(next);
  }

  goBack() {
    if (this.step === "rank") this.goRate(this.articles.length - 1);
    else if (this.index > 0) this.goRate(this.index - 1);
  }

  // Enter: the next step, or the submit when nothing is missing.
  advance() {
    const letters = (articles) => articles.map((article) => article.dataset.letter).join(", ");
    if (this.step === "rate") {
      if (this.rating(this.current)) this.goOn();
      else this.say(words("incomplete", { letters: letters(this.unrated) }));
    } else if (this.ranking.isComplete) this.form.requestSubmit(this.root.querySelector("[data-submit]"));
    else this.say(words("unranked", { letters: letters(this.ranking.unranked) }));
  }

  focusWork() {
    const card = this.step === "rank" ? (this.ranking.unranked[0] ?? this.articles[0]) : this.current;
    card.focus({ preventScroll: true });
  }

  // --- What is filled in -------------------------------------------------------------------------------------------

  get isBegun() {
    return isBegun(readWork(this.form));
  }

  get unrated() {
    return this.articles.filter((article) => !this.rating(article));
  }

  rating(article) {
    return Number(article.querySelector(".scale input:checked")?.value ?? 0);
  }

  rate(article, value) {
    article.querySelector(`.scale input[value="${value}"]`).checked = true;
    this.changed();
    this.goOn();
  }

  changed() {
    if (this.sending.isLocked) return;
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

  // --- Showing -----------------------------------------------------------------------------------------------------

  show() {
    showItem(this);
  }

  say(text) {
    this.root.querySelector("[data-status]").textContent = text;
  }
}
