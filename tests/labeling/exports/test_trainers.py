"""What trainers read, and that datasets loads it."""

from __future__ import annotations

import io
import json
from uuid import uuid4

import datasets
import pytest
from factories import claim, make_cast, make_item, write
from talking import converse, decide

from labeling.exports.streams import FileFormat, make_export
from labeling.exports.views import VIEWS
from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.services.labels import submit_label
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

TALK = [
    {"role": "user", "content": "Hello, =1+1"},
    {"role": "assistant", "content": "Hi!"},
    {"role": "user", "content": "Name a colour."},
]


@pytest.fixture
def cast():
    """Two rankings, one of them of a talk, with a tie; a pick; a pair. The order of ids is the order of places."""
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt=TALK, texts=("Red, 'quoted'.", "=Blue", "Green 🎨\nand more"), priority=3)
    make_item(cast.project, prompt="One?", texts=("Yes.", "No."), kind="best", priority=2)
    make_item(cast.project, prompt="Two?", texts=("A.", "B."), kind="pair", priority=1)
    for number in range(3):
        assignment = claim(cast.project, cast.bob)
        first, second, *rest = sorted(assignment.order)
        ranked = dict.fromkeys(rest, 2) | {first: 1, second: 2}
        verdict = [
            Verdict(ranks=ranked, ratings={pk: 6 - rank for pk, rank in ranked.items()}),
            Verdict(best=second),
            Verdict(ranks={first: 1, second: 2}, strength=2),
        ][number]
        submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())
    return cast


def content(project, view, file_format="jsonl"):
    return b"".join(make_export(project=project, view=view, file_format=file_format).stream())


def rows(project, view):
    return [json.loads(line) for line in content(project, view).splitlines()]


def test_preferences_in_texts_and_in_messages(cast):
    transcript = "\n\nHuman: Hello, =1+1\n\nAssistant: Hi!\n\nHuman: Name a colour."

    explicit, implicit, hh, openrlhf = (
        rows(cast.project, name)[0] for name in ("trl_explicit", "trl_implicit", "hh", "openrlhf")
    )

    assert explicit == {"prompt": transcript, "chosen": "Red, 'quoted'.", "rejected": "=Blue"}
    assert implicit["chosen"] == [*TALK, {"role": "assistant", "content": "Red, 'quoted'."}]
    assert hh["rejected"] == f"{transcript}\n\nAssistant: =Blue"
    assert openrlhf["prompt"] == TALK
    assert [row["margin"] for row in rows(cast.project, "openrlhf")] == [1.0, 1.0, 2.0]
    assert [row["prompt"] for row in rows(cast.project, "trl_explicit")][-1] == "Two?"


def test_unpaired_completions_are_desirable_when_they_win_more_than_they_lose(cast):
    unpaired = [(row["completion"][0]["content"], row["label"]) for row in rows(cast.project, "trl_unpaired")]

    assert unpaired == [
        ("Red, 'quoted'.", True),
        ("=Blue", False),
        ("Green 🎨\nand more", False),
        ("Yes.", False),
        ("No.", True),
        ("A.", True),
        ("B.", False),
    ]


def test_ratings_have_a_row_for_each_rated_completion_and_prompts_one_for_each_prompt(cast):
    assert [(row["rating"], row["rank"]) for row in rows(cast.project, "ratings")] == [(5, 1), (4, 2), (4, 2)]
    assert [row["prompt"][-1]["content"] for row in rows(cast.project, "prompts")] == ["Name a colour.", "One?", "Two?"]


@pytest.fixture
def of_all_views(cast):
    """A demonstration, a conversation and a blind evaluation as well."""
    make_item(cast.project, prompt="Write!", texts=("Sand.",), kind="demonstration", priority=9)
    write(cast.project, cast.bob, "Ochre.")
    evaluate(cast)
    begun = converse(cast.project, cast.bob, prompt="Hello.", texts=("Hi.", "Yes?"))
    decide(begun, shown=begun.order)
    return cast


def evaluate(cast):
    """One pair of two policy versions, judged."""
    [prompt], _ = add_prompts(project=cast.project, prompts=["Which?"], held_out=True)
    texts = [NewCompletion(text=f"Of {version}.", policy_version=version, sampling={}) for version in (1, 2)]
    completions = add_completions(pairs=[(prompt, text) for text in texts])
    item = NewItem(prompt=prompt, completions=completions, priority=9, kind="pair", purpose="evaluation")
    create_items(project=cast.project, items=[item])
    assignment = claim(cast.project, cast.bob)
    ranks = dict(zip(sorted(assignment.order), (1, 2), strict=True))
    submit_label(
        assignment_id=assignment.pk, annotator=cast.bob, verdict=Verdict(ranks=ranks, strength=1), client_id=uuid4()
    )


def test_datasets_loads_every_row_of_every_view(of_all_views, tmp_path, monkeypatch):
    """As JSON lines; CSV and Parquet have readers that know nothing of views, and one of each is read."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    wanted = [(view, "jsonl") for view in VIEWS] + [("rankings", "parquet"), ("comparisons", "csv")]

    for view, file_format in wanted:
        path = tmp_path / f"{view}.{file_format}"
        path.write_bytes(content(of_all_views.project, view, file_format))
        builder = "json" if file_format == FileFormat.JSONL else file_format
        loaded = datasets.load_dataset(builder, data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")

        expected = rows(of_all_views.project, view)
        assert loaded.column_names == list(VIEWS[view].columns)
        assert len(loaded) == len(expected) > 0
        if file_format != FileFormat.CSV:  # whose lists are JSON
            assert loaded.to_list() == expected


@pytest.mark.parametrize("text", ["=1", "'=1", "''-1", "'quoted'", "'", "\t'"])
def test_a_text_comes_through_csv_as_it_is(text):
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt="What?", texts=(text, "plain"), kind="pair")
    assignment = claim(cast.project, cast.bob)
    ranks = dict(zip(sorted(assignment.order), (1, 2), strict=True))
    submit_label(
        assignment_id=assignment.pk, annotator=cast.bob, verdict=Verdict(ranks=ranks, strength=1), client_id=uuid4()
    )

    import_file(
        io.BytesIO(content(cast.project, "trl_explicit", "csv")),
        project=cast.other_project,
        file_format=Format.TRL,
        kind=FileKind.CSV,
    )

    assert [row["chosen"] for row in rows(cast.other_project, "trl_explicit")] == [text]
