// Texts are seen rendered or raw: one switch for the whole page, remembered in this browser.

import { isPlainPress } from "./judge/keys.js";

const root = document.documentElement;
const switches = (area = document) => area.querySelectorAll("[data-raw-switch]");

// What was written, character by character, whichever view is seen.
export const textOf = (area) => area?.querySelector("[data-text]")?.textContent ?? "";

function show() {
  for (const button of switches()) button.setAttribute("aria-pressed", String(root.dataset.view === "raw"));
}

function toggle() {
  if (root.dataset.view === "raw") delete root.dataset.view;
  else root.dataset.view = "raw";
  try {
    localStorage.setItem("prefloop:view", root.dataset.view ?? "");
  } catch {
    // The choice then lasts as long as the page.
  }
  show();
}

// Side effects stand in app.js alone: a module may be loaded under two names.
export function offerRawView() {
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-raw-switch]")) toggle();
  });
  window.addEventListener("keydown", (event) => {
    if (event.key !== "b" || !isPlainPress(event) || !switches().length) return;
    event.preventDefault();
    toggle();
  });
  document.addEventListener("htmx:load", show);
  show();
}
