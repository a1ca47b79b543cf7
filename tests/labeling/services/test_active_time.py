"""The server believes the page's active time as far as the clock allows."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from django.utils import timezone
from factories import a_verdict, claim, judge, make_cast

from labeling.models import Assignment, Label, Membership, Source
from labeling.services.active_time import bounded
from labeling.services.labels import submit_label
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

CLIENT = UUID("00000000-0000-4000-8000-000000000001")


@pytest.mark.parametrize(("said", "passed", "kept"), [(10.0, 3600, 10.0), (3601.0, 60, 60.0), (5.0, -30, 0.0)])
def test_time_is_bounded_by_what_passed(said: float, passed: int, kept: float):
    since = timezone.now() - dt.timedelta(seconds=passed)

    verdict = bounded(Verdict(seconds=said), since=since, source=Source.PERSON)

    assert verdict.seconds == pytest.approx(kept, abs=1)


def test_simulated_time_is_nobody_s_clock():
    assert bounded(Verdict(seconds=40.0), since=timezone.now(), source=Source.SIMULATION).seconds == 40.0


@pytest.mark.django_db
def test_no_item_takes_longer_than_from_its_claim_to_its_submit():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    Assignment.objects.update(created=timezone.now() - dt.timedelta(seconds=90))

    label = submit_label(
        assignment_id=assignment.pk,
        annotator=cast.bob,
        verdict=a_verdict(assignment, seconds=50_000.0),
        client_id=CLIENT,
    ).label

    mine = Membership.objects.get(project=cast.project, user=cast.bob)
    assert label.seconds == pytest.approx(90, abs=5)
    assert mine.seconds_worked == label.seconds


@pytest.mark.django_db
def test_no_revision_takes_longer_than_since_the_judgement_that_it_changes():
    cast = make_cast()
    old = judge(cast.project, cast.bob)
    assert old.assignment is not None
    Label.objects.update(created=timezone.now() - dt.timedelta(seconds=30))

    new = revise_label(
        assignment_id=old.assignment.pk,
        annotator=cast.bob,
        verdict=a_verdict(old.assignment, ranks=(3, 2, 1), seconds=50_000.0),
        client_id=CLIENT,
    ).label

    assert new.seconds == pytest.approx(30, abs=5)
    assert Membership.objects.get(project=cast.project, user=cast.bob).seconds_worked == 12.0 + new.seconds
