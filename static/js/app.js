// What every page does: theme, dialogs, confirmations, and requests of htmx.

import { csrfToken, notice, words } from "./lib.js";
import { offerRawView } from "./texts.js";

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("prefloop:theme", root.dataset.theme);
  } catch {
    // The choice then lasts as long as the page.
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch], [data-opens], [data-closes], [data-copies]");
  if (!button) return;
  if ("themeSwitch" in button.dataset) switchTheme();
  if (button.dataset.opens) document.getElementById(button.dataset.opens)?.showModal();
  if ("closes" in button.dataset) button.closest("dialog")?.close();
  if (button.dataset.copies) {
    navigator.clipboard?.writeText(document.getElementById(button.dataset.copies).textContent.trim());
  }
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("htmx:configRequest", (event) => {
  const token = csrfToken();
  if (!token || event.detail.verb === "get") return;
  delete event.detail.parameters.csrfmiddlewaretoken;
  event.detail.headers["X-CSRFToken"] = token;
});

// A refusal of ours says where it goes (HX-Retarget) or is the same form again (422). Any other error page, of a proxy
// or of a crash, must not replace what somebody is working on.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400 || xhr.status === 422 || xhr.getResponseHeader("HX-Retarget")) return;
  event.detail.shouldSwap = false;
  notice(words("refused") || `${xhr.status} ${xhr.statusText}`, { tone: "bad", code: String(xhr.status) });
});

offerRawView();

// A form that was refused comes back at the top of its page; what is wrong with it may stand far below.
const refused = document.querySelector("main form :is(.errorlist, [role=alert])");
if (refused && document.activeElement === document.body) {
  const field = refused.closest(".field")?.querySelector("[aria-invalid=true]");
  refused.scrollIntoView({ block: "center" });
  field?.focus({ preventScroll: true });
}

// On a phone the navigation is longer than the screen: the open page comes into sight.
document.querySelector(".site-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
