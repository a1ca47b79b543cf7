"""The dataset card says what is there."""

from __future__ import annotations

import pytest
from django.utils.translation import override
from factories import judge, make_cast

from labeling.exports.meanings import MEANINGS
from labeling.exports.snapshots import take_snapshot
from labeling.exports.views import VIEWS
from labeling.models import Project
from labeling.selectors.labels import pseudonym
from labeling.selectors.selection import Selection

pytestmark = pytest.mark.django_db


def test_every_field_of_every_view_has_a_meaning_and_no_other():
    assert {name for view in VIEWS.values() for name in view.with_models().columns} == MEANINGS.keys()


def test_it_tells_counts_people_filters_and_fields():
    cast = make_cast(num_items=2, overlap=2)
    for person in (cast.bob, cast.dora, cast.bob):
        judge(cast.project, person, ranks=[1, 1, 1])

    with override("de"):
        card = take_snapshot(project=cast.project, name="v1", selection=Selection(sources=("person",))).card

    assert "# Colours: v1" in card
    assert "- Filters: `sources=person`" in card
    assert "3 judgements from " in card
    assert "as comparisons 0 wins and 9 ties" in card
    assert f"| {pseudonym(cast.project.pk, cast.bob.pk)} | 2 |" in card
    assert "bob" not in card
    assert "On 3 pairs of completions" in card
    assert "| Same answer of two people on a comparison | 1.000 |" in card
    assert all(f"| `{name}` |" in card for name in MEANINGS)


def test_what_people_called_things_does_not_break_its_tables():
    cast = make_cast()
    Project.objects.filter(pk=cast.project.pk).update(name="A | `b`\n# c")
    cast.project.refresh_from_db()
    judge(cast.project, cast.bob)

    card = take_snapshot(project=cast.project, name="v1").card

    assert "# A \\| 'b' # c: v1" in card
