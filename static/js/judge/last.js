// What the person judged last: a list from which an item is opened by a click, by Enter or by its digit.

import { notice, words } from "../lib.js";
import { digit } from "./keys.js";

export class LastDialog {
  constructor() {
    this.dialog = document.getElementById("last");
    this.list = this.dialog.querySelector("[data-list]");
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
  }

  async open(url) {
    try {
      const reply = await fetch(url, { headers: { "HX-Request": "true" } });
      if (!reply.ok) throw new Error(reply.statusText);
      this.list.innerHTML = await reply.text();
    } catch {
      notice(words("away"), { tone: "bad", code: "away" });
      return;
    }
    this.dialog.showModal();
    this.list.querySelector("a")?.focus();
  }

  onKey(event) {
    const link = this.list.querySelectorAll("a")[digit(event) - 1];
    if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    link.click();
  }
}
