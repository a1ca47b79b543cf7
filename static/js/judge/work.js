// The judgement in the form, as data. The form's own inputs are the state; nothing is kept beside them.

const ids = (form) => [...form.querySelectorAll("[data-completion]")].map((article) => article.dataset.completion);

export function readWork(form) {
  const work = { ratings: {}, flags: {}, ranks: {}, notes: form.elements.notes.value };
  for (const id of ids(form)) {
    const rating = form.querySelector(`input[name="rating-${id}"]:checked`);
    const flags = [...form.querySelectorAll(`input[name="flags-${id}"]:checked`)].map((box) => box.value);
    const place = form.elements[`place-${id}`].value;
    if (rating) work.ratings[id] = Number(rating.value);
    if (flags.length) work.flags[id] = flags;
    if (place) work.ranks[id] = Number(place);
  }
  work.client_id = form.elements.client_id.value;
  work.seconds = Number(form.elements.seconds.value) || 0;
  return work;
}

export function writeWork(form, work) {
  for (const id of ids(form)) {
    for (const radio of form.querySelectorAll(`input[name="rating-${id}"]`)) {
      radio.checked = Number(radio.value) === work.ratings?.[id];
    }
    for (const box of form.querySelectorAll(`input[name="flags-${id}"]`)) {
      box.checked = (work.flags?.[id] ?? []).includes(box.value);
    }
    form.elements[`place-${id}`].value = work.ranks?.[id] ?? "";
  }
  form.elements.notes.value = work.notes ?? "";
  if (work.notes) form.querySelector("details.notes").open = true;
  if (work.client_id) form.elements.client_id.value = work.client_id;
  form.elements.seconds.value = work.seconds ?? 0;
}

export function isBegun(work) {
  return Boolean(
    Object.keys(work.ratings).length || Object.keys(work.flags).length || Object.keys(work.ranks).length || work.notes.trim(),
  );
}
