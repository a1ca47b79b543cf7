"""Reads of labels."""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise

import pytest
from factories import judge, make_cast

from labeling.models import Label, Project
from labeling.selectors.judgements import judgements
from labeling.selectors.labels import comparisons, count_labels_after, current_labels, latest_label, pseudonym

pytestmark = pytest.mark.django_db


def test_superseded_label_is_left_out_everywhere_and_stays():
    cast = make_cast(num_items=2)
    first = judge(cast.project, cast.bob)
    second = judge(cast.project, cast.bob)
    Label.objects.filter(pk=first.pk).update(superseded_by=second)

    assert list(current_labels(cast.project)) == [second]
    assert [row.label for row in judgements(cast.project)] == [second.pk]
    assert set(comparisons(cast.project).values_list("label", flat=True)) == {second.pk}
    assert Label.objects.filter(pk=first.pk).exists()


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 100])
def test_batches_leave_nothing_out_and_give_nothing_twice(chunk):
    cast = make_cast(num_items=5)
    labels = [judge(cast.project, cast.bob).pk for _ in range(5)]

    rows = list(judgements(cast.project, chunk=chunk))

    assert [row.label for row in rows] == labels
    assert all(row.texts == ["Red.", "Blue.", "Green."] for row in rows)
    assert all(first.prompt != second.prompt for first, second in pairwise(rows))


def test_two_judgements_of_one_item_keep_their_own_ranks():
    cast = make_cast(overlap=2)
    judge(cast.project, cast.bob, ranks=[1, 1, 1], ratings=[1, 1, 1])
    judge(cast.project, cast.dora, ranks=[1, 1, 1], ratings=[7, 7, 7])

    first, second = judgements(cast.project)

    assert (first.ratings, second.ratings) == ([1, 1, 1], [7, 7, 7])
    assert (first.annotator, second.annotator) == (cast.bob.pk, cast.dora.pk)


def test_labels_of_another_project_are_not_seen():
    cast = make_cast()
    label = judge(cast.project, cast.bob)

    assert list(judgements(cast.other_project)) == []
    assert (latest_label(cast.other_project), latest_label(cast.project)) == (0, label.pk)
    assert count_labels_after(cast.other_project, 0, at_most=5) == 0


def test_a_pseudonym_follows_from_the_projects_secret_and_from_nothing_that_can_be_guessed():
    cast = make_cast()
    key = Project.objects.get(pk=cast.project.pk).pseudonym_key
    mine = hmac.new(bytes.fromhex(key), str(cast.bob.pk).encode(), "sha256").hexdigest()[:10]
    guess = hashlib.sha256(f"prefloop {cast.project.pk} {cast.bob.pk}".encode()).hexdigest()[:10]

    assert pseudonym(cast.project.pk, cast.bob.pk) == f"annotator-{mine}" != f"annotator-{guess}"
    assert pseudonym(cast.other_project.pk, cast.bob.pk) != f"annotator-{mine}"
    assert pseudonym(cast.project.pk, None) == ""
    assert len({key, Project.objects.get(pk=cast.other_project.pk).pseudonym_key}) == 2
