"""Claiming, keeping and giving back slots."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from django.utils import timezone
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item, make_user, write

from labeling.errors import Conflict, Invalid, NotAllowed, NotFound
from labeling.models import NEVER_LEASED, PREFERENCES, Assignment, Kind, Project, Role, Slot, State
from labeling.services.assignments import claim_next, heartbeat, save_draft, skip
from labeling.services.labels import submit_label
from labeling.services.projects import set_member, update_project
from labeling.services.prompts import NewItem, create_items

pytestmark = pytest.mark.django_db

CLIENT_ID = UUID("00000000-0000-4000-8000-000000000001")


def test_claim_leases_a_slot_for_the_project_s_lease_time():
    cast = make_cast()
    before = timezone.now()

    assignment = claim(cast.project, cast.bob)

    slot = Slot.objects.get()
    assert slot.assignment == assignment
    assert slot.leased_until == assignment.lease_expires
    assert dt.timedelta(minutes=30) <= assignment.lease_expires - before < dt.timedelta(minutes=31)


def test_claiming_again_gives_the_same_assignment_in_the_same_order():
    cast = make_cast(num_items=2)

    first = claim(cast.project, cast.bob)
    second = claim(cast.project, cast.bob)

    assert second == first
    assert second.order == first.order
    assert Assignment.objects.count() == 1


def test_order_shown_is_a_permutation_and_differs_between_assignments():
    texts = [f"Completion {number}." for number in range(9)]
    cast = make_cast(num_items=12, texts=texts)

    places = []
    for item in cast.items:
        assignment = claim(cast.project, cast.bob)
        stored = list(item.entries.values_list("completion", flat=True))
        assert sorted(assignment.order) == sorted(stored)
        places.append(tuple(stored.index(completion) for completion in assignment.order))
        skip(assignment_id=assignment.pk, annotator=cast.bob)

    # 12 equal shuffles of 9 by chance: (1/9!)^11
    assert len(set(places)) > 1


def test_two_annotators_get_different_items():
    cast = make_cast(num_items=2)

    first = claim(cast.project, cast.bob)
    second = claim(cast.project, cast.dora)

    assert {first.item_id, second.item_id} == {item.pk for item in cast.items}


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in PREFERENCES or kind == Kind.DEMONSTRATION])
def test_an_item_of_each_kind_is_leased_to_one_person_at_a_time(kind):
    cast = make_cast(num_items=0)
    make_item(cast.project, texts=("Red.", "Blue."), kind=kind)
    claim(cast.project, cast.bob)

    assert claim_next(project=cast.project, annotator=cast.dora) is None


def test_item_with_overlap_two_is_given_to_two_people_and_not_to_a_third():
    cast = make_cast(overlap=2)

    first = claim(cast.project, cast.bob)
    second = claim(cast.project, cast.dora)
    third = claim_next(project=cast.project, annotator=cast.alice)

    assert first.item_id == second.item_id
    assert third is None


def test_one_person_never_gets_an_item_twice():
    cast = make_cast(overlap=3)
    judge(cast.project, cast.bob)

    assert claim_next(project=cast.project, annotator=cast.bob) is None


def test_higher_priority_is_served_first_then_the_older():
    cast = make_cast(num_items=2)
    urgent = make_item(cast.project, prompt="Urgent?", priority=5)

    served = []
    for _ in range(3):
        assignment = claim(cast.project, cast.bob)
        served.append(assignment.item_id)
        skip(assignment_id=assignment.pk, annotator=cast.bob)

    assert served == [urgent.pk, cast.items[0].pk, cast.items[1].pk]


def test_paused_project_hands_out_nothing():
    cast = make_cast()
    update_project(project=cast.project, is_paused=True)

    assert claim_next(project=cast.project, annotator=cast.bob) is None


def test_researcher_and_stranger_cannot_claim():
    cast = make_cast()

    with pytest.raises(NotAllowed, match="researcher"):
        claim_next(project=cast.project, annotator=cast.rita)
    with pytest.raises(NotFound, match="not a member"):
        claim_next(project=cast.project, annotator=cast.charlie)

    assert not Assignment.objects.exists()


def test_member_who_left_cannot_claim():
    cast = make_cast()
    set_member(project=cast.project, user=cast.bob, role=Role.ANNOTATOR, is_active=False)

    with pytest.raises(NotFound):
        claim_next(project=cast.project, annotator=cast.bob)


def test_ended_lease_gives_the_item_to_somebody_else():
    cast = make_cast()
    lost = claim(cast.project, cast.bob)
    end_lease(lost)

    taken = claim(cast.project, cast.dora)

    assert taken.item_id == lost.item_id
    assert taken != lost
    assert claim_next(project=cast.project, annotator=cast.bob) is None


def test_ended_lease_that_nobody_took_is_given_back_with_its_draft():
    cast = make_cast(num_items=2)
    begun = claim(cast.project, cast.bob)
    save_draft(assignment_id=begun.pk, annotator=cast.bob, draft={"notes": "half done"})
    end_lease(begun)

    again = claim(cast.project, cast.bob)

    assert again == begun
    assert again.draft == {"notes": "half done"}
    assert again.lease_expires > timezone.now()


def test_holder_keeps_the_slot_although_the_item_is_full():
    cast = make_cast(overlap=2)
    held = claim(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    renewed = heartbeat(assignment_id=held.pk, annotator=cast.bob)

    assert renewed.lease_expires >= held.lease_expires
    assert claim(cast.project, cast.bob) == held


def test_heartbeat_renews_the_lease_of_slot_and_assignment():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    end_lease(assignment)

    heartbeat(assignment_id=assignment.pk, annotator=cast.bob)

    slot = Slot.objects.get()
    assignment.refresh_from_db()
    assert slot.leased_until == assignment.lease_expires > timezone.now()


def test_heartbeat_after_the_item_went_to_somebody_else_is_a_conflict():
    cast = make_cast()
    lost = claim(cast.project, cast.bob)
    end_lease(lost)
    claim(cast.project, cast.dora)

    with pytest.raises(Conflict) as refused:
        heartbeat(assignment_id=lost.pk, annotator=cast.bob)

    assert refused.value.code == "lease_ended"


def test_lost_slot_is_replaced_by_another_open_one_of_the_item():
    cast = make_cast(overlap=2)
    lost = claim(cast.project, cast.bob)
    end_lease(lost)
    claim(cast.project, cast.dora)

    renewed = heartbeat(assignment_id=lost.pk, annotator=cast.bob)

    assert renewed.slot.item_id == lost.item_id
    assert Slot.objects.filter(assignment__isnull=False).count() == 2


def test_draft_survives_the_end_of_the_lease_and_the_loss_of_the_slot():
    cast = make_cast()
    lost = claim(cast.project, cast.bob)
    end_lease(lost)
    claim(cast.project, cast.dora)

    save_draft(assignment_id=lost.pk, annotator=cast.bob, draft={"notes": "an hour of work"})

    lost.refresh_from_db()
    assert lost.draft == {"notes": "an hour of work"}


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (["ranks"], "a draft is an object, not list"),
        ({"notes": "a\x00b"}, "NUL"),
        ({"notes": "\ud83d"}, "surrogate"),
        ({"a\x00": 1}, "NUL"),
        ({"seconds": float("inf")}, "not a number"),
        ({"notes": "x" * 500_001}, "at most 500,000"),
    ],
)
def test_draft_that_cannot_be_kept_is_refused(draft, reason):
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    save_draft(assignment_id=assignment.pk, annotator=cast.bob, draft={"notes": "before"})

    with pytest.raises(Invalid, match=reason):
        save_draft(assignment_id=assignment.pk, annotator=cast.bob, draft=draft)

    assignment.refresh_from_db()
    assert assignment.draft == {"notes": "before"}


def test_draft_of_a_judged_or_skipped_assignment_is_a_conflict():
    cast = make_cast(num_items=2)
    judged = judge(cast.project, cast.bob).assignment
    skipped = claim(cast.project, cast.bob)
    skip(assignment_id=skipped.pk, annotator=cast.bob)

    codes = []
    for assignment in (judged, skipped):
        with pytest.raises(Conflict) as refused:
            save_draft(assignment_id=assignment.pk, annotator=cast.bob, draft={})
        codes.append(refused.value.code)

    assert codes == ["already_judged", "skipped"]


def test_skip_gives_the_slot_back_and_is_not_offered_again():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)

    skip(assignment_id=assignment.pk, annotator=cast.bob, reason="not my language")

    slot = Slot.objects.get()
    assignment.refresh_from_db()
    assert (slot.assignment, slot.leased_until, slot.is_done) == (None, NEVER_LEASED, False)
    assert (assignment.state, assignment.skip_reason) == (State.SKIPPED, "not my language")
    assert claim_next(project=cast.project, annotator=cast.bob) is None
    assert claim(cast.project, cast.dora).item_id == assignment.item_id


def test_skipping_twice_is_harmless_and_skipping_a_judged_one_is_a_conflict():
    cast = make_cast(num_items=2)
    assignment = claim(cast.project, cast.bob)

    skip(assignment_id=assignment.pk, annotator=cast.bob, reason="first")
    again = skip(assignment_id=assignment.pk, annotator=cast.bob, reason="second")
    judged = judge(cast.project, cast.bob).assignment
    with pytest.raises(Conflict):
        skip(assignment_id=judged.pk, annotator=cast.bob)

    assert again.skip_reason == "first"


def test_skipping_after_the_slot_was_lost_leaves_the_new_holder_alone():
    cast = make_cast()
    lost = claim(cast.project, cast.bob)
    end_lease(lost)
    taken = claim(cast.project, cast.dora)

    skip(assignment_id=lost.pk, annotator=cast.bob)

    assert Slot.objects.get().assignment == taken


def test_reason_over_200_characters_is_refused():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)

    with pytest.raises(Invalid, match="201 characters"):
        skip(assignment_id=assignment.pk, annotator=cast.bob, reason="x" * 201)


def test_nobody_touches_another_person_s_assignment():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)

    for person in (cast.dora, cast.alice, cast.charlie, make_user("zoe")):
        with pytest.raises(NotFound):
            heartbeat(assignment_id=assignment.pk, annotator=person)
        with pytest.raises(NotFound):
            save_draft(assignment_id=assignment.pk, annotator=person, draft={"notes": "mine"})
        with pytest.raises(NotFound):
            skip(assignment_id=assignment.pk, annotator=person)
        with pytest.raises(NotFound):
            submit_label(
                assignment_id=assignment.pk, annotator=person, verdict=a_verdict(assignment), client_id=CLIENT_ID
            )

    assignment.refresh_from_db()
    assert (assignment.state, assignment.draft) == (State.ACTIVE, {})


@pytest.mark.parametrize("assignment_id", [0, -1, 2**31, 2**63, 2**80])
def test_unknown_assignment_is_not_found(assignment_id):
    cast = make_cast()

    with pytest.raises(NotFound):
        heartbeat(assignment_id=assignment_id, annotator=cast.bob)


def test_items_of_another_project_are_not_served():
    cast = make_cast(num_items=0)
    make_item(cast.other_project)

    assert claim_next(project=cast.project, annotator=cast.bob) is None
    assert Project.objects.get(pk=cast.other_project.pk).num_slots == 1


def test_nobody_judges_what_they_wrote_themselves():
    cast = make_cast(num_items=0)
    item = make_item(cast.project, texts=("Red.",), kind="demonstration")
    written = write(cast.project, cast.bob, "Blue.").demonstration
    [other] = [entry.completion for entry in item.entries.all()]
    create_items(project=cast.project, items=[NewItem(prompt=item.prompt, completions=[other, written])])

    for_bob = claim_next(project=cast.project, annotator=cast.bob)
    for_dora = claim_next(project=cast.project, annotator=cast.dora)

    assert for_bob is None
    assert for_dora is not None
    assert sorted(for_dora.order) == sorted([other.pk, written.pk])
