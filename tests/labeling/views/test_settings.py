"""The page of a project's settings."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import Cast, claim, make_cast, make_item

from labeling.models import Item, Project
from labeling.services.archive import archive_project
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db
PAGE = "/p/colours/settings/"
SENT = {
    "name": "Colours",
    "completions_per_item": "3",
    "overlap": "2",
    "lease_minutes": "30",
    "held_out_percent": "10",
    "kinds": ["ranking"],
    "conversation_turns": "4",
    "conversation_sides": "user",
    "conversation_opening": "prompt",
}


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=3, overlap=2)


def seen_on(page: str) -> str:
    [seen] = re.findall(r'name="seen" value="([0-9a-f]+)"', page)
    return str(seen)


def test_what_a_change_does_is_said_before_it_is_done(client, cast):
    client.force_login(cast.alice)
    seen = seen_on(client.get(PAGE).content.decode())

    asked = client.post(PAGE, {**SENT, "overlap": "3", "seen": seen})
    before = Project.objects.get(slug="colours").overlap
    done = client.post(PAGE, {**SENT, "overlap": "3", "seen": seen, "confirmed": "1", "apply_to_open_items": "on"})

    assert "3 open items keep the overlap 2; new ones get 3." in asked.content.decode()
    assert "Overlap: 2 → 3" in asked.content.decode()
    assert (asked.status_code, before) == (200, 2)
    assert (done.status_code, done["Location"]) == (302, PAGE)
    assert Project.objects.get(slug="colours").overlap == 3
    assert set(Item.objects.values_list("overlap", flat=True)) == {3}


def test_confirmation_holds_all_that_was_sent(client, cast):
    client.force_login(cast.alice)

    asked = client.post(PAGE, {**SENT, "kinds": ["rating", "pair"], "is_paused": "on", "overlap": "4"})

    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode())
    sent = {(name, value) for name, value in hidden if name not in {"csrfmiddlewaretoken", "seen"}}
    assert {("kinds", "rating"), ("kinds", "pair"), ("overlap", "4"), ("is_paused", "on")} <= sent


def test_change_that_touches_nothing_open_is_done_at_once_and_one_can_go_back(client, cast):
    client.force_login(cast.alice)

    renamed = client.post(PAGE, {**SENT, "name": "Hues"})
    back = client.post(PAGE, {**SENT, "overlap": "9", "back": "1"})

    assert renamed.status_code == 302
    assert 'name="overlap" value="9"' in back.content.decode()
    assert (Project.objects.get(slug="colours").name, Project.objects.get(slug="colours").overlap) == ("Hues", 2)


def test_somebody_else_s_change_is_not_undone_unseen(client, cast):
    client.force_login(cast.alice)
    seen = seen_on(client.get(PAGE).content.decode())
    update_project(project=cast.project, lease_minutes=5)

    refused = client.post(PAGE, {**SENT, "name": "Hues", "seen": seen, "confirmed": "1"})
    again = client.post(PAGE, {**SENT, "name": "Hues", "seen": seen_on(refused.content.decode()), "confirmed": "1"})

    assert refused.status_code == 422
    assert "Somebody changed the settings meanwhile" in refused.content.decode()
    assert again.status_code == 302


def test_project_is_copied_archived_and_restored_by_page(client, cast):
    client.force_login(cast.alice)
    claim(cast.project, cast.bob)

    made = client.post("/p/colours/clone/", {"name": "Hues", "slug": "hues", "with_prompts": "on"})
    taken = client.post("/p/colours/clone/", {"name": "Hues", "slug": "hues"})
    client.post("/p/colours/archive/")
    home, put_away = client.get("/").content.decode(), client.get("/?archived=1").content.decode()
    page, judging = client.get(PAGE), client.get("/p/colours/judge/")
    client.post("/p/colours/restore/")

    assert (made.status_code, made["Location"]) == (302, "/p/hues/")
    assert (taken.status_code, "there is a project" in taken.content.decode()) == (422, True)
    assert ("/p/colours/" in home, "/p/colours/" in put_away, "/p/hues/" in home) == (False, True, True)
    assert "Restore the project" in page.content.decode()
    assert (judging.status_code, "is archived" in judging.content.decode()) == (409, True)
    assert not Project.objects.get(slug="colours").is_archived


@pytest.mark.parametrize("path", [PAGE, "/p/colours/clone/", "/p/colours/archive/", "/p/colours/restore/"])
def test_only_admins_reach_it(client, cast, path):
    statuses = [client.post(path, SENT).status_code]
    for user in (cast.charlie, cast.bob, cast.rita):
        client.force_login(user)
        statuses.append(client.post(path, SENT).status_code)

    assert statuses == [302, 404, 403, 403]
    assert not Project.objects.filter(slug="colours", is_archived=True).exists()


def test_confirmation_asks_as_many_queries_for_fifty_items_as_for_one(client, cast):
    client.force_login(cast.alice)
    counts = []
    for number in (1, 49):
        for each in range(number):
            make_item(cast.project, prompt=f"{number} {each}")
        with CaptureQueriesContext(connection) as queries:
            client.post(PAGE, {**SENT, "overlap": "3", "held_out_percent": "20", "is_paused": "on"})
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_archived_project_refuses_settings(client, cast):
    client.force_login(cast.alice)
    archive_project(project=cast.project)

    refused = client.post(PAGE, {**SENT, "name": "Hues", "is_paused": "on"})

    assert refused.status_code == 422
    assert Project.objects.get(slug="colours").name == "Colours"


def test_asking_for_a_second_factor_says_who_has_none(client, cast):
    claim(cast.project, cast.bob)
    client.force_login(cast.alice)

    asked = client.post(PAGE, {**SENT, "second_factor_roles": ["annotator", "reviewer"]}).content.decode()
    refused = client.post(PAGE, {**SENT, "second_factor_roles": ["admin"], "confirmed": "1"})
    client.post(PAGE, {**SENT, "second_factor_roles": ["annotator"], "confirmed": "1"})

    assert "Who needs a second factor: – → annotator; reviewer" in asked
    assert "2 members of these roles have no second factor: they are led to set one up at their next step." in asked
    assert "1 item that they hold can be finished. Their tokens are refused until then." in asked
    assert refused.status_code == 422
    assert Project.objects.get(slug="colours").second_factor_roles == ["annotator"]
    assert client.get("/p/colours/people/").content.decode().count("no second factor</span>") == 2
