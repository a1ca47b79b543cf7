"""Figures that are kept, as pages read them."""

from __future__ import annotations

import datetime as dt

import pytest
from factories import make_cast

from labeling.models import DayFigures
from labeling.quality.forecast import Forecast
from labeling.selectors.figures import days, kinds, num_uncounted, outlook, people, totals

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 21)


@pytest.fixture
def cast():
    cast = make_cast(num_items=20)
    cast.project.refresh_from_db()  # the number of slots
    return cast


def kept(cast, annotator, ago, **values):
    day = TODAY - dt.timedelta(days=ago)
    DayFigures.objects.create(
        project=cast.project, annotator=annotator, day=day, **{"kind": "ranking", "judgements": 1, **values}
    )


def test_days_and_people_and_kinds_add_up_to_the_whole(cast):
    kept(cast, cast.bob, 2, judgements=5, seconds=600.0, pairs=12, same=9, ratings=10, fours=4)
    kept(cast, cast.dora, 2, judgements=3, pairs=12, same=9, later_pairs=12, later_same=9, square_pairs=72)
    kept(cast, cast.bob, 1, judgements=2, kind="pair", decided=8, first_shown=6, of_length=4, longer=1)

    whole = totals(cast.project)

    assert whole.judgements == 10
    assert whole.per_hour == 60.0
    assert (whole.agreement.value, whole.agreement.units) == (0.75, 12)
    assert (whole.first_shown.value, whole.longer.value, whole.middle.value) == (0.75, 0.25, 0.4)
    assert [(each.day, each.figures.judgements) for each in days(cast.project)] == [
        (dt.date(2026, 11, 19), 8),
        (dt.date(2026, 11, 20), 2),
    ]
    assert [(pk, each.judgements) for pk, each in people(cast.project)] == [(cast.bob.pk, 7), (cast.dora.pk, 3)]
    assert [(kind, each.judgements) for kind, each in kinds(cast.project)] == [("pair", 2), ("ranking", 8)]
    assert totals(cast.project, annotator=cast.bob.pk).agreement.units == 12


def test_the_last_days_are_shown_the_earliest_first(cast):
    for ago in range(5):
        kept(cast, cast.bob, ago)

    assert [each.day.day for each in days(cast.project, last=3)] == [19, 20, 21]


def test_the_end_is_told_from_whole_days_idle_ones_too(cast):
    for ago, judgements in ((4, 4), (2, 4), (1, 4), (0, 100)):  # today is not over, and says nothing
        kept(cast, cast.bob, ago, judgements=judgements)

    found = outlook(cast.project, today=TODAY)

    assert found.remaining == 20
    assert found.end is not None
    assert 5 <= found.end.days <= 9  # 20 of 3 a day
    assert found.day == TODAY + dt.timedelta(days=found.end.days - 1)
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest <= found.day <= found.latest


def test_of_a_project_without_figures_nothing_is_told(cast):
    found = outlook(cast.project, today=TODAY)

    assert (found.remaining, found.end, found.day) == (20, None, None)
    assert totals(cast.project).judgements == 0
    assert days(cast.project) == []
    assert num_uncounted(cast.project) == 0


def test_what_is_done_needs_no_estimate():
    cast = make_cast(num_items=0)

    assert outlook(cast.project, today=TODAY).end == Forecast(0, 0, 0)
