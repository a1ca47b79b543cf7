"""Slots that somebody held when their prompt was archived."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection
from factories import Cast, a_verdict, claim, end_lease, make_cast, make_item, make_user

from labeling.models import Assignment, Item, Project, Slot
from labeling.selectors.prompts import PromptFilter
from labeling.services.assignments import claim_next, heartbeat, skip
from labeling.services.given_up import sweep
from labeling.services.labels import submit_label
from labeling.services.projects import set_member
from labeling.services.prompt_changes import Action, Change, change_prompts

ALL = PromptFilter()


def archive(cast: Cast) -> None:
    change_prompts(Change(Action.ARCHIVE), project=cast.project, wanted=ALL, actor=cast.alice)


def restore(cast: Cast) -> None:
    change_prompts(Change(Action.RESTORE), project=cast.project, wanted=PromptFilter(archived=True), actor=cast.alice)


def wanted(cast: Cast) -> int:
    return Project.objects.get(pk=cast.project.pk).num_slots


@pytest.mark.django_db
def test_whoever_holds_one_finishes_it_and_it_counts():
    cast = make_cast()
    held = claim(cast.project, cast.bob)
    archive(cast)

    again = claim_next(project=cast.project, annotator=cast.bob)
    heartbeat(assignment_id=held.pk, annotator=cast.bob)
    label = submit_label(assignment_id=held.pk, annotator=cast.bob, verdict=a_verdict(held), client_id=uuid4()).label

    assert again == held
    assert not label.is_extra
    assert (wanted(cast), Item.objects.get(pk=held.item_id).num_judgements) == (1, 1)


@pytest.mark.django_db
def test_when_the_lease_has_ended_nobody_is_served_it_and_nobody_waits_for_it():
    cast = make_cast(overlap=2)
    bobs, doras = claim(cast.project, cast.bob), claim(cast.project, cast.dora)
    archive(cast)
    end_lease(bobs)
    skip(assignment_id=doras.pk, annotator=cast.dora)
    between = wanted(cast)

    served = [claim_next(project=cast.project, annotator=person) for person in (cast.alice, cast.bob, cast.dora)]

    assert (served, between, wanted(cast)) == ([None, None, None], 2, 0)
    assert not Slot.objects.exists()


@pytest.mark.django_db
def test_what_arrives_after_that_is_kept_as_an_extra_judgement():
    cast = make_cast()
    held = claim(cast.project, cast.bob)
    archive(cast)
    end_lease(held)
    swept = sweep(cast.project.pk)

    label = submit_label(assignment_id=held.pk, annotator=cast.bob, verdict=a_verdict(held), client_id=uuid4()).label

    assert (swept, label.is_extra, wanted(cast)) == (1, True, 0)


@pytest.mark.django_db
def test_restored_it_is_served_again_to_whoever_passed_it_by():
    cast = make_cast()
    held = claim(cast.project, cast.bob)
    make_item(cast.project, prompt="Another?")
    claim(cast.project, cast.dora)  # she is beyond the first
    archive(cast)
    end_lease(held)
    restore(cast)

    served = {claim(cast.project, cast.alice).item_id, wanted(cast)}

    assert served == {held.item_id, 2}
    assert Slot.objects.filter(project=cast.project).count() == 2


@pytest.mark.django_db
def test_other_projects_and_items_with_known_answers_are_left_alone():
    cast = make_cast()
    make_item(cast.other_project)
    held = claim(cast.other_project, cast.charlie)
    change_prompts(Change(Action.ARCHIVE), project=cast.other_project, wanted=ALL, actor=cast.charlie)
    end_lease(held)
    Item.objects.filter(pk=cast.items[0].pk).update(purpose="known")
    archive(cast)

    assert sweep(cast.project.pk) == 0
    assert Slot.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_none_is_served_twice_while_people_claim_and_an_admin_archives():
    cast = make_cast(num_items=60)
    people = [make_user(f"worker{number}") for number in range(4)]
    for person in people:
        set_member(project=cast.project, user=person, role="annotator")
    begun = threading.Barrier(5)

    def work(person):
        try:
            begun.wait()
            for _ in range(12):
                assignment = claim_next(project=cast.project, annotator=person)
                if assignment is None:
                    return
                skip(assignment_id=assignment.pk, annotator=person)
                claim_next(project=cast.project, annotator=person)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, person) for person in people]
        begun.wait()
        archive(cast)
        for each in working:
            each.result()
    for assignment in Assignment.objects.filter(state="active"):
        end_lease(assignment)
    served = [claim_next(project=cast.project, annotator=person) for person in (*people, cast.bob, cast.dora)]

    assert served == [None] * 6
    assert not Slot.objects.filter(is_done=False).exists()
    assert wanted(cast) == 0
