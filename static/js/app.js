// What every page does: theme, toasts, confirmations, and the CSRF token for htmx.

export function toast(message, { tone = "", milliseconds = 4000 } = {}) {
  const area = document.getElementById("toasts");
  const box = document.createElement("div");
  box.className = tone ? `toast is-${tone}` : "toast";
  box.textContent = message;
  area.append(box);
  setTimeout(() => box.remove(), milliseconds);
}

// The cookie, not the form: after signing in again in another tab, the token in an open page is stale.
export function csrfToken() {
  const match = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return match ? decodeURIComponent(match[1]) : "";
}

function nextTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "light" : "dark";
}

function switchTheme() {
  const theme = nextTheme();
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("prefloop:theme", theme);
  } catch {
    // The choice then lasts as long as the page.
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-switch]")) switchTheme();
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
  const copier = event.target.closest("[data-copies]");
  if (copier) navigator.clipboard?.writeText(document.getElementById(copier.dataset.copies).textContent.trim());
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

window.addEventListener("toast", (event) => toast(event.detail.message, { tone: event.detail.tone }));
