"""What tests begin with, copied, is what the services make."""

from __future__ import annotations

import datetime as dt
import json

import kept_rows
import pytest
from django.db import connection, transaction
from django.utils import timezone
from emptying import filled_tables
from factories import judge, make_cast, make_item
from psycopg import sql

from labeling.models import Item, Label, Membership, Project, User

pytestmark = pytest.mark.django_db
ARGUMENTS = {"num_items": 2, "slug": "kept"}


def stored():
    """Every row of every table as text, ids counted from the table's first and times left out."""
    found = {}
    with connection.cursor() as cursor:
        for table in filled_tables():
            cursor.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {} t ORDER BY id").format(sql.Identifier(table)))
            found[table] = [json.loads(row) for (row,) in cursor.fetchall()]
    firsts = {table: rows[0]["id"] for table, rows in found.items()}
    refers = {
        "project_id": "labeling_project", "user_id": "labeling_user", "actor_id": "labeling_user",
        "person_id": "labeling_user", "prompt_id": "labeling_prompt", "item_id": "labeling_item",
        "completion_id": "labeling_completion",
    }  # fmt: skip
    times = {"created", "changed", "date_joined", "leased_until"}
    return {
        table: [
            {
                name: value - firsts[refers.get(name, table)] if value and (name == "id" or name in refers) else value
                for name, value in row.items()
                if name not in times
            }
            for row in rows
        ]
        for table, rows in found.items()
    }


def undone(work):
    """What something found, with nothing of it left in the database."""
    mark = transaction.savepoint()
    found = work()
    transaction.savepoint_rollback(mark)
    return found


def test_a_copy_has_every_row_that_the_services_stored_under_new_ids():
    def make():
        cast = make_cast(**ARGUMENTS)
        return cast.project.pk, stored()

    made = undone(make)

    copies = [undone(make) for _ in range(2)]

    assert [rows for _, rows in copies] == [made[1]] * 2
    assert len({made[0], *(pk for pk, _ in copies)}) == 3
    assert {table: len(rows) for table, rows in made[1].items()} == {
        "labeling_auditentry": 5,
        "labeling_completion": 6,
        "labeling_item": 2,
        "labeling_itemcompletion": 6,
        "labeling_membership": 5,
        "labeling_project": 2,
        "labeling_prompt": 2,
        "labeling_slot": 2,
        "labeling_user": 5,
    }


def test_a_copy_is_as_young_as_what_is_made_now_and_its_rows_are_those_of_the_database():
    undone(lambda: make_cast(**ARGUMENTS))

    cast = make_cast(**ARGUMENTS)

    assert timezone.now() - cast.bob.date_joined < dt.timedelta(seconds=5)
    assert User.objects.get(username="bob").date_joined == cast.bob.date_joined
    assert Project.objects.get(slug="kept") == cast.project
    assert list(Item.objects.order_by("id")) == cast.items
    assert [item.prompt.messages[0]["content"] for item in cast.items] == [
        f"Name a colour, number {number}." for number in range(2)
    ]
    assert [item.prompt.pk for item in cast.items] == [item.prompt_id for item in cast.items]
    assert all(item.prompt.project_id == cast.project.pk for item in cast.items)
    assert Membership.objects.get(project=cast.other_project).user == cast.charlie


def test_with_a_copy_the_work_goes_on():
    undone(lambda: make_cast(**ARGUMENTS))
    cast = make_cast(**ARGUMENTS)

    more = make_item(cast.project, prompt="Name another.")
    judged = [judge(cast.project, cast.bob) for _ in range(3)]

    assert [label.item for label in judged] == [*cast.items, more]
    assert Label.objects.filter(project=cast.project).count() == 3
    connection.check_constraints()


@pytest.mark.parametrize(("slug", "adds_a_column"), [("with-a-column", True), ("without-one", False)])
def test_what_is_made_while_a_test_has_a_column_of_its_own_is_not_kept(slug, adds_a_column):
    if adds_a_column:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE labeling_project ADD COLUMN colour text NOT NULL DEFAULT ''")

    make_cast(num_items=1, slug=slug)

    assert any(slug in str(key) for key in kept_rows._kept) is not adds_a_column
