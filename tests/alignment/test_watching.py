"""What a worker does beside its jobs."""

from __future__ import annotations

import pytest
from factories import judge, make_cast

from alignment import watching
from labeling import exchange
from labeling.models import DayFigures
from labeling.services import figures

pytestmark = pytest.mark.django_db


def test_figures_are_brought_up_to_date_in_the_projects_that_were_heard_of():
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)

    assert watching.refresh_figures({cast.other_project.slug}) == set()
    assert not DayFigures.objects.exists()

    assert watching.refresh_figures({cast.project.slug}) == set()
    assert DayFigures.objects.get().annotator == cast.bob


def test_a_project_of_which_more_is_left_is_looked_at_again(monkeypatch):
    monkeypatch.setattr(figures, "CHUNK", 1)
    cast = make_cast(num_items=7)
    for _ in range(7):
        judge(cast.project, cast.bob)

    left = [watching.refresh_figures(), watching.refresh_figures()]  # five steps of one label each at a time

    assert left == [{cast.project.slug}, set()]
    assert DayFigures.objects.get().judgements == 7


def test_what_goes_wrong_with_figures_of_one_project_keeps_no_other_waiting(monkeypatch, caplog):
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)
    refresh = exchange.refresh_figures

    def broken_for_the_other(project_id):
        if project_id == cast.other_project.pk:
            raise ZeroDivisionError("a sum of nothing")
        return refresh(project_id)

    monkeypatch.setattr(exchange, "refresh_figures", broken_for_the_other)

    assert watching.refresh_figures() == set()

    assert DayFigures.objects.exists()
    assert "the figures of project other-colours are not up to date" in caplog.text
