from __future__ import annotations

import re

import pytest
from django.test import Client
from factories import judge

from labeling.services.projects import create_project


def test_home_lists_my_projects_with_their_progress_and_my_share_only(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    page = signed_in(cast.bob).get("/")

    html = page.content.decode()
    [place] = page.context["places"]
    assert (place.project, place.role) == (cast.project, "annotator")
    assert (place.progress.done, place.progress.total, place.progress.mine) == (2, 2, 1)
    assert place.progress.seconds == 12.0
    assert "2 of 2 judgements" in html
    assert "other-colours" not in html.lower()


def test_somebody_without_a_project_is_told_what_to_do(cast, signed_in):
    cast.project.memberships.filter(user=cast.bob).delete()

    assert "No projects yet" in signed_in(cast.bob).get("/").content.decode()


@pytest.mark.parametrize(("person", "offered"), [("alice", True), ("bob", False), ("rita", False)])
def test_admins_are_offered_to_begin_another_project(cast, signed_in, person, offered):
    page = signed_in(getattr(cast, person)).get("/").content.decode()

    assert ('href="/projects/new/"' in page) is offered


@pytest.mark.parametrize("count", [1, 20])
def test_home_costs_the_same_queries_for_any_number_of_projects(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        create_project(slug=f"more-{number}", creator=cast.bob)
    client = signed_in(cast.bob)

    with django_assert_num_queries(5):
        client.get("/")


def test_what_browsers_ask_for_by_themselves_leads_to_the_icon():
    answer = Client().get("/favicon.ico")

    assert (answer.status_code, answer["Cache-Control"]) == (302, "max-age=86400")
    assert re.fullmatch(r"/static/img/icon\b.*\.svg", answer["Location"])


def test_health_needs_no_login(db):
    answer = Client().get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok")
