// Shared helpers without side effects: a module may be loaded under two names (hashed and plain), so only app.js acts.

export function toast(message, { tone = "", milliseconds = 4000 } = {}) {
  const box = document.createElement("div");
  box.className = tone ? `toast is-${tone}` : "toast";
  box.textContent = message;
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), milliseconds);
}

// The cookie, not the form: after signing in again in another tab, the token in an open page is stale.
export function csrfToken() {
  const match = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return match ? decodeURIComponent(match[1]) : "";
}

// Replaces what the page says above its content; null takes it away.
export function notice(message, { tone = "warn", code = "", href = "", label = "" } = {}) {
  const area = document.getElementById("notices");
  area.replaceChildren();
  if (!message) return;
  const box = document.createElement("div");
  box.className = `notice is-${tone}`;
  box.dataset.code = code;
  const text = document.createElement("p");
  text.textContent = message.charAt(0).toUpperCase() + message.slice(1);
  box.append(text);
  if (href) {
    const link = document.createElement("a");
    link.className = "button is-small is-primary";
    link.href = href;
    link.textContent = label;
    box.append(link);
  }
  area.append(box);
  box.scrollIntoView({ block: "nearest" });
}

// A translated sentence from <template id="words">, with its {names} filled in.
export function words(name, values = {}) {
  const sentence = document.getElementById("words")?.dataset[name] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// The server does not know who this is any more: what was written stays, and signing in leads back here.
export function noticeSignedOut() {
  const { loginUrl } = document.getElementById("words").dataset;
  const href = `${loginUrl}?next=${encodeURIComponent(location.pathname)}`;
  notice(words("signedOut"), { tone: "bad", code: "signed_out", href, label: words("signIn") });
}

// crypto.randomUUID exists on https and localhost only; a team's server may be on plain http.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts;
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
