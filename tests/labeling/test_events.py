"""Events leave with the commit."""

from __future__ import annotations

import psycopg
import pytest
from django.db import transaction
from factories import judge, make_cast
from procrastinate.contrib.django import connector_params

from labeling.events import CHANNEL, Event, parse, publish


@pytest.fixture
def heard(transactional_db):
    with psycopg.connect(**connector_params(), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        yield lambda: [parse(each.payload) for each in connection.notifies(timeout=0.2)]


def test_an_event_is_heard_with_its_details(heard):
    publish("colours", "label", label=7)

    assert heard() == [Event(project="colours", name="label", details={"label": 7})]


def test_an_event_waits_for_the_commit(heard):
    with transaction.atomic():
        publish("colours", "label")
        before = heard()

    assert before == []
    assert [event.name for event in heard()] == ["label"]


def test_a_judgement_is_told_of_with_its_label_and_its_annotator(heard):
    cast = make_cast()

    label = judge(cast.project, cast.bob)

    told = Event(project="colours", name="label", details={"label": label.pk, "annotator": cast.bob.pk})
    assert heard()[-1] == told


def test_an_event_of_a_transaction_that_rolls_back_is_never_heard(heard):
    with transaction.atomic():
        publish("colours", "label")
        transaction.set_rollback(True)

    assert heard() == []


@pytest.mark.django_db
def test_details_that_do_not_fit_are_refused_with_their_size():
    with pytest.raises(ValueError, match=r"8,0.. bytes, at most 7,900 fit: send ids"):
        publish("colours", "label", text="x" * 8000)
