"""Writes of prompts, completions and items."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import make_cast, make_user

from labeling.errors import Invalid
from labeling.models import Completion, Item, ItemCompletion, Project, Prompt, Slot
from labeling.services.prompts import (
    NewCompletion,
    NewItem,
    add_completions,
    add_prompts,
    create_items,
    create_judged_items,
    items_for,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(num_items=0)


def one_prompt(project, text="Name a colour."):
    return add_prompts(project=project, prompts=[text])[0][0]


def some_completions(prompt, *texts):
    return add_completions(pairs=[(prompt, NewCompletion(text=text)) for text in texts])


def test_prompts_come_back_in_their_order_and_are_stored_once(cast):
    texts = ["b?", "a?", "b?", "c?"]

    prompts, new = add_prompts(project=cast.project, prompts=texts, source="file")
    again, new_again = add_prompts(project=cast.project, prompts=["c?", "d?"])

    assert [prompt.last_turn for prompt in prompts] == texts
    assert prompts[0].pk == prompts[2].pk
    assert (new, new_again) == (3, 1)
    assert again[0].pk == prompts[3].pk
    assert Prompt.objects.count() == 4
    assert Prompt.objects.get(pk=prompts[0].pk).source == "file"


def test_same_prompt_in_two_projects_is_two_prompts_on_the_same_side(cast):
    mine, theirs = one_prompt(cast.project), one_prompt(cast.other_project)

    assert mine.pk != theirs.pk
    assert (mine.digest, mine.held_out) == (theirs.digest, theirs.held_out)


def test_one_broken_prompt_stores_none(cast):
    with pytest.raises(Invalid):
        add_prompts(project=cast.project, prompts=["fine?", ""])

    assert not Prompt.objects.exists()


def test_completion_is_stored_once_for_each_writer(cast):
    prompt = one_prompt(cast.project)
    writers = [
        NewCompletion(text="Red."),
        NewCompletion(text="Red.", policy_version=1, sampling={"temperature": 1.0}, logprob=-3.5),
        NewCompletion(text="Red.", policy_version=2),
        NewCompletion(text="Red.", author=cast.bob),
        NewCompletion(text="Red.", author=cast.dora),
    ]

    first = add_completions(pairs=[(prompt, new) for new in writers])
    second = add_completions(pairs=[(prompt, new) for new in reversed(writers)])

    assert [row.pk for row in second] == [row.pk for row in reversed(first)]
    assert Completion.objects.count() == 5
    assert [row.origin for row in first] == ["import", "policy", "policy", "person", "person"]
    assert (first[1].sampling, first[1].logprob) == ({"temperature": 1.0}, -3.5)


def test_items_have_a_slot_for_each_judgement_wanted(cast):
    prompt = one_prompt(cast.project)
    completions = some_completions(prompt, "Red.", "Blue.")

    items = create_items(
        project=cast.project,
        items=[
            NewItem(prompt=prompt, completions=completions),
            NewItem(prompt=prompt, completions=completions[::-1], overlap=3, priority=7, policy_version=2),
        ],
    )

    assert [(item.overlap, item.priority, item.policy_version) for item in items] == [(1, 0, None), (3, 7, 2)]
    slots = Slot.objects.order_by("item", "number").values_list("item", "number", "priority", "is_done")
    assert list(slots) == [
        (items[0].pk, 0, 0, False),
        (items[1].pk, 0, 7, False),
        (items[1].pk, 1, 7, False),
        (items[1].pk, 2, 7, False),
    ]
    assert Project.objects.get(pk=cast.project.pk).num_slots == 4
    second = (
        ItemCompletion.objects.filter(item=items[1]).order_by("position").values_list("completion__text", flat=True)
    )
    assert list(second) == ["Blue.", "Red."]


def test_judged_items_have_no_slots_and_are_full(cast):
    prompt = one_prompt(cast.project)

    [item] = create_judged_items(
        project=cast.project, items=[NewItem(prompt=prompt, completions=some_completions(prompt, "Red.", "Blue."))]
    )

    assert (item.overlap, item.num_judgements) == (1, 1)
    assert not Slot.objects.exists()
    assert Project.objects.get(pk=cast.project.pk).num_slots == 0


def test_item_that_breaks_a_rule_is_refused_and_none_is_stored(cast):
    prompt, other = one_prompt(cast.project), one_prompt(cast.project, "Another?")
    foreign = one_prompt(cast.other_project)
    completions = some_completions(prompt, *"abcdefghij")
    good = NewItem(prompt=prompt, completions=completions[:2])
    wrong = {
        "2 to 9 completions, not 1": NewItem(prompt=prompt, completions=completions[:1]),
        "2 to 9 completions, not 10": NewItem(prompt=prompt, completions=completions),
        "the same completion twice": NewItem(prompt=prompt, completions=[completions[0], completions[0]]),
        "a completion of another prompt": NewItem(
            prompt=prompt, completions=[completions[0], *some_completions(other, "x")]
        ),
        "another project": NewItem(prompt=foreign, completions=some_completions(foreign, "x", "y")),
    }

    for reason, new in wrong.items():
        with pytest.raises(Invalid, match=reason):
            create_items(project=cast.project, items=[good, new])

    assert not Item.objects.exists()
    assert not Slot.objects.exists()


def test_queries_do_not_grow_with_the_items(cast):
    counts = []
    for number in (1, 50):
        with CaptureQueriesContext(connection) as queries:
            prompts, _ = add_prompts(project=cast.project, prompts=[f"{number}, {each}?" for each in range(number)])
            completions = add_completions(
                pairs=[(prompt, NewCompletion(text=text)) for prompt in prompts for text in ("a", "b")]
            )
            create_items(
                project=cast.project,
                items=[
                    NewItem(prompt=prompt, completions=completions[2 * place : 2 * place + 2])
                    for place, prompt in enumerate(prompts)
                ],
            )
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_author_that_wrote_nothing_is_not_found_in_anothers_name(cast):
    prompt = one_prompt(cast.project)
    zoe = make_user("zoe")

    add_completions(pairs=[(prompt, NewCompletion(text="Red.", author=zoe))])

    assert Completion.objects.get().author == zoe


def test_kinds_take_turns_by_prompt_and_by_policy_version(cast):
    cast.project.kinds = ["ranking", "pair", "best"]
    prompts, _ = add_prompts(project=cast.project, prompts=[f"Colour {number}?" for number in range(30)])
    groups = {prompt: some_completions(prompt, "Red.", "Blue.", "Green.", "Grey.", "Pink.") for prompt in prompts}

    asked = {
        (prompt.pk, version): items_for(cast.project, prompt, groups[prompt], policy_version=version)
        for prompt in prompts
        for version in (1, 2, 3)
    }

    for prompt in prompts:
        assert {asked[prompt.pk, version][0].kind for version in (1, 2, 3)} == {"ranking", "pair", "best"}
    assert len({asked[prompt.pk, 1][0].kind for prompt in prompts}) == 3
    for items in asked.values():
        sizes = [len(item.completions) for item in items]
        assert sizes == ([2, 2] if items[0].kind == "pair" else [5])


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("ranking", {1: [], 2: [2], 9: [9], 10: [9]}),
        ("rating", {1: [1], 9: [9], 10: [9, 1]}),
        ("pair", {1: [], 2: [2], 3: [2]}),
        ("demonstration", {0: [], 1: [1], 4: [4]}),
    ],
)
def test_a_group_is_as_large_as_its_kind_asks_for(cast, kind, sizes):
    cast.project.kinds = [kind]
    prompt = one_prompt(cast.project)
    completions = some_completions(prompt, *(f"Text {number}." for number in range(10)))

    found = {
        count: [len(item.completions) for item in items_for(cast.project, prompt, completions[:count])]
        for count in sizes
    }

    assert found == sizes


@pytest.mark.parametrize(
    ("kind", "count", "asks"),
    [("pair", 3, "2 to 2"), ("rating", 0, "1 to 9"), ("best", 1, "2 to 9"), ("demonstration", 10, "0 to 9")],
)
def test_an_item_of_the_wrong_size_is_refused(cast, kind, count, asks):
    prompt = one_prompt(cast.project)
    completions = some_completions(prompt, *(f"Text {number}." for number in range(10)))[:count]

    with pytest.raises(Invalid, match=f"kind {kind} asks about {asks} completions, not {count}"):
        create_items(project=cast.project, items=[NewItem(prompt=prompt, completions=completions, kind=kind)])
