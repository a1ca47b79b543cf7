"""Django's admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    NOT_PROVIDED,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    FloatField,
    ForeignKey,
    JSONField,
    TextField,
    UUIDField,
)
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from factories import claim, judge, make_cast, make_user
from psycopg import sql

from labeling.admin_tables import CountedToALimit
from labeling.models import Item, Label, Membership, SecondFactor, Session
from labeling.services.groups import make_group
from labeling.services.invitations import make_invitation
from labeling.services.projects import create_project, set_member
from labeling.services.second_factor import begin, secret_of
from labeling.services.tokens import bearer, create_token

pytestmark = pytest.mark.django_db

MODELS = [
    *("user", "project", "membership", "prompt", "completion", "item", "assignment", "label"),
    *("auditentry", "group", "invitation", "secondfactor"),
]


FIRST = 10**9
"""The id of the first row that is filled in, of any table: what refers to a row refers to the one with its number."""
DROP_RULES = """
SET CONSTRAINTS ALL IMMEDIATE;
DO $$
DECLARE
    rule record;
BEGIN
    FOR rule IN
        SELECT conrelid::regclass AS of, conname AS name FROM pg_constraint
        WHERE contype IN ('c', 'u', 'f', 'x') AND conrelid::regclass::text ~ '^(labeling|alignment|procrastinate)_'
        ORDER BY contype = 'u'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.of, rule.name);
    END LOOP;
    FOR rule IN
        SELECT DISTINCT tgrelid::regclass AS of FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid::regclass::text ~ '^(labeling|alignment|procrastinate)_'
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', rule.of);
    END LOOP;
    FOR rule IN
        SELECT indexrelid::regclass AS name FROM pg_index
        WHERE indisunique AND NOT indisprimary AND indrelid::regclass::text ~ '^(labeling|alignment|procrastinate)_'
    LOOP
        EXECUTE format('DROP INDEX %s', rule.name);
    END LOOP;
END $$
"""


@pytest.fixture
def root(client):
    client.force_login(make_user("root", is_superuser=True))
    return client


def test_every_model_is_there_to_be_looked_at():
    registered = {model._meta.label for model in admin.site._registry}

    missing = {
        model._meta.label
        for app in ("labeling", "alignment")
        for model in apps.get_app_config(app).get_models()
        if not model._meta.is_composite_pk
    } - registered
    assert missing == {"labeling.Session"}  # whose key would open it


def test_every_list_costs_the_same_for_fifty_rows_as_for_one_and_counts_no_large_table(root):
    counted = re.compile(r'SELECT COUNT\(\*\) AS "__count" FROM "(?:labeling|alignment)_\w+"(?! WHERE)')
    opened: list[dict[str, list[str]]] = []
    with connection.cursor() as cursor:
        cursor.execute(DROP_RULES)  # until the end of the test
    for numbers in (range(1), range(1, 50)):
        for model in {*admin.site._registry, Session}:
            fill(model, numbers)
        opened.append({model._meta.label: open_list(root, model) for model in admin.site._registry})

    few, many = opened
    more = {name: found for name, found in many.items() if len(found) != len(few[name])}
    whole = {model._meta.label for model, page in admin.site._registry.items() if page.show_full_result_count}
    assert more == {}
    assert {name for name, found in many.items() if name not in whole and any(map(counted.search, found))} == set()


def fill(model, numbers):
    """Rows that have all they need to be shown, each of which refers to other rows than the one before."""
    rows = [{field: value_for(field, number) for field in model._meta.concrete_fields} for number in numbers]
    names = [field for field in model._meta.concrete_fields if rows[0][field] is not None]
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(sql.Identifier(field.column) for field in names),
        sql.SQL(", ").join(sql.Placeholder() for _ in names),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            statement, [[field.get_db_prep_save(row[field], connection) for field in names] for row in rows]
        )


def value_for(field, number):
    """A value of a row; None where the database writes one."""
    if isinstance(field, ForeignKey) or field.primary_key:
        return uuid4() if isinstance(field, UUIDField) else FIRST + number
    if field.generated or field.db_default is not NOT_PROVIDED or (field.null and not field.has_default()):
        return None
    if field.has_default() and not field.unique:
        return field.get_default()
    if field.name == "messages":
        return [{"role": "user", "content": f"x{number}"}]
    if field.choices:
        return field.choices[0][0]
    return next((make(number) for kind, make in VALUES.items() if isinstance(field, kind)), 1)


VALUES: dict[Any, Callable[[int], Any]] = {
    (CharField, TextField): lambda number: f"x{number}",
    DateTimeField: lambda number: timezone.now(),
    DateField: lambda number: timezone.now().date(),
    UUIDField: lambda number: uuid4(),
    JSONField: lambda number: {},
    ArrayField: lambda number: [],
    BinaryField: lambda number: b"",
    BooleanField: lambda number: False,
    FloatField: lambda number: 1.0,
}


def open_list(root, model):
    """The statements of a model's list, which has a row or more."""
    with CaptureQueriesContext(connection) as queries:
        response = root.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    assert response.status_code == 200, model
    assert response.context["cl"].result_list, model
    return [query["sql"] for query in queries]


def test_no_more_than_ten_thousand_rows_are_counted(monkeypatch):
    cast = make_cast(num_items=3)
    monkeypatch.setattr("labeling.admin_tables.MOST_COUNTED", 2)

    assert CountedToALimit(Item.objects.filter(project=cast.project).order_by("-pk"), 50).count == 2


def test_token_can_be_revoked_by_hand_and_its_digest_is_not_shown(root):
    token, text = create_token(user=make_user("bob"), name="notebook", scopes=["read"])
    page = root.get(reverse("admin:labeling_apitoken_change", args=[token.pk])).content.decode()

    root.post(reverse("admin:labeling_apitoken_delete", args=[token.pk]), {"post": "yes"})

    assert "notebook" in page
    assert token.digest not in page
    assert bearer(text) is None


@pytest.mark.parametrize("name", MODELS)
def test_list_and_every_row_can_be_looked_at(root, name):
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    claim(cast.project, cast.dora)
    fill_people(cast)
    model = next(model for model in admin.site._registry if model._meta.label_lower == f"labeling.{name}")

    listed = root.get(reverse(f"admin:labeling_{name}_changelist"), {"q": "1"})
    shown = [root.get(reverse(f"admin:labeling_{name}_change", args=[row.pk])) for row in model._default_manager.all()]

    assert listed.status_code == 200
    assert shown
    assert {response.status_code for response in shown} == {200}


def fill_people(cast):
    """A group, an invitation and a second factor."""
    make_group(project=cast.project, name="experts")
    make_invitation(project=cast.project, author=cast.alice, role="annotator")
    begin(cast.bob)


@pytest.mark.parametrize(
    "name", ["prompt", "completion", "item", "assignment", "label", "auditentry", "group", "invitation"]
)
def test_what_services_write_can_not_be_changed_by_hand(root, name):
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)
    fill_people(cast)
    model = next(model for model in admin.site._registry if model._meta.label_lower == f"labeling.{name}")
    pk = model._default_manager.values_list("pk", flat=True).first()

    statuses = [
        root.get(reverse(f"admin:labeling_{name}_add")).status_code,
        root.post(reverse(f"admin:labeling_{name}_change", args=[pk]), {"notes": "changed"}).status_code,
        root.post(reverse(f"admin:labeling_{name}_delete", args=[pk]), {"post": "yes"}).status_code,
    ]

    assert statuses == [403, 403, 403]
    assert Label.objects.get().notes == ""


def test_a_second_factor_is_deleted_for_who_lost_it_and_its_secret_shown_to_nobody(root):
    factor = begin(make_user("bob"))
    path = reverse("admin:labeling_secondfactor_change", args=[factor.pk])

    page = root.get(path).content.decode()
    root.post(reverse("admin:labeling_secondfactor_delete", args=[factor.pk]), {"post": "yes"})

    assert secret_of(factor) not in page
    assert factor.sealed not in page
    assert not SecondFactor.objects.exists()


def test_membership_can_be_repaired_but_its_counts_not(root):
    cast = make_cast()
    membership = Membership.objects.get(project=cast.project, user=cast.bob)
    body = {"project": cast.project.pk, "user": cast.bob.pk, "role": "reviewer", "num_submitted": 99}

    response = root.post(reverse("admin:labeling_membership_change", args=[membership.pk]), body)

    membership.refresh_from_db()
    assert response.status_code == 302
    assert (membership.role, membership.is_active, membership.num_submitted) == ("reviewer", False, 0)


def test_search_for_a_nul_character_finds_nothing_and_does_not_fail(root):
    assert root.get(reverse("admin:labeling_label_changelist"), {"q": "a\x00b"}).status_code == 200


def test_only_staff_gets_in(client):
    cast = make_cast()
    client.force_login(cast.alice)

    assert client.get(reverse("admin:labeling_project_changelist")).status_code == 302


def permitted(request, what):
    return {
        model._meta.label
        for model, page in admin.site._registry.items()
        if model._meta.app_label in {"labeling", "alignment"} and getattr(page, f"has_{what}_permission")(request)
    }


def test_little_is_made_changed_or_deleted_by_hand_and_no_label_and_nothing_of_a_lineage(rf):
    request = rf.get("/admin/")
    request.user = make_user("root", is_superuser=True)

    found = {what: permitted(request, what) for what in ("add", "change", "delete")}

    assert found == {
        "add": {"labeling.User", "labeling.Membership"},
        "change": {"labeling.User", "labeling.Membership", "labeling.Project"},
        "delete": {"labeling.ApiToken", "labeling.SecondFactor"},
    }


def test_no_action_of_a_list_deletes_what_is_kept(root):
    cast = make_cast()
    judge(cast.project, cast.bob)
    for name, row in (("project", cast.project), ("user", cast.bob), ("label", Label.objects.get())):
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        root.post(reverse(f"admin:labeling_{name}_changelist"), chosen)

    assert Label.objects.filter(project=cast.project, annotator=cast.bob).count() == 1


@pytest.mark.parametrize("query", [{}, {"q": "bob"}])
def test_lists_and_searches_cost_the_same_for_fifty_rows_as_for_two(root, query):
    cast, counts = make_cast(), []
    names = ("user", "membership", "project")
    addresses = [reverse(f"admin:labeling_{name}_changelist") for name in names]
    addresses.append(reverse("admin:labeling_project_change", args=[cast.project.pk]))
    for number in (0, 0, 50):  # the first time what is kept is filled
        for each in range(number):
            set_member(project=cast.project, user=make_user(f"bob{each}"), role="annotator")
            create_project(slug=f"colours-{each}", creator=cast.alice)
        with CaptureQueriesContext(connection) as queries:
            statuses = [root.get(address, query).status_code for address in addresses]
        counts.append(len(queries))

    assert statuses == [200] * 4
    assert counts[1] == counts[2]
