// The warning before a sensitive item: Enter shows the item, s skips it. A key that is still held from the submit
// before it decides nothing.

import { isControl, isPlainPress } from "./keys.js";

document.addEventListener("keydown", (event) => {
  const warning = document.querySelector("#item[data-warning]");
  if (!warning || !isPlainPress(event)) return;
  if (event.key === "Enter" && !isControl(event.target)) warning.querySelector("[data-shows]").click();
  else if (event.key === "s") warning.querySelector("[data-skip]").click();
  else return;
  event.preventDefault();
});
