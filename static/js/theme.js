// Runs before the first paint, so that a remembered theme does not flash. Not a module: modules are deferred.
"use strict";
{
  let theme = null;
  try {
    theme = localStorage.getItem("prefloop:theme");
  } catch {
    // Storage may be forbidden: the system's theme is used.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.documentElement.classList.add("js");
}
