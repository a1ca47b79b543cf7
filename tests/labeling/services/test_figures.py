"""Figures that are kept: counted once, as somebody would count by hand, and fitted beside the work."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from factories import a_verdict, claim, judge, make_cast, make_item, make_user
from procrastinate.contrib.django import connector_params

from labeling.models import DayFigures, Folded, Label, Reliability, Role
from labeling.selectors.reliabilities import training_weights
from labeling.services import figures
from labeling.services.assignments import lock_membership
from labeling.services.figures import fit_when_due, fold, refresh
from labeling.services.known import NewKnown, add_known
from labeling.services.labels import submit_label
from labeling.services.probes import give
from labeling.services.projects import create_project, set_member, update_project
from labeling.services.revisions import revise_label

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(num_items=4, overlap=2, texts=("Red.", "Blue, or so.", "Greenish green."))


def by_text(cast, user, *ranks):
    """Judge what comes next; ranks of Red, Blue and Green."""
    assignment = claim(cast.project, user)
    texts = dict(assignment.item.entries.values_list("completion", "completion__text"))
    places = dict(zip(("Red.", "Blue, or so.", "Greenish green."), ranks, strict=True))
    given = [places[texts[pk]] for pk in assignment.order]
    verdict = a_verdict(assignment, ranks=given, ratings=[4, 5, 6])
    return submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4()).label


def sums(cast, **filters):
    names = ("judgements", "pairs", "same", "later_pairs", "later_same", "decided", "longer", "ratings", "fours")
    rows = DayFigures.objects.filter(project=cast.project, **filters).values_list(*names)
    return dict(zip(names, map(sum, zip(*rows, strict=True)), strict=True)) if rows else {}


def test_what_was_judged_is_counted_as_by_hand(cast):
    by_text(cast, cast.bob, 1, 2, 3)  # shorter wins three times
    by_text(cast, cast.dora, 1, 3, 2)  # Green, the longest, beats Blue
    by_text(cast, cast.bob, 1, 1, 1)
    by_text(cast, cast.dora, 1, 1, 2)  # Red and Blue tie for both

    assert not refresh(cast.project)

    # Of 3 comparisons each: the same on 2 of the first item, on 1 of the second.
    assert sums(cast) == {
        "judgements": 4,
        "pairs": 12,
        "same": 6,
        "later_pairs": 6,
        "later_same": 3,
        "decided": 8,
        "longer": 1,
        "ratings": 12,
        "fours": 4,
    }
    bobs = sums(cast, annotator=cast.bob)
    assert (bobs["pairs"], bobs["same"], bobs["later_pairs"], bobs["decided"]) == (6, 3, 0, 3)
    doras = DayFigures.objects.get(annotator=cast.dora)
    assert (doras.square_pairs, doras.square_same, doras.pairs_by_same) == (18.0, 5.0, 9.0)
    assert doras.seconds == 24.0
    shown = [label.assignment for label in Label.objects.filter(annotator=cast.bob).order_by("pk")]
    red, blue, green = cast.items[0].entries.values_list("completion", flat=True)
    assert shown[0] is not None
    order = shown[0].order
    earlier = sum(order.index(one) < order.index(other) for one, other in ((red, blue), (red, green), (blue, green)))
    assert DayFigures.objects.get(annotator=cast.bob).first_shown == earlier


def test_counting_again_counts_nothing_twice_and_goes_on_where_it_was(cast):
    by_text(cast, cast.bob, 1, 2, 3)
    refresh(cast.project)
    refresh(cast.project)
    assert sums(cast)["judgements"] == 1

    by_text(cast, cast.dora, 1, 2, 3)
    refresh(cast.project)

    assert sums(cast)["judgements"] == 2
    assert sums(cast)["same"] == 6


def test_transactions_that_write_no_labels_are_not_waited_for(cast):
    by_text(cast, cast.bob, 1, 2, 3)

    with psycopg.connect(**connector_params()) as other:
        other.execute("SELECT pg_current_xact_id()")
        refresh(cast.project)

    assert sums(cast)["judgements"] == 1


def test_in_small_steps_it_comes_to_the_same(cast, monkeypatch):
    for _ in range(3):
        by_text(cast, cast.bob, 1, 2, 3)
        by_text(cast, cast.dora, 1, 3, 2)
    refresh(cast.project)
    whole = sums(cast)
    DayFigures.objects.all().delete()
    Folded.objects.all().delete()
    monkeypatch.setattr(figures, "CHUNK", 2)

    left = [fold(cast.project.pk) for _ in range(3)]

    assert left == [True, True, False]
    assert sums(cast) == whole


def test_revisions_imports_and_known_answers_are_not_counted(cast):
    label = by_text(cast, cast.bob, 1, 2, 3)
    revise_label(
        assignment_id=label.assignment_id,
        annotator=cast.bob,
        verdict=a_verdict(label.assignment, ranks=[3, 2, 1]),
        client_id=uuid4(),
    )
    add_known(
        project=cast.project,
        new=[NewKnown(messages="2 + 2?", texts=["a", "b", "c"], ranks=[1, 2, 3])],
        author=cast.alice,
    )
    give(lock_membership(project_id=cast.project.pk, user=cast.bob), number=1)
    judge(cast.project, cast.bob)

    refresh(cast.project)

    assert sums(cast)["judgements"] == 1


def test_a_day_is_one_of_utc(cast):
    label = by_text(cast, cast.bob, 1, 2, 3)
    Label.objects.filter(pk=label.pk).update(created=dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC))

    refresh(cast.project)

    assert DayFigures.objects.get().day == dt.date(2026, 3, 1)


def test_of_a_project_that_is_gone_nothing_is_counted(cast):
    assert not refresh(10**9)
    assert not Folded.objects.filter(project=10**9).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_number", [True, False])
def test_a_label_that_commits_late_is_counted_all_the_same(has_number):
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    with psycopg.connect(**connector_params()) as late:
        # What an INSERT does before it writes: the lock, the id; and the transaction gets a number with the row.
        late.execute("LOCK TABLE labeling_label IN ROW EXCLUSIVE MODE")
        if has_number:
            late.execute("SELECT pg_current_xact_id()")
        [early_id] = late.execute("SELECT nextval(pg_get_serial_sequence('labeling_label', 'id'))").fetchone() or [0]
        label = judge(cast.project, cast.bob)

        assert not refresh(cast.project)
        assert not DayFigures.objects.exists(), "one with a lower id may come yet"

        assert early_id < label.pk
        late.rollback()

    refresh(cast.project)
    assert DayFigures.objects.get().judgements == 2
    assert connection.in_atomic_block is False


def crowd(num_items, *, seed=0):
    """30 annotators: 18 careful, 8 who answer by chance and 4 who answer the opposite, eight on each item."""
    rng = np.random.default_rng(seed)
    admin = make_user("admin")
    project = create_project(slug="crowd", creator=admin, name="Crowd", completions_per_item=4, overlap=8)
    people = [make_user(f"person-{number:02}") for number in range(30)]
    for user in people:
        set_member(project=project, user=user, role=Role.ANNOTATOR)
    items = [make_item(project, prompt=f"Item {n}", texts=("a", "b", "c", "d")) for n in range(num_items)]
    labels = []
    for item in items:
        ids = list(item.entries.values_list("completion", flat=True))
        truth = rng.permutation(4) * 1.5
        for number in rng.choice(30, 8, replace=False):
            noise = rng.normal(0, 100.0 if number < 8 else 0.5, 4)
            felt = (-truth if 8 <= number < 12 else truth) + noise
            ranks = dict(zip(ids, (np.argsort(np.argsort(-felt)) + 1).tolist(), strict=True))
            labels.append((item, people[number], ranks))
    return project, people, labels


def store(project, labels):
    """The labels of a crowd, as services store them."""
    from labeling.models import Assignment, State
    from labeling.services.labels import store_verdicts
    from labeling.services.verdicts import Verdict

    assignments = Assignment.objects.bulk_create(
        Assignment(item=item, annotator=user, state=State.SUBMITTED, lease_expires=timezone.now(), order=list(ranks))
        for item, user, ranks in labels
    )
    stored = Label.objects.bulk_create(
        Label(project=project, item=item, assignment=assignment, annotator=user, client_id=uuid4(), source="simulation")
        for (item, user, _), assignment in zip(labels, assignments, strict=True)
    )
    store_verdicts([(label, Verdict(ranks=ranks)) for label, (_, _, ranks) in zip(stored, labels, strict=True)])


def test_planted_spammers_and_adversaries_among_30_annotators_are_found_and_weigh_less():
    project, people, labels = crowd(60)
    store(project, labels)

    refresh(project)

    found = dict(Reliability.objects.values_list("annotator", "value"))
    value = [found[user.pk] for user in people]
    assert max(value[:8]) < min(value[12:]), "those by chance are told from the careful ones"
    assert max(value[8:12]) < 0.4
    assert min(value[12:]) > 0.8
    assert training_weights(project.pk) == {}, "the project weighs nobody unless it says so"
    update_project(project=project, weighs_annotators=True)
    weights = training_weights(project.pk)
    assert [weights[user.pk] for user in people[8:12]] == [0.0] * 4
    assert np.mean([weights[user.pk] for user in people[:8]]) < 0.5
    assert min(weights[user.pk] for user in people[12:]) > 1.0


def test_reliabilities_are_fitted_anew_when_enough_came_or_after_a_while(monkeypatch):
    project, _, labels = crowd(16)
    store(project, labels[:100])
    refresh(project)
    first = Folded.objects.get(project=project)
    store(project, labels[100:110])
    fold(project.pk)

    assert not fit_when_due(project.pk), "ten more can wait"
    Folded.objects.update(fitted=timezone.now() - dt.timedelta(minutes=11))
    assert fit_when_due(project.pk)
    assert not fit_when_due(project.pk), "nothing new"

    again = Folded.objects.get(project=project)
    assert again.fitted_label == again.label > first.fitted_label
