// The judgement in the form, as data. The form's own inputs are the state; nothing is kept beside them. Which inputs there
// are depends on the kind; the names of the data are those of the API.

const TIE = 4;
const ids = (form) => [...form.querySelectorAll("[data-completion]")].map((article) => article.dataset.completion);
const inputs = (form, name) => [...form.querySelectorAll(`input[name="${name}"]`)];
const chosen = (form, name) => inputs(form, name).find((input) => input.checked)?.value;

export function readWork(form) {
  const { notes, client_id: clientId, seconds, text, suggestion } = form.elements;
  const work = { ratings: {}, flags: {}, ranks: {}, notes: notes.value };
  for (const id of ids(form)) {
    const rating = chosen(form, `rating-${id}`);
    const flags = inputs(form, `flags-${id}`).filter((box) => box.checked);
    const place = form.elements[`place-${id}`]?.value;
    if (rating) work.ratings[id] = Number(rating);
    if (flags.length) work.flags[id] = flags.map((box) => box.value);
    if (place) work.ranks[id] = Number(place);
  }
  const best = chosen(form, "best");
  if (best) work.best = Number(best);
  const choice = chosen(form, "choice");
  if (choice) Object.assign(work, asRanks(ids(form), Number(choice) - TIE));
  if (text?.value) Object.assign(work, { text: text.value, suggestion: Number(suggestion?.value) || null });
  if (form.elements.step) work.step = form.elements.step.value; // of a conversation
  if (form.elements.revises) work.revises = Number(form.elements.revises.value);
  return { ...work, client_id: clientId.value, seconds: Number(seconds.value) || 0 };
}

export function writeWork(form, work) {
  for (const id of ids(form)) {
    choose(form, `rating-${id}`, work.ratings?.[id]);
    for (const box of inputs(form, `flags-${id}`)) box.checked = (work.flags?.[id] ?? []).includes(box.value);
    const place = form.elements[`place-${id}`];
    if (place) place.value = work.ranks?.[id] ?? "";
  }
  choose(form, "best", work.best);
  choose(form, "choice", asChoice(ids(form), work));
  const { notes, client_id: clientId, seconds, text, suggestion } = form.elements;
  if (text) text.value = work.text ?? "";
  if (suggestion) suggestion.value = work.suggestion ?? "";
  notes.value = work.notes ?? "";
  if (work.notes) form.querySelector("details.notes").open = true;
  if (work.client_id) clientId.value = work.client_id;
  seconds.value = work.seconds ?? 0;
}

export function isBegun(work) {
  const isFilled = [work.ratings, work.flags, work.ranks].some((values) => Object.keys(values).length);
  return Boolean(isFilled || work.best || work.text?.trim() || work.notes.trim());
}

// Whether two pieces of work decide the same. Places with gaps between them are the same order as without.
export function isSame(one, other) {
  const text = (work) => JSON.stringify([...DECIDING.map((name) => sorted(work[name])), sorted(closedUp(work.ranks))]);
  return text(one) === text(other);
}

const DECIDING = ["ratings", "flags", "best", "strength", "text", "suggestion", "notes"];

function sorted(value) {
  if (value === null || typeof value !== "object") return value || null;
  const entries = Object.entries(value).map(([key, part]) => [key, Array.isArray(part) ? [...part].sort() : part]);
  return entries.length ? entries.sort(([one], [other]) => Number(one) - Number(other)) : null;
}

function closedUp(ranks = {}) {
  const places = [...new Set(Object.values(ranks))].sort((one, other) => one - other);
  return Object.fromEntries(Object.entries(ranks).map(([id, place]) => [id, places.indexOf(place) + 1]));
}

function choose(form, name, value) {
  for (const radio of inputs(form, name)) radio.checked = Number(radio.value) === value;
}

// A choice on the scale of a pair lies between -3, where the first is much better, and 3.
function asRanks([first, second], lead) {
  const ranks = { [first]: lead > 0 ? 2 : 1, [second]: lead < 0 ? 2 : 1 };
  return lead ? { ranks, strength: Math.abs(lead) } : { ranks };
}

function asChoice([first, second], { ranks, strength }) {
  const lead = (ranks?.[first] ?? 0) - (ranks?.[second] ?? 0);
  return ranks?.[first] ? TIE + lead * (strength ?? 0) : undefined;
}
