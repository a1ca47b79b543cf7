"""The benchmark command: what it refuses by its words, and the one of imports."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.core.management import CommandError, call_command

from labeling.models import Item, Label, Prompt


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nothing"], "there is no benchmark 'nothing': there are exactness, export"),
        (["rounds", "--speed", "3"], "the benchmark has no setting '--speed': it has --seeds, --rounds"),
        (["rounds", "seeds=3"], "the benchmark has no setting 'seeds'"),
        (["rounds", "--seeds", "many"], "--seeds is 'many': give a whole number"),
        (["rounds", "--seeds"], "--seeds is '': give a whole number"),
        (["rounds", "--seeds=-1"], "--seeds is '-1': give a whole number"),
    ],
)
def test_words_that_fit_no_benchmark_are_refused(words, reason):
    with pytest.raises(CommandError) as refusal:
        call_command("benchmark", *words)

    assert reason in str(refusal.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("completions", "judged", "file_format", "stored"), [(0, 0, "prompts", (20, 0, 0)), (3, 1, "ranked", (20, 20, 20))]
)
def test_the_benchmark_of_imports_stores_what_it_times(completions, judged, file_format, stored):
    benchmark = import_module("tests.benchmarks.import")

    found = benchmark.run(say=lambda _: None, rows=20, completions=completions, judged=judged, words=8)

    assert (found["rows"], found["format"]) == (20, file_format)
    assert found["seconds"] >= 0 < found["peak_mb"]
    assert (Prompt.objects.count(), Item.objects.count(), Label.objects.count()) == stored
