"""Whole conversations as rows."""

from __future__ import annotations

import json

import pytest
from factories import key_of, make_cast
from talking import converse, decide, offer, speak

from labeling.exports.streams import make_export
from labeling.models import Label
from labeling.selectors.selection import Selection
from labeling.services.conversations import finish
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db

COLOURS = ("Red.", "Blue.", "Green.")


def rows_of(project, **options):
    stream = make_export(project=project, view="conversations", **options).stream()
    return [json.loads(line) for line in b"".join(stream).splitlines()]


@pytest.fixture
def cast():
    return make_cast(num_items=0)


def test_a_row_has_all_that_carried_on_and_names_its_judgements(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    first = decide(assignment, shown=assignment.order)
    turn = offer(speak(assignment, "More?"), "Yes.", "No.")
    decide(assignment, number=2, shown=turn.order, text="Rather not.")
    speak(assignment, "This was never answered.")
    finish(assignment_id=assignment.pk, annotator=cast.bob)
    begun = converse(cast.project, cast.dora, prompt="Name a shape.", texts=("Round.", "Square."))
    decide(begun, shown=begun.order)
    converse(cast.project, cast.bob, prompt="Never begun.", texts=COLOURS)

    whole, half = rows_of(cast.project)

    assert [message["content"] for message in whole["messages"]] == [
        "Name a colour.",
        first.carried.text,
        "More?",
        "Rather not.",
    ]
    assert whole["ranking_ids"] == [
        key_of(label) for label in Label.objects.filter(assignment=assignment).order_by("id")
    ]
    assert (whole["turns"], whole["is_finished"], whole["topic"]) == (2, True, "")
    assert (half["turns"], half["is_finished"], half["held_out"]) == (1, False, False)
    assert rows_of(cast.project, selection=Selection(held_out=True)) == []


def test_a_topic_stands_beside_what_was_said(cast):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob, prompt="Talk about tea.")
    turn = offer(speak(assignment, "Which tea?"), "Green.", "Black.")
    decide(assignment, shown=turn.order)

    [row] = rows_of(cast.project)

    assert (row["topic"], row["messages"][0]["content"]) == ("Talk about tea.", "Which tea?")


def test_an_export_up_to_a_label_ends_there(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    newest = Label.objects.get().pk
    turn = offer(speak(assignment, "More?"), "Yes.", "No.")
    decide(assignment, number=2, shown=turn.order)

    assert [row["turns"] for row in rows_of(cast.project, up_to=newest)] == [1]
    assert [row["turns"] for row in rows_of(cast.project)] == [2]
