"""Another overlap for items that are open, while people judge them."""

from __future__ import annotations

from collections import Counter

import pytest
from factories import Cast, claim, end_lease, judge, make_cast, make_item, make_user

from labeling.models import Item, Project, Role, Slot
from labeling.selectors.effects import OpenItems, open_items
from labeling.services.projects import set_member, update_project
from labeling.services.prompts import NewItem, create_items

pytestmark = pytest.mark.django_db


def change(cast: Cast, overlap: int) -> Project:
    project = update_project(project=cast.project, changed_by=cast.alice, overlap=overlap, apply_to_open_items=True)
    check_slots(project)
    return project


def check_slots(project: Project) -> None:
    """Each item has as many slots as its overlap says, and the project knows how many that are in all."""
    slots = Counter(Slot.objects.filter(project=project).values_list("item", flat=True))
    assert {item.pk: item.overlap for item in Item.objects.filter(project=project)} == slots
    assert project.num_slots == sum(slots.values())
    done = Counter(Slot.objects.filter(project=project, is_done=True).values_list("item", flat=True))
    assert {
        item.pk: item.num_judgements for item in Item.objects.filter(project=project) if item.num_judgements
    } == done


def overlaps(cast: Cast) -> list[int]:
    return list(Item.objects.filter(project=cast.project).order_by("pk").values_list("overlap", flat=True))


def test_open_items_get_more_and_judged_ones_stay_as_they_are():
    cast = make_cast(num_items=3)
    judge(cast.project, cast.bob)

    change(cast, 3)

    assert overlaps(cast) == [1, 3, 3]
    # bob judged the first one; of the others each of three people gets each once
    erin = make_user("erin")
    set_member(project=cast.project, user=erin, role=Role.ANNOTATOR)
    for person in (cast.bob, cast.dora, erin):
        judge(cast.project, person)
        judge(cast.project, person)
    check_slots(Project.objects.get(pk=cast.project.pk))
    assert not Slot.objects.filter(project=cast.project, is_done=False).exists()


def test_nobody_loses_what_they_judged_or_hold():
    cast = make_cast(num_items=3, overlap=4)
    judge(cast.project, cast.bob)  # the first: one judged
    judge(cast.project, cast.dora)  # the first: two judged
    held = claim(cast.project, cast.alice)  # the first: one held
    lapsed = claim(cast.project, cast.bob)  # the second: a lease that ended
    end_lease(lapsed)

    change(cast, 1)

    assert overlaps(cast) == [3, 1, 1]
    assert Slot.objects.get(assignment=held).leased_until > held.created
    judge(cast.project, cast.bob)  # goes on with what they had begun
    check_slots(Project.objects.get(pk=cast.project.pk))


def test_lowered_items_can_be_raised_again():
    cast = make_cast(num_items=2, overlap=3)
    claim(cast.project, cast.bob)

    change(cast, 1)
    change(cast, 3)
    change(cast, 2)

    assert overlaps(cast) == [2, 2]


def test_new_slots_are_like_those_before_and_come_after_them():
    cast = make_cast(num_items=0)
    make_item(cast.project, priority=5)
    before = Slot.objects.get()

    change(cast, 2)

    first, second = Slot.objects.order_by("pk")
    assert first == before
    assert (second.priority, second.number, second.assignment, second.is_done) == (5, 1, None, False)
    assert second.leased_until == before.leased_until
    assert second.topics == before.topics


def test_blind_evaluations_and_other_projects_keep_theirs():
    cast = make_cast(num_items=1, texts=("Red.", "Blue."))
    pair = make_item(cast.project, prompt="Which?", texts=("A", "B"))
    Item.objects.filter(pk=pair.pk).delete()
    completions = list(cast.items[0].prompt.completions.all())
    [blind] = create_items(
        project=cast.project,
        items=[NewItem(prompt=cast.items[0].prompt, completions=completions, kind="pair", purpose="evaluation")],
    )
    Project.objects.filter(pk=cast.project.pk).update(num_slots=2)
    other = make_item(cast.other_project)

    change(cast, 5)

    blind.refresh_from_db()
    other.refresh_from_db()
    assert (overlaps(cast)[0], blind.overlap, other.overlap) == (5, 1, 1)


def test_what_is_said_before_is_what_is_done():
    cast = make_cast(num_items=4, overlap=3)
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)
    claim(cast.project, cast.bob)
    before = Project.objects.get(pk=cast.project.pk).num_slots

    lower = open_items(cast.project, overlap=1)
    higher = open_items(cast.project, overlap=5)
    project = change(cast, 1)

    assert lower == OpenItems(items=4, lowest=3, highest=3, more=0, fewer=7, kept=1)
    assert higher == OpenItems(items=4, lowest=3, highest=3, more=8, fewer=0, kept=0)
    assert project.num_slots == before - 7


def test_without_being_asked_open_items_keep_their_overlap():
    cast = make_cast(num_items=2, overlap=2)

    project = update_project(project=cast.project, overlap=3)

    assert overlaps(cast) == [2, 2]
    assert make_item(project, prompt="A new one").overlap == 3
