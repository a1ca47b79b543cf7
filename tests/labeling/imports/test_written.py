"""Which models wrote imported completions."""

from __future__ import annotations

import io
import json

import pytest
from factories import make_cast

from labeling.errors import Invalid
from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import Completion, ImportedModel, Item

BOTH = {"prompt": "A colour?", "chosen": "Red.", "rejected": "Blue."}
RANKED = {"prompt": "A colour?", "ranks": [1, 2]}
ENTRIES = [{"text": "Red.", "model": "gpt-4"}, {"text": "Blue.", "model": "llama"}]


@pytest.fixture
def cast(db):
    return make_cast(num_items=0)


def take_in(project, rows, file_format, source="a.jsonl"):
    lines = "\n".join(map(json.dumps, rows)).encode()
    return import_file(io.BytesIO(lines), project=project, file_format=Format(file_format), source=source)


def written(project):
    rows = Completion.objects.filter(prompt__project=project).order_by("id")
    return list(rows.values_list("text", "model__name"))


@pytest.mark.parametrize(
    ("file_format", "row"),
    [
        ("prompts", {"prompt": "A colour?", "completions": ENTRIES}),
        ("ranked", {**RANKED, "completions": ENTRIES}),
        ("trl", {**BOTH, "chosen_model": "gpt-4", "rejected_model": "llama"}),
        ("trl", {**BOTH, "chosen-model": " gpt-4\n", "rejected-model": "llama"}),
        ("openrlhf", {**BOTH, "margin": 1.0, "chosen_model": "gpt-4", "rejected_model": "llama"}),
        ("comparisons", {**BOTH, "outcome": "win", "chosen_model": "gpt-4", "rejected_model": "llama"}),
    ],
)
def test_each_format_names_them(cast, file_format, row):
    summary = take_in(cast.project, [row], file_format)

    assert written(cast.project) == [("Red.", "gpt-4"), ("Blue.", "llama")]
    assert summary.ignored_columns == set()


@pytest.mark.parametrize(
    ("file_format", "row"),
    [
        ("unpaired", {"prompt": "A?", "completion": "Red.", "label": True, "model": "gpt-4"}),
        ("ratings", {"prompt": "A?", "completion": "Red.", "rating": 3, "model": "gpt-4"}),
        ("demonstrations", {"prompt": "A?", "completion": "Red.", "model": "gpt-4"}),
    ],
)
def test_rows_of_one_completion_name_its_model(cast, file_format, row):
    take_in(cast.project, [row], file_format)

    assert written(cast.project) == [("Red.", "gpt-4")]


def test_a_csv_names_them_in_its_columns(cast):
    content = b"prompt,chosen,rejected,chosen_model,rejected_model\nA?,Red.,Blue.,gpt-4,\n"

    import_file(io.BytesIO(content), project=cast.project, file_format=Format.TRL, kind=FileKind.CSV)

    assert written(cast.project) == [("Red.", "gpt-4"), ("Blue.", None)]


def test_two_models_may_write_the_same_text_and_a_repeated_file_stores_nothing(cast):
    rows = [
        {**RANKED, "completions": [{"text": "Red.", "model": name}, {"text": "Blue."}]} for name in ("gpt-4", "llama")
    ]

    take_in(cast.project, rows, "ranked")
    again = take_in(cast.project, rows, "ranked")

    assert written(cast.project) == [("Red.", "gpt-4"), ("Blue.", None), ("Red.", "llama")]
    assert again.stored.labels == 0
    assert ImportedModel.objects.count() == 2


def test_completions_of_another_file_than_their_prompt_s_keep_its_name(cast):
    take_in(cast.project, [{"prompt": "A colour?"}], "prompts", source="prompts.jsonl")

    take_in(cast.project, [{"prompt": "A colour?", "completions": ["Red.", "Blue."]}], "prompts", source="b.jsonl")
    take_in(cast.project, [{"prompt": "A shape?", "completions": ["Round.", "Flat."]}], "prompts", source="b.jsonl")

    sources = Completion.objects.order_by("id").values_list("source", flat=True)
    assert list(sources) == ["b.jsonl", "b.jsonl", None, None]
    assert Item.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "reason"), [(7, "a model's name is int, not a text"), ("x" * 201, "has 201 characters: at most 200")]
)
def test_what_is_no_name_is_refused(cast, name, reason):
    with pytest.raises(Invalid, match=reason):
        take_in(cast.project, [{**BOTH, "chosen_model": name}], "trl")
