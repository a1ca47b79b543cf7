"""One item is held ahead on a short lease, and nobody waits for it."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from factories import Cast, a_verdict, claim, end_lease, judge, make_cast, make_item

from labeling.errors import NotFound
from labeling.models import Assignment, Label, Slot, State, User
from labeling.services import ahead
from labeling.services.ahead import Ahead, claim_ahead, give_back
from labeling.services.assignments import claim_next, heartbeat, save_draft
from labeling.services.labels import submit_label
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.setattr(ahead, "ENOUGH", 2)
    return make_cast(num_items=5)


def claimed(cast: Cast, current: Assignment, annotator=None) -> Assignment:
    found = claim_ahead(project=cast.project, annotator=annotator or cast.bob, current=current.pk).assignment
    assert found is not None
    return found


def minutes_left(assignment: Assignment) -> float:
    return (Slot.objects.get(assignment=assignment).leased_until - timezone.now()).total_seconds() / 60


def test_the_next_item_is_held_for_five_minutes_and_the_current_one_renewed():
    cast = make_cast(num_items=40)
    current = claim(cast.project, cast.bob)
    Slot.objects.filter(assignment=current).update(leased_until=timezone.now() + dt.timedelta(minutes=3))

    following = claimed(cast, current)

    assert following.item == cast.items[1]
    assert minutes_left(following) == pytest.approx(5, abs=0.2)
    assert minutes_left(current) == pytest.approx(30, abs=0.2)


def test_asking_again_gives_the_same_one(cast):
    current = claim(cast.project, cast.bob)

    assert claimed(cast, current) == claimed(cast, current)
    assert Slot.objects.filter(assignment__isnull=False).count() == 2


def test_what_is_at_hand_stays_the_current_one_until_it_is_done(cast):
    current = claim(cast.project, cast.bob)
    following = claimed(cast, current)

    assert claim_next(project=cast.project, annotator=cast.bob) == current
    judge(cast.project, cast.bob)
    assert claim_next(project=cast.project, annotator=cast.bob) == following
    assert minutes_left(following) == pytest.approx(30, abs=0.2)


def test_nothing_is_held_ahead_near_the_end_of_the_queue_nor_while_the_project_is_paused(cast):
    current = claim(cast.project, cast.bob)
    for _ in range(3):
        judge(cast.project, cast.dora)

    assert claim_ahead(project=cast.project, annotator=cast.bob, current=current.pk) == Ahead(is_held=True)
    update_project(project=cast.project, is_paused=True)
    make_item(cast.project, prompt="More.")
    assert claim_ahead(project=cast.project, annotator=cast.bob, current=current.pk) == Ahead(is_held=True)


def test_nobody_else_gets_what_is_held_ahead_and_everybody_when_the_lease_ended(cast):
    following = claimed(cast, claim(cast.project, cast.bob))
    theirs = claim(cast.project, cast.dora)
    assert theirs.item_id not in {following.item_id, cast.items[0].pk}

    end_lease(following)
    judge(cast.project, cast.dora)

    assert claim(cast.project, cast.dora).item_id == following.item_id


def test_a_current_item_that_went_to_somebody_else_holds_nothing_ahead(cast):
    current = claim(cast.project, cast.bob)
    end_lease(current)
    claim(cast.project, cast.dora)

    assert claim_ahead(project=cast.project, annotator=cast.bob, current=current.pk) == Ahead(is_held=False)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.SKIPPED])
def test_what_is_done_is_no_current_item(cast, state):
    current = claim(cast.project, cast.bob)
    Assignment.objects.filter(pk=current.pk).update(state=state)

    assert claim_ahead(project=cast.project, annotator=cast.bob, current=current.pk) == Ahead(is_held=False)


def test_somebody_elses_item_is_no_current_item(cast):
    theirs = claim(cast.project, cast.dora)

    assert claim_ahead(project=cast.project, annotator=cast.bob, current=theirs.pk) == Ahead(is_held=False)


def test_what_another_tab_works_on_keeps_its_longer_lease(cast):
    first = claim(cast.project, cast.bob)
    other = claimed(cast, first)
    heartbeat(assignment_id=other.pk, annotator=cast.bob)

    assert claimed(cast, first) == other
    assert minutes_left(other) == pytest.approx(30, abs=0.2)
    assert not give_back(assignment_id=other.pk, annotator=cast.bob)


def test_given_back_it_is_as_if_it_had_not_been_claimed(cast):
    following = claimed(cast, claim(cast.project, cast.bob))

    assert give_back(assignment_id=following.pk, annotator=cast.bob)

    assert not Assignment.objects.filter(item=following.item_id).exists()
    assert Slot.objects.get(item=following.item_id).leased_until < timezone.now()
    assert claim(cast.project, cast.dora).item_id == following.item_id


def test_given_back_it_comes_again_to_the_same_person(cast):
    current = claim(cast.project, cast.bob)
    following = claimed(cast, current)
    give_back(assignment_id=following.pk, annotator=cast.bob)

    assert claimed(cast, current).item_id == following.item_id


def test_what_was_begun_is_not_given_back(cast):
    following = claimed(cast, claim(cast.project, cast.bob))
    save_draft(assignment_id=following.pk, annotator=cast.bob, draft={"notes": "mine"})

    assert not give_back(assignment_id=following.pk, annotator=cast.bob)
    assert Assignment.objects.get(pk=following.pk).draft == {"notes": "mine"}


def test_nobody_gives_back_what_somebody_else_holds(cast):
    following = claimed(cast, claim(cast.project, cast.bob))

    with pytest.raises(NotFound):
        give_back(assignment_id=following.pk, annotator=cast.dora)

    assert Slot.objects.get(item=following.item_id).assignment == following


@pytest.mark.django_db(transaction=True)
def test_the_overlap_is_exact_while_everybody_holds_one_ahead_and_some_leave():
    cast = make_cast(num_items=40, overlap=2)
    people = [cast.alice, cast.bob, cast.dora]

    def work(user: User) -> list[int]:
        chance, judged = random.Random(user.username), []
        try:
            while (current := claim_next(project=cast.project, annotator=user)) is not None:
                held = claim_ahead(project=cast.project, annotator=user, current=current.pk).assignment
                if held is not None and chance.random() < 0.3:
                    give_back(assignment_id=held.pk, annotator=user)
                submit_label(assignment_id=current.pk, annotator=user, verdict=a_verdict(current), client_id=uuid4())
                judged.append(current.item_id)
            return judged
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        judged = list(pool.map(work, people))

    assert all(len(items) == len(set(items)) for items in judged)
    assert Counter(item for items in judged for item in items) == dict.fromkeys([item.pk for item in cast.items], 2)
    assert not Label.objects.filter(is_extra=True).exists()
