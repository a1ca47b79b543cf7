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

// A table or a formula wider than its place is reached by Tab and scrolled by the arrow keys; others are no stop.
const regions = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function watch() {
  for (const region of document.querySelectorAll(".text .scroll")) regions.observe(region);
}

// A function that writes a part of these texts as nodes, in which invisible characters have the marks of the raw view.
export function marker(areas) {
  const marks = areas.flatMap((area) => [...area.querySelectorAll("[data-text] .mark")]);
  const names = new Map(marks.map((mark) => [[...mark.textContent][0], mark.dataset.mark.split("×")[0]]));
  names.delete(undefined); // what no page can hold is not in the text either
  const pattern = new RegExp(`([${[...names.keys()].join("")}])`, "u");
  return (text) => (names.size ? text.split(pattern) : [text]).map((part) => (names.has(part) ? markOf(part, names) : part));
}

function markOf(character, names) {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.dataset.mark = names.get(character);
  mark.textContent = character;
  return mark;
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
  document.addEventListener("htmx:load", () => {
    show();
    watch();
  });
  show();
  watch();
}
