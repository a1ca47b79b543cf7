// Conversation: what is to be done depends on the step. The annotator says something, waits, ranks what comes (turn.js),
// or writes the completion; and ends the conversation when they like.

import { words } from "../../lib.js";
import { TurnTask } from "./turn.js";
import { TurnRevisionTask } from "./turn_revision.js";

const POLL_MILLISECONDS = 2500;

export class ConversationTask {
  constructor(item) {
    const talk = item.root.querySelector("[data-talk]");
    return new STEPS[talk.dataset.talk](item, talk);
  }
}

// What the steps share that have nothing to rank.
class StepTask {
  constructor(item, talk) {
    Object.assign(this, { item, talk });
    this.text = item.form.elements.text;
  }

  get finishing() {
    return this.talk.querySelector("[data-finishes]");
  }

  start() {
    this.item.show();
    this.focus();
  }

  focus() {
    this.leave();
  }

  leave() {
    this.item.root.querySelector(".prompt").focus({ preventScroll: true });
  }

  get isComplete() {
    return false;
  }

  advance() {}

  goBack() {
    return false;
  }

  onKey(event) {
    if (event.key === "q" && this.finishing) this.finishing.click();
    else if (event.key === "w" && this.text) this.text.focus();
    else return false;
    return true;
  }

  onClick() {}

  onChange() {}

  setLocked(isLocked) {
    if (this.text) this.text.readOnly = isLocked;
  }

  show() {
    return { status: "" };
  }
}

// Saying something as the user, or writing the completion oneself; or nothing, when the prompt is what is said.
class SayTask extends StepTask {
  constructor(item, talk) {
    super(item, talk);
    this.counter = talk.querySelector("[data-counter]");
    this.max = Number(this.counter?.dataset.max);
  }

  focus() {
    if (!this.text) return super.focus();
    this.text.focus({ preventScroll: true });
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
    return undefined;
  }

  get length() {
    return [...(this.text?.value ?? "")].length;
  }

  get isComplete() {
    return !this.text || (this.text.value.trim() !== "" && this.length <= this.max);
  }

  advance() {
    this.item.say(this.length > this.max ? words("tooLong", { max: this.max.toLocaleString() }) : words("unsaid"));
    this.focus();
  }

  show() {
    if (this.counter) {
      const [count, max] = [this.length, this.max].map((number) => number.toLocaleString());
      this.counter.textContent = words("characters", { count, max });
      this.counter.classList.toggle("is-over", this.length > this.max);
    }
    return { status: "" };
  }
}

// Waiting for the model: an event of the server's, or else a look every few seconds, brings the next step.
class WaitTask extends StepTask {
  start() {
    super.start();
    const { signal } = this.item.stopping;
    const timer = setInterval(() => this.look(), POLL_MILLISECONDS);
    signal.addEventListener("abort", () => clearInterval(timer));
    window.addEventListener("live", ({ detail }) => ["turn", "resync"].includes(detail.event) && this.look(), { signal });
  }

  async look() {
    if (this.isLooking || this.item.sending.isBusy) return;
    this.isLooking = true;
    const { stateUrl, state } = this.talk.dataset;
    const found = await fetch(stateUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    const now = found?.ok ? (await found.json()).state : state;
    this.isLooking = false;
    if (now === state || this.item.stopping.signal.aborted || this.item.sending.isBusy) return;
    window.htmx.ajax("GET", this.item.root.dataset.nextUrl, { target: "#item", swap: "outerHTML" });
  }

  get asking() {
    return this.talk.querySelector("[data-asks]");
  }

  // Never the button that ends the conversation: Enter is for trying again.
  focus() {
    if (this.asking) this.asking.focus({ preventScroll: true });
    else this.leave();
  }

  advance() {
    this.asking?.click();
  }

  show() {
    return { status: words("waiting") };
  }
}

class EndTask extends StepTask {
  focus() {
    this.finishing.focus({ preventScroll: true });
  }

  advance() {
    this.finishing?.click();
  }
}

const STEPS = { say: SayTask, write: SayTask, wait: WaitTask, rank: TurnTask, end: EndTask, revise: TurnRevisionTask };
