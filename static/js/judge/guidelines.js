// The guidelines beside the work. They stay while items come and go; g opens and closes them. When another version is in
// force with an item, they are read again, and what is new to the person unfolds once, without taking the focus.

import { isPlainPress } from "./keys.js";

const KEY = "prefloop:guidelines"; // whether they stand open is a choice of this browser

function remembered() {
  try {
    return localStorage.getItem(KEY) === "open";
  } catch {
    return false;
  }
}

function remember(isOpen) {
  try {
    localStorage.setItem(KEY, isOpen ? "open" : "closed");
  } catch {
    // The choice then lasts as long as the page.
  }
}

export class GuidelinesPanel {
  constructor() {
    this.panel = document.getElementById("guidelines");
    this.link = document.querySelector("[data-guidelines-link]");
    this.version = 0; // the one that is in the panel
    this.link.addEventListener("click", (event) => this.onLink(event));
    this.panel.addEventListener("click", ({ target }) => target.closest("[data-guidelines-switch]") && this.toggle());
    this.panel.addEventListener("htmx:afterSwap", () => this.onLoaded());
    document.addEventListener("keydown", (event) => this.onKey(event));
    if (remembered()) this.open();
  }

  // With each item comes the version in force.
  follow(item) {
    const version = Number(item.dataset.guidelines);
    const known = Math.max(this.version, Number(this.panel.dataset.read));
    if (version > known || (version !== this.version && !this.panel.hidden)) this.load();
  }

  load() {
    return window.htmx.ajax("GET", this.panel.dataset.url, { target: this.panel, swap: "innerHTML" });
  }

  onLoaded() {
    const { version } = this.panel.querySelector("[data-version]").dataset;
    const isNew = Number(version) !== this.version;
    const isUnread = this.panel.querySelector("[data-unread]") !== null;
    this.version = Number(version);
    this.link.classList.toggle("is-unread", isUnread);
    if (isNew && isUnread) this.show();
    // The button that was pressed is gone; without this the next Tab would begin at the top of the page.
    if (!isUnread && document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  }

  onLink(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab or window of its own
    event.preventDefault();
    this.toggle();
  }

  onKey(event) {
    if (event.key === "Escape" && !event.defaultPrevented && this.panel.contains(event.target)) this.toggle();
    if (event.key !== "g" || !isPlainPress(event)) return;
    event.preventDefault();
    this.toggle();
  }

  toggle() {
    if (this.panel.hidden) this.open();
    else this.close();
    remember(!this.panel.hidden);
  }

  open() {
    if (!this.version) this.load();
    this.show();
  }

  show() {
    this.panel.hidden = false;
    this.link.setAttribute("aria-expanded", "true");
    document.body.classList.add("has-guidelines");
  }

  close() {
    const hadFocus = this.panel.contains(document.activeElement);
    this.panel.hidden = true;
    this.link.setAttribute("aria-expanded", "false");
    document.body.classList.remove("has-guidelines");
    if (hadFocus) document.getElementById("main").focus({ preventScroll: true });
  }
}
