"""Reads of prompts and their completions."""

from __future__ import annotations

from operator import attrgetter

import pytest
from factories import judge, make_cast, make_item

from labeling.models import Prompt
from labeling.selectors.prompts import completions_of, judged_completions, prompts, prompts_to_sample
from labeling.services.prompts import NewCompletion, add_completions, add_prompts

pytestmark = pytest.mark.django_db


def test_prompts_are_newest_first_with_their_counts():
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt="One?", texts=("a", "b", "c"))
    make_item(cast.project, prompt="One?", texts=("a", "b"))
    add_prompts(project=cast.project, prompts=["Two?"])
    make_item(cast.other_project, prompt="Three?")

    listed = list(map(attrgetter("last_turn", "num_completions", "num_items"), prompts(cast.project)))

    assert listed == [("Two?", 0, 0), ("One?", 3, 2)]


@pytest.mark.parametrize(("search", "found"), [("SKY", 1), ("é", 1), ("%", 0), ("_", 0), ("", 2), ("nothing", 0)])
def test_search_looks_into_the_messages_without_regard_to_case(search, found):
    cast = make_cast(num_items=0)
    add_prompts(project=cast.project, prompts=["The sky?", "Café?"])

    assert prompts(cast.project, search=search).count() == found


def test_prompts_to_sample_leave_out_the_held_out_and_begin_with_the_least_written_for():
    cast = make_cast(num_items=0)
    stored, _ = add_prompts(project=cast.project, prompts=[f"Prompt {number}?" for number in range(30)])
    trained = [prompt for prompt in stored if not prompt.held_out]
    Prompt.objects.filter(pk=trained[0].pk).update(times_sampled=2)
    Prompt.objects.filter(pk=trained[1].pk).update(times_sampled=1)

    chosen = list(prompts_to_sample(cast.project.pk, limit=100))

    assert chosen == [*trained[2:], trained[1], trained[0]]
    assert len(prompts_to_sample(cast.project.pk, limit=3)) == 3


def test_completions_are_listed_by_policy_version_the_newest_first():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    add_completions(pairs=[(prompt, NewCompletion(text="old", policy_version=1))])
    add_completions(pairs=[(prompt, NewCompletion(text="new", policy_version=2))])

    assert [row.text for row in completions_of(prompt)] == ["new", "old"]


def test_judged_completions_have_the_mean_of_their_ratings():
    cast = make_cast(overlap=2)
    judge(cast.project, cast.bob, ratings=[7, 7, 7])
    judge(cast.project, cast.dora, ratings=[4, 4, 4])

    rows = judged_completions(Prompt.objects.get())

    assert list(map(attrgetter("mean_rating", "num_ratings"), rows)) == [(5.5, 2)] * 3
