"""Changes to everything that a filter finds."""

from __future__ import annotations

import pytest
from factories import Cast, claim, judge, make_cast, make_item

from labeling.errors import Conflict, Invalid
from labeling.models import AuditEntry, Item, Passage, Project, Prompt, Slot
from labeling.selectors.prompts import PromptFilter
from labeling.services.assignments import claim_next, skip
from labeling.services.prompt_changes import Action, Change, Effect, change_prompts, check_change, effect_of
from labeling.services.prompts import NewItem, create_items
from labeling.services.topics import set_topics

pytestmark = pytest.mark.django_db

COLOURS = PromptFilter(search="colour")


@pytest.fixture
def cast() -> Cast:
    """Three items about colours and one about a fruit."""
    cast = make_cast(num_items=3)
    make_item(cast.project, prompt="Name a fruit.")
    make_item(cast.other_project, prompt="Name a colour.")
    return cast


def change(cast: Cast, action: Action, value=None, *, wanted: PromptFilter = COLOURS, **more) -> Effect:
    return change_prompts(
        check_change(action=action, value=value), project=cast.project, wanted=wanted, actor=cast.alice, **more
    )


def tagged(name: str) -> list[str]:
    return sorted(prompt.last_turn for prompt in Prompt.objects.filter(tags__name=name))


def test_tags_are_added_and_removed_where_the_filter_finds_prompts_and_nowhere_else(cast):
    added = change(cast, Action.ADD_TAG, "set 1")
    then = tagged("set 1")
    again = change(cast, Action.ADD_TAG, "set 1")
    removed = change(cast, Action.REMOVE_TAG, "set 1", wanted=PromptFilter(tag="set 1", search='"number 1"'))

    assert then == [f"Name a colour, number {number}." for number in range(3)]
    assert (added.prompts, again.prompts, removed.prompts) == (3, 3, 1)
    assert tagged("set 1") == ["Name a colour, number 0.", "Name a colour, number 2."]


def test_what_is_done_is_remembered_with_its_filter(cast):
    change(cast, Action.ADD_TAG, "set 1")

    entry = AuditEntry.objects.get(action="prompts.changed")
    assert (entry.actor, entry.before) == (cast.alice, {"search": "colour"})
    assert entry.after == {"action": "add_tag", "value": "set 1", "prompts": 3, "judgements": 0}


def test_another_number_than_the_one_that_was_said_yes_to_changes_nothing(cast):
    with pytest.raises(Conflict, match="there are 3 such prompts now, and not 2: look again"):
        change(cast, Action.ARCHIVE, expected=2)

    assert not Prompt.objects.filter(is_archived=True).exists()


def test_priority_is_that_of_open_items_and_the_queue_serves_them_first(cast):
    done = judge(cast.project, cast.bob).item

    effect = change(cast, Action.PRIORITY, "5", wanted=PromptFilter(search='"number 2"'))
    change(cast, Action.PRIORITY, 7, wanted=PromptFilter(search='"number 0"'))

    done.refresh_from_db()
    assert effect == Effect(prompts=1, judgements=1)
    assert done.priority == 0
    assert claim(cast.project, cast.dora).item.prompt.last_turn == "Name a colour, number 2."
    assert sorted(Item.objects.values_list("priority", flat=True)) == [0, 0, 0, 0, 5]


def test_who_was_beyond_a_slot_is_served_it_once_it_comes_to_a_priority_that_they_have_passed(cast):
    [last] = Item.objects.filter(prompt__messages__0__content="Name a fruit.")
    change(cast, Action.PRIORITY, 5, wanted=PromptFilter(search="fruit"))
    membership = cast.project.memberships.get(user=cast.bob)
    Passage.objects.create(membership=membership, priority=5, slot=last.slots.get().pk)

    change(cast, Action.PRIORITY, 5, wanted=PromptFilter(search='"number 1"'))

    assert claim(cast.project, cast.bob).item.prompt.last_turn == "Name a colour, number 1."


def test_topics_come_and_go_with_those_of_the_open_slots(cast):
    set_topics(prompt=cast.items[0].prompt, topics=["hate"])

    change(cast, Action.ADD_TOPIC, "violent")
    then = dict(Slot.objects.filter(project=cast.project).values_list("item__prompt__messages__0__content", "topics"))
    change(cast, Action.REMOVE_TOPIC, "hate")

    assert then == {
        "Name a colour, number 0.": ["violent", "hate"],
        "Name a colour, number 1.": ["violent"],
        "Name a colour, number 2.": ["violent"],
        "Name a fruit.": [],
    }
    assert Prompt.objects.get(pk=cast.items[0].prompt_id).topics == ["violent"]
    assert cast.items[0].slots.get().topics == ["violent"]


def test_who_opted_out_is_served_what_loses_the_topic(cast):
    cast.bob.opted_out = ["hate"]
    cast.bob.save()
    change(cast, Action.ADD_TOPIC, "hate", wanted=PromptFilter())
    assert claim_next(project=cast.project, annotator=cast.bob) is None

    change(cast, Action.REMOVE_TOPIC, "hate", wanted=PromptFilter())

    assert claim_next(project=cast.project, annotator=cast.bob) is not None


def test_open_slots_of_archived_prompts_leave_the_queue_and_come_back(cast):
    held = claim(cast.project, cast.bob)  # of number 0
    before = Project.objects.get(pk=cast.project.pk).num_slots

    said = effect_of(Change(Action.ARCHIVE), project=cast.project, wanted=COLOURS)
    archived = change(cast, Action.ARCHIVE)
    between = Project.objects.get(pk=cast.project.pk).num_slots
    served = claim(cast.project, cast.dora).item.prompt.last_turn
    back_said = effect_of(Change(Action.RESTORE), project=cast.project, wanted=PromptFilter(archived=True))
    restored = change(cast, Action.RESTORE, wanted=PromptFilter(archived=True))

    assert said == archived == Effect(prompts=3, judgements=2)
    assert (before, between, Project.objects.get(pk=cast.project.pk).num_slots) == (4, 2, 4)
    assert served == "Name a fruit."
    assert held.slot.is_done is False  # whoever works on one keeps it
    assert back_said == restored == Effect(prompts=3, judgements=2)
    assert Slot.objects.filter(project=cast.project).count() == 4
    assert not Prompt.objects.filter(is_archived=True).exists()


def test_judgements_that_were_made_stay_and_only_what_is_missing_comes_back(cast):
    create_items(
        project=cast.project,
        items=[
            NewItem(
                prompt=cast.items[0].prompt,
                completions=[entry.completion for entry in cast.items[0].entries.all()],
                overlap=3,
                priority=9,
            )
        ],
    )
    judge(cast.project, cast.bob)

    first = change(cast, Action.ARCHIVE)
    again = change(cast, Action.ARCHIVE, wanted=PromptFilter(archived=None))
    restored = change(cast, Action.RESTORE, wanted=PromptFilter(archived=True))

    item = Item.objects.get(overlap=3)
    assert (first.judgements, again.judgements, restored.judgements) == (5, 1, 6)  # the fruit went with the second
    assert sorted(item.slots.values_list("number", "is_done")) == [(0, True), (1, False), (2, False)]
    assert set(item.slots.values_list("priority", flat=True)) == {9}


def test_nothing_new_is_asked_about_an_archived_prompt(cast):
    from labeling.services.prompts import items_for

    prompt = cast.items[0].prompt
    completions = [entry.completion for entry in cast.items[0].entries.all()]
    change(cast, Action.ARCHIVE)
    prompt.refresh_from_db()

    assert items_for(cast.project, prompt, completions) == []


def test_what_was_skipped_before_does_not_come_back_to_who_skipped_it(cast):
    skipped = claim(cast.project, cast.bob)
    skip(assignment_id=skipped.pk, annotator=cast.bob)
    change(cast, Action.ARCHIVE)
    change(cast, Action.RESTORE, wanted=PromptFilter(archived=True))

    seen = {claim(cast.project, cast.dora).item_id, claim(cast.project, cast.bob).item_id}

    assert claim(cast.project, cast.bob).item_id != skipped.item_id
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("action", "value", "reason"),
    [
        ("explode", None, "there is no change 'explode': use add_tag"),
        ("add_tag", "", "a tag is empty"),
        ("add_tag", "a,b", "has a comma"),
        ("add_topic", "gore", "there is no topic 'gore'"),
        ("priority", "high", "the priority 'high' is not a whole number from -30,000 to 30,000"),
        ("priority", "40000", "the priority 40000 is not"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(action, value, reason):
    with pytest.raises(Invalid, match=reason):
        check_change(action=action, value=value)


def test_a_change_costs_the_same_queries_for_any_number_of_prompts(cast, django_assert_max_num_queries):
    for number in range(30):
        make_item(cast.project, prompt=f"One more colour, {number}.")

    with django_assert_max_num_queries(20):
        effect = change(cast, Action.ARCHIVE)

    assert effect == Effect(prompts=33, judgements=33)
