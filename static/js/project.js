// Enter starts judging, unless something else has the focus.

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target !== document.body && event.target.id !== "main") return;
  document.querySelector("[data-start]")?.click();
});
