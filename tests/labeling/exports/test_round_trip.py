"""Export, import into a new project, export again: equal bytes, in every view and format that can be imported."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from factories import claim, make_cast, make_item

from labeling.errors import Invalid
from labeling.exports.streams import FileFormat, make_export
from labeling.imports.files import RowsRejected, import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import Comparison, Kind, Label, Provenance, Source
from labeling.selectors.selection import Selection
from labeling.services.labels import submit_label
from labeling.services.projects import create_project
from labeling.services.revisions import revise_label
from labeling.services.tags import tag_ids, tag_prompts
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

TALK = [
    {"role": "user", "content": "Hello, =1+1"},
    {"role": "assistant", "content": "Hi!"},
    {"role": "user", "content": "Name a colour."},
]
IMPORTED_AS = {
    "rankings": Format.RANKED,
    "comparisons": Format.COMPARISONS,
    "ratings": Format.RATINGS,
    "demonstrations": Format.DEMONSTRATIONS,
    "trl": Format.TRL,
    "trl_explicit": Format.TRL,
    "trl_implicit": Format.TRL,
    "trl_unpaired": Format.UNPAIRED,
    "openrlhf": Format.OPENRLHF,
    "hh": Format.HH,
}


def judged(kind, number, texts, decide, cast, **item):
    made = make_item(cast.project, kind=kind, prompt=item.pop("prompt", f"{kind} {number}?"), texts=texts, priority=9)
    assignment = claim(cast.project, cast.bob)
    assert assignment.item_id == made.pk
    shown = sorted(assignment.order)
    verdict = decide(shown)
    return submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4()).label


@pytest.fixture
def cast():
    """Every kind of judgement, with ties, flags, notes that look like formulas, and everything that exports tell."""
    cast = make_cast(num_items=0)
    red = judged(
        Kind.RANKING,
        1,
        ("Red, 'quoted'.", "=Blue", "Green 🎨\nand more"),
        lambda ids: Verdict(
            ranks=dict(zip(ids, (2, 2, 1), strict=True)),
            ratings=dict(zip(ids, (3, 3, 7), strict=True)),
            flags={ids[0]: ["opinion"], ids[1]: ["hallucination", "opinion"]},
            notes="=1+1\tis a formula",
            seconds=0.5,
        ),
        cast,
        prompt=TALK,
    )
    judged(Kind.RANKING, 2, ("A", "B", "C", "D"), lambda ids: _ranked(ids, (3, 1, 2, 2)), cast)
    judged(Kind.BEST, 1, ("Yes.", "No."), lambda ids: Verdict(best=ids[1]), cast)
    judged(
        Kind.PAIR, 1, ("'=1", "+2"), lambda ids: Verdict(ranks=dict(zip(ids, (2, 1), strict=True)), strength=3), cast
    )
    judged(Kind.PAIR, 2, ("", "Same."), lambda ids: Verdict(ranks=dict.fromkeys(ids, 1)), cast)
    judged(Kind.RATING, 1, ("One.", "Two."), lambda ids: Verdict(ratings=dict(zip(ids, (6, 1), strict=True))), cast)
    judged(Kind.DEMONSTRATION, 1, ("Sand.",), lambda ids: Verdict(text="=Ochre", suggestion=ids[0]), cast)
    judged(Kind.DEMONSTRATION, 2, ("Clay.",), lambda ids: Verdict(text="Umber", notes="-"), cast)
    [tag] = tag_ids(project=cast.project, names={"a tag"}).values()
    tag_prompts([(tag, red.item.prompt_id)])
    return cast


@pytest.fixture
def empty():
    return make_cast(num_items=0)


def _ranked(ids, ranks):
    return Verdict(ranks=dict(zip(ids, ranks, strict=True)), ratings=dict.fromkeys(ids, 4))


def content(project, view, file_format="jsonl", **options):
    return b"".join(make_export(project=project, view=view, file_format=file_format, **options).stream())


def take_in(written, project, view, file_format="jsonl"):
    return import_file(
        io.BytesIO(written), project=project, file_format=IMPORTED_AS[view], kind=FileKind(str(file_format))
    )


@pytest.mark.parametrize("view", IMPORTED_AS)
def test_equal_bytes_come_back_in_every_format(cast, view):
    for number, file_format in enumerate(FileFormat):
        other = create_project(slug=f"copy-{number}", creator=cast.alice, name="Copy")
        first = content(cast.project, view, file_format)

        take_in(first, other, view, file_format)

        assert content(other, view, file_format) == first
        assert len(content(other, view).splitlines()) > 1


@pytest.mark.parametrize("view", ["rankings", "comparisons", "ratings", "demonstrations"])
def test_models_of_elsewhere_keep_their_names(empty, view):
    entries = [
        {"text": "Red.", "model": "=llama, 8B"},
        {"text": "Blue.", "model": None},
        {"text": "Mauve.", "model": "b"},
    ]
    ranked = [
        {"prompt": "A colour?", "completions": entries, "ranks": [1, 2, 2], "ratings": [7, 1, None]},
        {"prompt": "A colour?", "completions": ["Red.", "Blue."], "ranks": [2, 1], "ratings": [3, 4]},
    ]
    written = [
        {"prompt": "A colour?", "completion": "Umber.", "model": "b"},
        {"prompt": "Two?", "completion": "Ochre.", "suggestion": "Sand."},
    ]
    for rows, form in ((ranked, Format.RANKED), (written, Format.DEMONSTRATIONS)):
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        import_file(io.BytesIO(lines), project=empty.project, file_format=form)

    for number, file_format in enumerate(FileFormat):
        other = create_project(slug=f"copy-{number}", creator=empty.alice, name="Copy")
        first = content(empty.project, view, file_format)
        take_in(first, other, view, file_format)

        assert content(other, view, file_format) == first

    exported: list[dict[str, Any]] = [json.loads(line) for line in content(empty.project, view).splitlines()]
    said = [each for row in exported for each in (row, *row.get("completions", ()))]
    named = [name for each in said for name in each if "model" in name]
    known = {"rankings": 2, "comparisons": 4, "ratings": 1, "demonstrations": 1}
    assert len(named) == known[view]  # and nothing where there is none


def test_what_tells_of_no_model_has_no_column_for_it(empty):
    rows = [
        {"prompt": "A colour?", "completions": [{"text": "Red.", "model": "a"}, {"text": "Blue."}], "ratings": [1, 2]},
        {"prompt": "A shape?", "completions": ["Round.", "Flat."], "ranks": [1, 2]},
    ]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    import_file(io.BytesIO(lines), project=empty.project, file_format=Format.RANKED)

    headers = {
        view: content(empty.project, view, "csv").decode().splitlines()[0] for view in ("comparisons", "ratings")
    }

    assert "model" not in headers["comparisons"]
    assert headers["ratings"].endswith(",model")


def test_whole_judgements_bring_every_other_view_along(cast):
    take_in(content(cast.project, "rankings"), cast.other_project, "rankings")

    for view in IMPORTED_AS.keys() - {"demonstrations"}:
        assert content(cast.other_project, view) == content(cast.project, view)
    brought = Label.objects.filter(project=cast.other_project)
    assert set(brought.values_list("source", flat=True)) == {Source.IMPORT}
    assert not brought.filter(annotator__isnull=False).exists()
    stored = Comparison.objects.filter(label__project=cast.other_project)
    assert sorted(stored.values_list("chosen__text", "rejected__text", "outcome", "weight")) == sorted(
        Comparison.objects.filter(label__project=cast.project).values_list(
            "chosen__text", "rejected__text", "outcome", "weight"
        )
    )


def test_a_judgement_is_stored_once_whichever_view_brings_it(cast):
    take_in(content(cast.project, "rankings"), cast.other_project, "rankings")

    again = [take_in(content(cast.project, view), cast.other_project, view) for view in ("comparisons", "ratings")]

    assert [(each.stored.labels, each.stored.repeated) for each in again] == [(0, 4), (0, 3)]
    assert Provenance.objects.filter(project=cast.other_project).count() == 6


def test_what_was_replaced_is_replaced_there_too(cast):
    first = Label.objects.filter(project=cast.project, kind=Kind.PAIR, strength=3).get()
    worse, better = first.ranks.order_by("-rank").values_list("completion", flat=True)
    revised = Verdict(ranks={worse: 1, better: 2}, strength=1)
    assert first.assignment_id is not None
    revise_label(assignment_id=first.assignment_id, annotator=cast.bob, verdict=revised, client_id=uuid4())
    both = content(cast.project, "rankings", selection=Selection(superseded="with"))

    take_in(both, cast.other_project, "rankings")

    assert content(cast.other_project, "rankings", selection=Selection(superseded="with")) == both
    assert content(cast.other_project, "rankings") == content(cast.project, "rankings")
    only = content(cast.project, "rankings", selection=Selection(superseded="only"))
    elsewhere = create_project(slug="elsewhere", creator=cast.alice, name="Elsewhere")
    with pytest.raises(Invalid, match="which the file does not have: export with superseded=with"):
        take_in(only, elsewhere, "rankings")
    assert Label.objects.filter(project=elsewhere).count() == 0


def test_a_prompt_stays_on_the_side_it_was_on(cast):
    row = json.loads(content(cast.project, "rankings").splitlines()[0])
    for held_out in (True, False):
        row["prompt"][-1]["content"] = f"Another one, {held_out}?"
        take_in(
            json.dumps({**row, "ranking_id": f"{held_out:016x}", "held_out": held_out}).encode(),
            cast.project,
            "rankings",
        )

    sides = {row["prompt"][-1]["content"]: row["held_out"] for row in rows(cast.project, "rankings")}
    assert (sides["Another one, True?"], sides["Another one, False?"]) == (True, False)


def rows(project, view):
    return [json.loads(line) for line in content(project, view).splitlines()]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seconds": "long"}, "line 1: seconds is 'long', which no export says"),
        ({"seconds": -1}, "seconds is '-1'"),
        ({"source": "god"}, "source is 'god'"),
        ({"propensity": 0}, "propensity is '0'"),
        ({"guidelines_version": 2**40}, "guidelines_version is"),
        ({"superseded_by": "x"}, "superseded_by is 'x'"),
        ({"held_out": "no"}, "held_out is 'no'"),
        ({"strength": 9, "kind": "pair"}, "the strength 9 is not a whole number from 1 to 3"),
        ({"completions": [{"text": "a", "policy_version": "x"}, {"text": "b"}]}, "policy_version is 'x'"),
    ],
)
def test_what_no_export_says_is_refused_by_its_name(empty, change, reason):
    row = {"ranking_id": "0" * 16, "prompt": "Hi?", "completions": ["a", "b"], "ranks": [1, 2], **change}

    with pytest.raises(RowsRejected, match=reason):
        take_in(json.dumps(row).encode(), empty.project, "rankings")


PAIR = {"ranking_id": "0" * 16, "prompt": "Hi?", "chosen": "a", "rejected": "b", "outcome": "win"}


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([PAIR, {**PAIR, "rejected": "c"}], "line 1: 2 comparisons of 3 completions: all pairs of a ranking stand"),
        (
            [PAIR, {**PAIR, "chosen": "c", "rejected": "a"}, {**PAIR, "chosen": "b", "rejected": "c"}],
            "contradict each other",
        ),
        ([{**PAIR, "outcome": "maybe"}], "the outcome 'maybe' is neither win nor tie"),
        ([{**PAIR, "rejected": None}], 'there is no text "chosen" or "rejected"'),
        ([{**PAIR, "rejected": f"{n}"} for n in range(40)], "37 comparisons of 38 completions"),
        ([{**PAIR, "rejected": "a"}], "are the same text"),
    ],
)
def test_comparisons_that_are_no_ranking_are_refused(empty, pairs, reason):
    written = b"\n".join(json.dumps(pair).encode() for pair in pairs)

    with pytest.raises(RowsRejected, match=reason):
        take_in(written, empty.project, "comparisons")


def test_ties_of_others_are_ties_and_no_wins(empty):
    written = json.dumps({"prompt": "Hi?", "chosen": "a", "rejected": "b", "outcome": "tie"}).encode()

    for file_format in (Format.COMPARISONS, Format.TRL):
        project = create_project(slug=f"ties-{file_format}", creator=empty.alice, name="Ties")
        import_file(io.BytesIO(written), project=project, file_format=file_format)
        assert list(Comparison.objects.filter(label__project=project).values_list("outcome", flat=True)) == ["tie"]


def test_where_labels_come_from_costs_an_export_no_query(cast):
    counts = []
    for project in (cast.project, cast.other_project):
        if project is cast.other_project:
            take_in(content(cast.project, "rankings"), project, "rankings")
        content(project, "rankings")  # the project's secret for pseudonyms is asked for once
        statements: list[str] = []

        def count(execute, statement, *rest, kept=statements):
            kept.append(statement)
            return execute(statement, *rest)

        with connection.execute_wrapper(count):
            content(project, "rankings")
        counts.append(len(statements))

    assert counts[0] == counts[1]
