from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from django.db.models import F
from factories import Cast, a_verdict, claim, judge, make_cast, make_item

from labeling.errors import Invalid
from labeling.models import Membership, Slot
from labeling.services.ahead import claim_ahead
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.limits import left_today
from labeling.services.projects import set_member, update_project
from labeling.services.revisions import revise_label

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=5)


def place_of(cast: Cast) -> Membership:
    return Membership.objects.select_related("project").get(project=cast.project, user=cast.bob)


def test_without_a_limit_nothing_is_counted_down(cast):
    judge(cast.project, cast.bob)

    assert left_today(place_of(cast)) is None
    assert place_of(cast).num_today == 1


def test_who_reached_the_limit_gets_nothing_more_today_and_others_do(cast):
    update_project(project=cast.project, daily_limit=2)

    judge(cast.project, cast.bob)
    judge(cast.project, cast.bob)

    assert claim_next(project=cast.project, annotator=cast.bob) is None
    assert claim_next(project=cast.project, annotator=cast.dora) is not None


def test_a_new_day_begins_at_nothing(cast):
    update_project(project=cast.project, daily_limit=1)
    judge(cast.project, cast.bob)
    Membership.objects.filter(user=cast.bob).update(day=F("day") - dt.timedelta(days=1))

    assert left_today(place_of(cast)) == 1
    judge(cast.project, cast.bob)

    assert (place_of(cast).num_today, left_today(place_of(cast))) == (1, 0)


@pytest.mark.parametrize(("own", "left"), [(None, 2), (3, 3), (0, None)])
def test_a_limit_of_ones_own_goes_before_that_of_the_project(cast, own, left):
    update_project(project=cast.project, daily_limit=2)

    set_member(project=cast.project, user=cast.bob, role="annotator", daily_limit=own)

    assert left_today(place_of(cast)) == left


def test_what_was_begun_before_the_limit_is_kept_and_counts(cast):
    held = claim(cast.project, cast.bob)
    update_project(project=cast.project, daily_limit=1)
    Membership.objects.filter(user=cast.bob).update(num_today=1, day=dt.datetime.now(dt.UTC).date())

    submit_label(assignment_id=held.pk, annotator=cast.bob, verdict=a_verdict(held), client_id=uuid4())

    assert (place_of(cast).num_today, left_today(place_of(cast))) == (2, 0)


def test_the_last_one_of_the_day_has_none_behind_it(cast):
    for number in range(40):
        make_item(cast.project, prompt=f"More of them, {number}.")
    update_project(project=cast.project, daily_limit=2)
    first = claim(cast.project, cast.bob)
    assert claim_ahead(project=cast.project, annotator=cast.bob, current=first.pk).assignment is not None
    submit_label(assignment_id=first.pk, annotator=cast.bob, verdict=a_verdict(first), client_id=uuid4())
    last = claim(cast.project, cast.bob)

    ahead = claim_ahead(project=cast.project, annotator=cast.bob, current=last.pk)

    assert (ahead.is_held, ahead.assignment) == (True, None)
    assert Slot.objects.filter(assignment__annotator=cast.bob, is_done=False).count() == 1


def test_a_repeated_submit_and_a_revision_count_once(cast):
    held = claim(cast.project, cast.bob)
    verdict, client_id = a_verdict(held), uuid4()
    for _ in range(2):
        submit_label(assignment_id=held.pk, annotator=cast.bob, verdict=verdict, client_id=client_id)

    revise_label(assignment_id=held.pk, annotator=cast.bob, verdict=a_verdict(held, ranks=[3, 2, 1]), client_id=uuid4())

    assert place_of(cast).num_today == 1


@pytest.mark.parametrize("limit", [-1, 10_001])
def test_a_limit_outside_its_range_is_refused(cast, limit):
    with pytest.raises(Invalid, match=f"daily_limit is {limit}"):
        set_member(project=cast.project, user=cast.bob, role="annotator", daily_limit=limit)


@pytest.mark.parametrize("limit", [0, 10_001])
def test_so_is_one_of_the_project(cast, limit):
    with pytest.raises(Invalid, match="daily_limit"):
        update_project(project=cast.project, daily_limit=limit)
