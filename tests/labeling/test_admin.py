"""Django's admin."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from factories import claim, judge, make_cast, make_user

from labeling.admin_tables import CountedToALimit
from labeling.models import Item, Label, Membership, SecondFactor, User
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


def test_every_list_opens_and_counts_and_joins_no_large_table(root):
    cast = make_cast(num_items=3)
    judge(cast.project, cast.bob)
    create_token(user=cast.bob, name="notebook", scopes=["read"])
    counted = re.compile(r'SELECT COUNT\(\*\) AS "__count" FROM "(?:labeling|alignment)_\w+"(?! WHERE)')
    wrong = {}
    for model, page in admin.site._registry.items():
        if model._meta.app_label not in {"labeling", "alignment"} or model is User:
            continue
        with CaptureQueriesContext(connection) as queries:
            response = root.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        found = [query["sql"] for query in queries if counted.search(query["sql"])]
        if response.status_code != 200 or (found and not page.show_full_result_count):
            wrong[model._meta.label] = (response.status_code, found)

    assert wrong == {}


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


@pytest.mark.parametrize("name", ["prompt", "item", "assignment", "label"])
def test_list_asks_as_many_queries_for_three_rows_as_for_one(root, name):
    counts = []
    cast = make_cast(num_items=1, overlap=3)
    for user in (cast.bob, cast.dora, cast.alice):
        judge(cast.project, user)
        with CaptureQueriesContext(connection) as queries:
            root.get(reverse(f"admin:labeling_{name}_changelist"))
        counts.append(len(queries))

    assert counts[0] == counts[2]
    assert Item.objects.get().num_judgements == 3


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
