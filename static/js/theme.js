// Runs before the first paint, so that a remembered theme and view do not flash. Not a module: modules are deferred.
"use strict";
{
  let theme = null;
  let view = null;
  try {
    theme = localStorage.getItem("prefloop:theme");
    view = localStorage.getItem("prefloop:view");
  } catch {
    // Storage may be forbidden: the system's theme is used, and texts are rendered.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (view === "raw") document.documentElement.dataset.view = view;
  document.documentElement.classList.add("js");
}
