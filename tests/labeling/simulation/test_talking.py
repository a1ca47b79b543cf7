"""Simulated annotators in conversations."""

from __future__ import annotations

import pytest
from factories import make_cast, make_item

from labeling.models import Assignment, Label, State, Turn
from labeling.services.projects import update_project
from labeling.simulation.work import judge_items

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(num_items=0)


@pytest.mark.parametrize("opening", ["prompt", "topic"])
def test_they_rank_the_first_turn_and_end(cast, opening):
    update_project(project=cast.project, conversation_opening=opening)
    for number in range(3):
        make_item(
            cast.project, prompt=f"How do I make tea {number}?", texts=("Use hot water.", "No."), kind="conversation"
        )

    worked = judge_items(cast.project, num_labels=5, num_annotators=2, qualities=["perfect"])

    assert (worked.labels, Label.objects.count(), Turn.objects.count()) == (3, 3, 3)
    assert set(Label.objects.values_list("kind", "source")) == {("conversation", "simulation")}
    assert set(Assignment.objects.values_list("state", flat=True)) == {State.SUBMITTED}
    assert worked.agreement == 1.0


def test_as_both_sides_they_write_to_the_last_turn(cast):
    update_project(project=cast.project, conversation_sides="both", conversation_turns=3)
    make_item(cast.project, prompt="How do I make tea?", texts=(), kind="conversation")

    judge_items(cast.project, num_labels=1, num_annotators=1)

    assert (Turn.objects.count(), Label.objects.filter(demonstration__isnull=False).count()) == (3, 3)
    assert Assignment.objects.get().state == State.SUBMITTED


def test_they_do_not_wait_for_ever_for_what_nobody_writes(cast):
    make_item(cast.project, prompt="How do I make tea?", texts=(), kind="conversation")

    worked = judge_items(cast.project, num_labels=1, num_annotators=1)

    assert worked.labels == 0
    assert Assignment.objects.get().state == State.ACTIVE
