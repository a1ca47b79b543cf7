// Flags of a completion, raised and taken back by their letters.

export function toggleFlag(event, article, item) {
  if (event.shiftKey || !/^[a-z]$/i.test(event.key) || item.sending.isLocked) return false;
  const box = article.querySelector(`.flags input[data-key="${event.key.toLowerCase()}"]`);
  if (!box) return false;
  box.checked = !box.checked;
  item.changed();
  return true;
}

export function showFlags(article) {
  const count = article.querySelectorAll(".flags input:checked").length;
  const badge = article.querySelector("[data-flag-badge]");
  if (!badge) return;
  badge.hidden = !count;
  badge.textContent = count ? `⚑ ${count}` : "";
}
