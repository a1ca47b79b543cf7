"""The dataset card of a snapshot: Markdown written from the data, in English, as hubs and papers want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import override

from labeling.exports.meanings import MEANINGS
from labeling.exports.views import VIEWS
from labeling.models import Guidelines, Kind, Snapshot
from labeling.selectors.labels import names_of
from labeling.selectors.selection import Selection, to_words
from labeling.selectors.snapshots import facts_of

if TYPE_CHECKING:
    from labeling.quality.estimates import Estimate

UNKNOWN = "unknown (imported)"
Rows = Iterable[Sequence[Any]]


def write_card(snapshot: Snapshot) -> str:
    """The card of a snapshot whose labels, digest and manifest are there."""
    facts = facts_of(snapshot)
    with override("en"):
        parts = [
            _head(snapshot),
            _what(snapshot),
            _counts(snapshot, facts),
            _guidelines(snapshot, facts),
            _agreement(facts["shared"]),
            _people(snapshot, facts["annotators"]),
            _flags(snapshot),
            _fields(),
            _use(snapshot),
        ]
    return "\n\n".join(parts) + "\n"


def _head(snapshot: Snapshot) -> str:
    held = snapshot.manifest["labels"] + snapshot.imported_conversations
    size = next(f"n<{most}" for most in ("1K", "10K", "100K", "1M", "10M", "1B") if held < _number(most))
    return "\n".join(
        (
            "---",
            f"pretty_name: {_quoted(f'{snapshot.project.name}: {snapshot.name}')}",
            "license: unknown",
            "tags: [preference, rlhf, human-feedback]",
            f"size_categories: [{size}]",
            "---",
            "",
            f"# {_line(snapshot.project.name)}: {snapshot.name}",
        )
    )


def _what(snapshot: Snapshot) -> str:
    chosen = to_words(Selection.from_dict(snapshot.filters))
    filters = ", ".join(f"`{name}={_line(value)}`" for name, value in chosen.items())
    return f"""What people decided about the completions of a language model, collected with Prefloop.

- Project: {_line(snapshot.project.name)} (`{snapshot.project.slug}`)
- Taken: {snapshot.created:%Y-%m-%d %H:%M} UTC, up to label {snapshot.up_to}
- Filters: {filters or "none: every judgement in force"}
- Digest: `{snapshot.digest}` (SHA-256 of its judgements as JSON lines)
- Licence: not stated. Nobody but who owns the prompts and asked the people can give one."""


def _counts(snapshot: Snapshot, facts: dict[str, list[tuple[Any, ...]]]) -> str:
    first, last = facts["times"][0]
    judged = f"{snapshot.manifest['labels']:,} judgements" + (
        f" from {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first else ""
    )
    if talks := snapshot.imported_conversations:
        judged += f", and {talks:,} conversations that were held elsewhere"
    kinds = [(Kind(kind).label, source, f"{count:,}") for kind, source, count in facts["kinds"]]
    prompts = [("held out" if held else "training", f"{n:,}", f"{count:,}") for held, n, count in facts["prompts"]]
    outcomes = dict(facts["outcomes"])
    origins = [(_line(source) or "not told", f"{count:,}") for source, count in facts["origins"]]
    return f"""## Counts

{judged}; as comparisons \
{outcomes.get("win", 0):,} wins and {outcomes.get("tie", 0):,} ties.

{_table(("Kind", "Judged by", "Judgements"), kinds)}

{_table(("Prompts", "Number", "Judgements"), prompts)}

Held-out prompts, {snapshot.project.held_out_percent} % of new ones by the digest of their messages, are never trained \
on here: keep them for evaluation, and split by prompt, not by rows.

{_table(("Source of the prompts", "Prompts"), origins)}{_models(facts["models"])}"""


def _models(models: list[tuple[Any, ...]]) -> str:
    if not models:
        return ""
    rows = [(_line(name), f"{count:,}") for name, count in models]
    return f"\n\n{_table(('Models of elsewhere', 'Completions judged'), rows)}"


def _guidelines(snapshot: Snapshot, facts: dict[str, list[tuple[Any, ...]]]) -> str:
    changes = dict(Guidelines.objects.filter(project=snapshot.project).values_list("version", "change"))
    rows = [
        (UNKNOWN if version is None else version, _line(changes.get(version, "")), f"{count:,}")
        for version, count in facts["guidelines"]
    ]
    return f"## Guidelines\n\n{_table(('Version', 'What changed with it', 'Judgements'), rows)}"


def _agreement(shared: list[tuple[Any, ...]]) -> str:
    if not shared:
        return "## Agreement\n\nNo two completions were compared by two people: there is nothing to say."
    import numpy as np

    from labeling.quality.agreement import interval

    units = np.array(shared, dtype=np.float64)
    rows = []
    for coefficient, name in (
        ("pairwise_agreement", "Same answer of two people on a comparison"),
        ("alpha_ordinal", "Krippendorff's alpha, ordinal (a tie lies between)"),
    ):
        found = interval(units[:, 1:], coefficient, clusters=units[:, 0], resamples=500)
        rows.append((name, *(f"{each:.3f}" if each == each else "not defined" for each in _figures(found))))
    return f"""## Agreement

On {len(shared):,} pairs of completions that two or more people compared (at most 20,000 are counted); the interval is \
a 95 % bootstrap over prompts.

{_table(("Figure", "Value", "At least", "At most"), rows)}"""


def _figures(found: Estimate) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def _people(snapshot: Snapshot, annotators: list[tuple[Any, ...]]) -> str:
    names = names_of(snapshot.project_id, snapshot=snapshot)
    rows = [
        (names.of(person) or UNKNOWN, f"{count:,}", f"{seconds / 3600:.1f}")
        for person, count, seconds in annotators[:500]
    ]
    more = f"\n\nand {len(annotators) - 500:,} more." if len(annotators) > 500 else ""
    return f"## Annotators\n\n{_table(('Pseudonym', 'Judgements', 'Active hours'), rows)}{more}"


def _flags(snapshot: Snapshot) -> str:
    questions = snapshot.project.all_questions.values()
    return f"## Flags\n\n{_table(('Code', 'Meaning'), [(f'`{each.code}`', _line(each.label)) for each in questions])}"


def _fields() -> str:
    tables = [
        f"### {view.name}\n\n"
        + _table(
            ("Field", "Type", "Meaning"), [(f"`{name}`", kind, MEANINGS[name]) for name, kind in view.columns.items()]
        )
        for view in (each.with_models() for each in VIEWS.values())
    ]
    return "## Fields\n\n" + "\n\n".join(tables)


def _use(snapshot: Snapshot) -> str:
    name, slug = snapshot.name, snapshot.project.slug
    return f"""## Use

```python
from datasets import load_dataset
comparisons = load_dataset("json", data_files="{slug}-comparisons-{name}.jsonl")["train"]
```

```python
from labeling.client import Client
frame = Client(url, token).comparisons("{slug}", snapshot="{name}").to_pandas()
```"""


def _table(header: Sequence[str], rows: Rows) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _line(text: str) -> str:
    """A text of somebody's on one line of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("`", "'")


def _quoted(text: str) -> str:
    return '"' + _line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(short: str) -> int:
    return int(short[:-1]) * {"K": 10**3, "M": 10**6, "B": 10**9}[short[-1]]
