"""When the standings are computed, and that they are kept."""

from __future__ import annotations

import datetime as dt

import pytest
from factories import judge, make_cast, make_item
from seeing import two_versions

from alignment.models import Standings
from alignment.seeing import standings
from labeling.services import figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db):
    return two_versions(make_cast(num_items=0))


def test_a_page_computes_them_by_itself_while_there_is_little(cast):
    judge(cast.project, cast.bob)

    kept = standings.standings(cast.project.pk)

    assert kept is not None
    assert {each["writer"] for each in kept.leaderboard["all"]["plain"]["entries"]} == {"policy:1", "policy:2"}
    assert [(each["writer"], each["judged"]) for each in kept.flags] == [("policy:1", 1), ("policy:2", 1)]


def test_they_are_computed_again_only_after_a_new_judgement(cast):
    judge(cast.project, cast.bob)
    first = standings.standings(cast.project.pk)

    unchanged = standings.standings(cast.project.pk)
    judge(cast.project, cast.bob)
    second = standings.standings(cast.project.pk)

    assert unchanged.computed == first.computed
    assert second.label > first.label


def test_what_took_long_waits_for_the_worker_and_not_for_too_long(cast):
    judge(cast.project, cast.bob)
    first = standings.standings(cast.project.pk)
    Standings.objects.update(seconds=4.0)
    judge(cast.project, cast.bob)

    shown = standings.standings(cast.project.pk)
    early = standings.refresh_when_due(cast.project.pk)
    Standings.objects.update(computed=first.computed - dt.timedelta(seconds=81))
    late = standings.refresh_when_due(cast.project.pk)

    assert shown.label == first.label
    assert early is None
    assert late.label > first.label


def test_while_much_is_yet_to_be_counted_what_is_kept_stays(cast, monkeypatch):
    judge(cast.project, cast.bob)
    first = standings.standings(cast.project.pk)
    for _ in range(3):
        judge(cast.project, cast.dora)
    monkeypatch.setattr(figures, "CHUNK", 1)

    meanwhile = standings.standings(cast.project.pk)
    Standings.objects.update(seconds=0.0)
    due = standings.refresh_when_due(cast.project.pk)

    assert meanwhile.label == first.label
    assert due.label > first.label


def test_they_are_computed_again_when_somebody_counts_less(cast, monkeypatch):
    judge(cast.project, cast.bob)
    first = standings.standings(cast.project.pk)
    monkeypatch.setattr("labeling.services.standings.training_weights", lambda project: {cast.bob.pk: 0.5})
    figures.refresh(cast.project)

    second = standings.standings(cast.project.pk)

    assert [each.leaderboard["is_weighed"] for each in (first, second)] == [False, True]
    won = [each.leaderboard["all"]["plain"]["entries"][0]["wins"] for each in (first, second)]
    assert won == [1.0, 0.5]


def test_a_clock_that_was_put_back_stops_nothing(cast):
    judge(cast.project, cast.bob)
    first = standings.standings(cast.project.pk)
    judge(cast.project, cast.bob)
    Standings.objects.update(computed=first.computed + dt.timedelta(days=400), seconds=5.0)

    assert standings.refresh_when_due(cast.project.pk).label > first.label


def test_a_project_without_judgements_is_left_alone_by_the_worker(cast):
    assert standings.refresh_when_due(cast.project.pk) is None


def test_the_first_time_with_many_judgements_is_the_worker_s(cast, monkeypatch):
    make_item(cast.project)
    judge(cast.project, cast.bob)
    monkeypatch.setattr(standings, "AT_ONCE_JUDGEMENTS", 1)

    assert standings.standings(cast.project.pk) is None


def test_what_takes_a_moment_is_done_at_once_by_whoever_watches(cast):
    judge(cast.project, cast.bob)

    assert standings.keep_fresh(cast.project.pk) is None
    assert Standings.objects.get().label > 0


@pytest.mark.django_db(transaction=True)
def test_what_takes_long_holds_nobody_up(cast, monkeypatch):
    judge(cast.project, cast.bob)
    monkeypatch.setattr(standings, "AT_ONCE_JUDGEMENTS", 1)

    thread = standings.keep_fresh(cast.project.pk)

    assert thread is not None
    thread.join(timeout=30)
    assert Standings.objects.get().label > 0
