"""What the benchmark command refuses, by its words."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


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
