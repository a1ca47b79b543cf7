"""Exports of all views and formats."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.db import connection
from factories import a_verdict, claim, make_cast, make_item

from labeling.errors import Invalid
from labeling.exports import parquet
from labeling.exports.streams import make_export
from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.models import Comparison
from labeling.selectors import batches
from labeling.selectors.selection import Selection
from labeling.services.labels import submit_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db


def content(project, view="comparisons", file_format="jsonl", **filters) -> bytes:
    return b"".join(make_export(project=project, view=view, file_format=file_format, **filters).stream())


def rows(project, view, **filters):
    return [json.loads(line) for line in content(project, view, **filters).splitlines()]


@pytest.fixture
def ranked():
    """One ranking with a tie: green over red and blue, which are equal; by id red, blue, green."""
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    red, blue, green = sorted(assignment.order)
    verdict = Verdict(
        ratings={red: 3, blue: 3, green: 7},
        ranks={red: 2, blue: 2, green: 1},
        flags={red: ["opinion"]},
        notes="=1+1 is a formula, 🎨 is not",
        seconds=12.5,
    )
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=UUID(int=0))
    return cast


def test_comparisons_have_a_row_for_each_pair_with_ties(ranked):
    exported = rows(ranked.project, "comparisons")

    assert [(row["chosen"], row["rejected"], row["outcome"]) for row in exported] == [
        ("Red.", "Blue.", "tie"),
        ("Green.", "Red.", "win"),
        ("Green.", "Blue.", "win"),
    ]
    assert [row["weight"] for row in exported] == [pytest.approx(1 / 3)] * 3
    assert [(row["chosen_rating"], row["rejected_rating"]) for row in exported] == [(3, 3), (7, 3), (7, 3)]
    first = exported[0]
    assert first["prompt"] == [{"role": "user", "content": "Name a colour, number 0."}]
    assert (first["chosen_policy"], first["source"], first["is_extra"]) == (1, "person", False)
    assert first["annotator"].startswith("annotator-")


def test_comparisons_are_those_that_are_stored(ranked):
    exported = {
        (row["chosen"], row["rejected"], row["outcome"], row["weight"]) for row in rows(ranked.project, "comparisons")
    }

    assert exported == set(Comparison.objects.values_list("chosen__text", "rejected__text", "outcome", "weight"))


def test_rankings_have_a_row_for_each_judgement(ranked):
    [row] = rows(ranked.project, "rankings")

    assert [completion["text"] for completion in row["completions"]] == ["Red.", "Blue.", "Green."]
    assert (row["ranks"], row["ratings"], row["flags"]) == ([2, 2, 1], [3, 3, 7], [["opinion"], [], []])
    assert (row["notes"], row["seconds"]) == ("=1+1 is a formula, 🎨 is not", 12.5)


def test_trl_has_wins_only_and_counts_the_ties(ranked):
    export = make_export(project=ranked.project, view="trl")

    lines = b"".join(export.stream()).splitlines()

    prompt = [{"role": "user", "content": "Name a colour, number 0."}]
    green = [{"role": "assistant", "content": "Green."}]
    assert [json.loads(line) for line in lines] == [
        {"prompt": prompt, "chosen": green, "rejected": [{"role": "assistant", "content": "Red."}]},
        {"prompt": prompt, "chosen": green, "rejected": [{"role": "assistant", "content": "Blue."}]},
    ]
    assert export.manifest()["counts"] == {"judgements": 1, "rows": 2, "ties_left_out": 1, "wins": 2}


def test_manifest_tells_filters_counts_and_digest(ranked):
    export = make_export(project=ranked.project, view="rankings", selection=Selection(held_out=False))

    written = b"".join(export.stream())
    manifest = export.manifest()

    assert manifest["sha256"] == hashlib.sha256(written).hexdigest()
    assert manifest["bytes"] == len(written)
    assert manifest["filters"] == {"held_out": False, "up_to": export.up_to}
    assert (manifest["project"], manifest["view"], manifest["format"]) == ("colours", "rankings", "jsonl")
    assert manifest["code_version"]
    assert list(manifest["columns"]) == list(json.loads(written))


def test_csv_holds_lists_as_json_and_runs_no_formula(ranked):
    text = content(ranked.project, "rankings", "csv").decode()

    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["notes"] == "'=1+1 is a formula, 🎨 is not"
    assert json.loads(row["ranks"]) == [2, 2, 1]
    assert json.loads(row["completions"])[0]["text"] == "Red."


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_csv_puts_an_apostrophe_before_what_a_spreadsheet_would_run(text):
    cast = make_cast(texts=(text, "plain"), num_items=1)
    assignment = claim(cast.project, cast.bob)
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=a_verdict(assignment), client_id=UUID(int=0))

    [row] = csv.DictReader(io.StringIO(content(cast.project, "comparisons", "csv").decode(), newline=""))

    assert {row["chosen"], row["rejected"]} == {f"'{text}", "plain"}


@pytest.mark.parametrize("view", ["comparisons", "rankings", "trl"])
def test_parquet_holds_the_same_rows_as_json_lines(ranked, view):
    table = pq.read_table(io.BytesIO(content(ranked.project, view, "parquet")))

    assert table.to_pylist() == rows(ranked.project, view)


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("view", ["comparisons", "rankings", "trl"])
def test_same_labels_and_filters_give_the_same_bytes(ranked, view, file_format):
    assert content(ranked.project, view, file_format) == content(ranked.project, view, file_format)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_project_without_labels_gives_a_file_with_columns_and_no_rows(file_format):
    cast = make_cast()

    written = content(cast.project, "comparisons", file_format)

    if file_format == "csv":
        assert written.startswith(b"ranking_id,prompt_id,prompt,")
        assert written.count(b"\n") == 1
    else:
        assert pq.read_table(io.BytesIO(written)).num_rows == 0


def test_up_to_leaves_later_labels_out(ranked):
    until = make_export(project=ranked.project).up_to
    before = content(ranked.project, "rankings")
    make_item(ranked.project, prompt="Another?")
    assignment = claim(ranked.project, ranked.dora)
    submit_label(
        assignment_id=assignment.pk, annotator=ranked.dora, verdict=a_verdict(assignment), client_id=UUID(int=1)
    )

    assert content(ranked.project, "rankings", up_to=until) == before
    assert len(content(ranked.project, "rankings").splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"view": "all"}, "no view 'all': use one of comparisons, rankings, ratings, trl"),
        ({"file_format": "xls"}, "no format 'xls'"),
        ({"up_to": -1}, "up_to is -1"),
    ],
)
def test_wrong_option_is_refused_by_its_value(options, reason):
    cast = make_cast()

    with pytest.raises(Invalid, match=reason):
        make_export(project=cast.project, **options)


def judged_elsewhere(project, count: int) -> None:
    lines = b"".join(
        json.dumps({"prompt": f"Prompt {n}?", "chosen": f"yes {n} " * 10, "rejected": f"no {n} " * 10}).encode() + b"\n"
        for n in range(count)
    )
    import_file(io.BytesIO(lines), project=project, file_format=Format.TRL)


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_memory_does_not_grow_with_the_labels(file_format, monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_BYTES", 50_000)
    monkeypatch.setattr(batches, "BATCH_BYTES", 50_000)
    cast = make_cast(num_items=0)
    judged_elsewhere(cast.project, 1100)
    judged_elsewhere(cast.other_project, 2200)
    content(cast.project, "comparisons", file_format)  # what is loaded once does not count
    peaks = []

    for project in (cast.project, cast.other_project):
        tracemalloc.start()
        size = sum(len(part) for part in make_export(project=project, file_format=file_format).stream())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert size > 0

    assert peaks[1] < 1.3 * peaks[0]


def test_queries_are_counted_by_batches_of_500_and_not_by_labels():
    cast = make_cast(num_items=0)
    judged_elsewhere(cast.project, 1200)
    statements = []

    def count(execute, statement, *rest):
        statements.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(count):
        content(cast.project)

    assert len(statements) <= 1 + 4 * 4  # newest label; labels, completions, ranks, ratings for each batch


@pytest.fixture
def of_all_kinds():
    """A pair, a pick and a demonstration with the suggestion it was begun from."""
    cast = make_cast(num_items=0)
    for priority, kind, texts in (
        (2, "pair", ("Red.", "Blue.")),
        (1, "best", ("Green.", "Grey.")),
        (0, "demonstration", ("Sand.",)),
    ):
        make_item(cast.project, prompt=f"A colour of kind {kind}?", texts=texts, kind=kind, priority=priority)
    for number in range(3):
        assignment = claim(cast.project, cast.bob)
        shown = sorted(assignment.order)
        verdict = [
            Verdict(ranks={shown[0]: 2, shown[-1]: 1}, strength=3),
            Verdict(best=shown[-1]),
            Verdict(text="Ochre.", suggestion=shown[0]),
        ][number]
        submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=UUID(int=number))
    return cast


def test_a_pair_tells_its_strength_and_a_pick_its_place(of_all_kinds):
    [pair] = rows(of_all_kinds.project, "comparisons")
    pair_row, pick_row = rows(of_all_kinds.project, "rankings")

    assert (pair["chosen"], pair["rejected"], pair["strength"], pair["weight"]) == ("Blue.", "Red.", 3, 1.0)
    assert (pair_row["kind"], pair_row["ranks"], pair_row["strength"], pair_row["best"]) == ("pair", [2, 1], 3, None)
    assert (pick_row["kind"], pick_row["ranks"], pick_row["best"]) == ("best", None, 1)


def test_demonstrations_are_prompts_and_completions_as_trl_reads_them(of_all_kinds):
    [row] = rows(of_all_kinds.project, "demonstrations")

    assert row["prompt"] == [{"role": "user", "content": "A colour of kind demonstration?"}]
    assert row["completion"] == [{"role": "assistant", "content": "Ochre."}]
    assert row["suggestion"] == "Sand."
