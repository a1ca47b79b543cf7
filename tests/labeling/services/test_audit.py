from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from factories import Cast, make_cast

from labeling.models import AuditEntry, Project
from labeling.services.audit import difference, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=0)


def test_a_change_is_remembered_with_who_made_it_and_whom_it_is_about(cast):
    made = record(
        actor=cast.alice, project=cast.project, action="member.changed", subject=cast.bob, after={"role": "reviewer"}
    )

    stored = AuditEntry.objects.get(pk=made.pk)
    assert (stored.actor, stored.person, stored.subject) == (cast.alice, cast.bob, "")
    assert (stored.before, stored.after) == (None, {"role": "reviewer"})


def test_an_action_without_a_text_is_refused(cast):
    with pytest.raises(ValueError, match=r"'member\.teased' has no text"):
        record(actor=cast.alice, project=cast.project, action="member.teased")


def test_long_texts_are_cut(cast):
    made = record(actor=None, project=cast.project, action="project.settings", after={"name": "x" * 1000})

    assert made.after == {"name": "x" * 200 + "…"}


@pytest.mark.parametrize(
    "statement", ["UPDATE labeling_auditentry SET actor_id = NULL", "DELETE FROM labeling_auditentry"]
)
def test_the_database_lets_nobody_change_or_delete_an_entry(cast, statement):
    record(actor=cast.alice, project=cast.project, action="project.settings")

    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEntry.objects.filter(actor=cast.alice).exists()


def test_entries_go_with_their_project(cast):
    record(actor=cast.charlie, project=cast.other_project, action="project.settings")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM labeling_membership WHERE project_id = %s", [cast.other_project.pk])

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM labeling_project WHERE id = %s", [cast.other_project.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert not Project.objects.filter(pk=cast.other_project.pk).exists()
    assert not AuditEntry.objects.filter(project=cast.other_project.pk).exists()


def test_only_what_changed_is_a_difference():
    assert difference({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == ({"b": 2}, {"b": 3})
