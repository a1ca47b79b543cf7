"""Instances of models from statements of our own."""

from __future__ import annotations

import pytest
from factories import claim, make_cast

from labeling.models import Assignment, Item, Label, Prompt
from labeling.rows import columns, fetch_one, insertion, instances

pytestmark = pytest.mark.django_db


def test_instances_are_those_that_a_query_set_gives():
    cast = make_cast()
    claimed = claim(cast.project, cast.bob)
    Assignment.objects.update(draft={"notes": "a \u00e9 b"})
    statement = f"""
        SELECT {columns(Assignment, "a")}, {columns(Item, "i")}, {columns(Prompt, "p")}
        FROM labeling_assignment a JOIN labeling_item i ON i.id = a.item_id JOIN labeling_prompt p ON p.id = i.prompt_id
        WHERE a.id = %(assignment)s
    """

    row = fetch_one(statement, {"assignment": claimed.pk})

    assert row is not None
    found = instances(row, Assignment, Item, Prompt)
    expected = [Assignment.objects.get(), Item.objects.get(), Prompt.objects.get()]
    assert [vars(instance) | {"_state": None} for instance in found] == [
        vars(instance) | {"_state": None} for instance in expected
    ]
    assert found[0].draft == {"notes": "a \u00e9 b"}


def test_no_row_is_none():
    assert fetch_one("SELECT 1 WHERE %(number)s::int = 2", {"number": 1}) is None


def test_an_insertion_names_every_column_but_a_key_that_is_not_known():
    columns_of, values, parameters = insertion(Label(notes="what"))

    assert '"notes"' in columns_of
    assert '"id"' not in columns_of
    assert values.split(", ") == [f"%({name})s" for name in parameters]
    assert len(parameters) == len(Label._meta.concrete_fields) - 1
    assert parameters["new_notes"] == "what"
    assert parameters["new_created"] is not None  # auto_now_add
