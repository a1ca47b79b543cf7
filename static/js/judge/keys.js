// Which key presses are meant for the page, and which belong to a control, a dialog or the browser.

const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";
const CONTROLS = "a, button, summary, input, select, textarea, dialog, [contenteditable]";

export const isTyping = (target) => Boolean(target.closest?.(TYPING));
export const isControl = (target) => Boolean(target.closest?.(CONTROLS));

// Ctrl/Cmd+Enter is the one combination that works everywhere, also while writing. Held down it submits one item.
export const isSubmitCombination = (event) =>
  event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && !event.isComposing;

export function isPlainPress(event) {
  if (event.defaultPrevented || event.isComposing || event.repeat) return false;
  if (event.ctrlKey || event.metaKey || event.altKey || event.getModifierState("AltGraph")) return false;
  return !isTyping(event.target) && !document.querySelector("dialog[open]");
}

// 1-9, also on keyboards whose digit row gives letters without Shift (French).
export function digit(event) {
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  const code = /^Digit([1-9])$/.exec(event.code);
  return code && !event.shiftKey ? Number(code[1]) : 0;
}
