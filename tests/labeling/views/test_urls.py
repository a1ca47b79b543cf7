"""Who gets what from every page: a new address that is not listed here fails the first test."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from factories import claim, make_import

from labeling.services.guidelines import write_guidelines
from labeling.views.urls import urlpatterns

FOR_EVERYBODY = {"home", "healthz", "login", "login-code", "logout", "new-project", "preferences", "join"}
FOR_ONESELF = {
    "password",
    "sessions",
    "sessions-end",
    "second-factor",
    "second-factor-change",
    "second-factor-on",
    "erase-me",
    "tokens",
    "token-revoke",
}
FOR_BOTH = {"project-settings"}
"""Pages that are shown and sent to under one address."""
GET, POST = "get", "post"
# name: method, what it answers to the annotator, the researcher and the admin of the project
PAGES = {
    "project": (GET, 200, 200, 200),
    "queue": (GET, 200, 403, 200),
    "judge": (GET, 200, 403, 200),
    "submit": (POST, 422, 403, 404),
    "skip": (POST, 302, 403, 404),
    "draft": (POST, 400, 403, 404),
    "heartbeat": (POST, 200, 403, 404),
    "ahead": (POST, 200, 403, 404),
    "leave": (POST, 200, 403, 404),
    "turn": (GET, 400, 403, 404),
    "ask-again": (POST, 400, 403, 404),
    "finish": (POST, 400, 403, 404),
    "last": (GET, 200, 403, 200),
    "back": (GET, 302, 403, 302),
    "judged": (GET, 409, 403, 404),
    "revise": (POST, 409, 403, 404),
    "revise-draft": (POST, 400, 403, 404),
    "judged-turn": (GET, 409, 403, 404),
    "revise-turn": (POST, 409, 403, 404),
    "revise-turn-draft": (POST, 400, 403, 404),
    "project-settings": (POST, 403, 403, 422),
    "project-clone": (POST, 403, 403, 422),
    "project-archive": (POST, 403, 403, 302),
    "project-restore": (POST, 403, 403, 302),
    "project-pseudonyms": (POST, 403, 403, 409),
    "flags": (GET, 403, 403, 200),
    "flags-save": (POST, 403, 403, 200),
    "guidelines": (GET, 200, 200, 200),
    "guidelines-panel": (GET, 200, 200, 200),
    "guidelines-read": (POST, 400, 400, 400),
    "guidelines-write": (POST, 403, 403, 422),
    "guidelines-version": (GET, 200, 200, 200),
    "prompts": (GET, 403, 403, 200),
    "prompts-add": (POST, 403, 403, 422),
    "prompts-upload": (POST, 403, 403, 422),
    "prompts-change": (POST, 403, 403, 400),
    "prompt-tags": (POST, 403, 403, 302),
    "imports": (GET, 403, 403, 200),
    "import": (GET, 403, 403, 200),
    "import-cancel": (POST, 403, 403, 409),
    "import-rejected": (GET, 403, 403, 200),
    "prompt": (GET, 403, 403, 200),
    "prompt-topics": (POST, 403, 403, 302),
    "data": (GET, 403, 200, 200),
    "data-take": (POST, 403, 422, 422),
    "snapshot-job": (GET, 403, 404, 404),
    "snapshot-job-cancel": (POST, 403, 404, 404),
    "data-snapshot": (GET, 403, 404, 404),
    "quality": (GET, 200, 200, 200),
    "quality-days": (GET, 200, 200, 200),
    "quality-trust": (POST, 403, 403, 404),
    "agreement": (GET, 200, 200, 200),
    "agreement-file": (GET, 200, 200, 200),
    "quality-me": (GET, 200, 200, 200),
    "quality-weights": (POST, 403, 403, 302),
    "quality-person": (GET, 403, 404, 404),
    "known": (GET, 403, 403, 200),
    "known-settings": (POST, 403, 403, 422),
    "known-add": (POST, 403, 403, 422),
    "known-upload": (POST, 403, 403, 422),
    "known-from": (POST, 403, 403, 404),
    "known-change": (POST, 403, 403, 404),
    "known-admit": (POST, 403, 403, 302),
    "qualification": (GET, 200, 403, 200),
    "qualification-again": (POST, 409, 403, 409),
    "reviews": (GET, 403, 403, 200),
    "reviews-settings": (POST, 403, 403, 422),
    "review-next": (GET, 403, 403, 302),
    "review": (GET, 403, 403, 404),
    "review-submit": (POST, 403, 403, 404),
    "review-leave": (POST, 403, 403, 404),
    "people": (GET, 403, 403, 200),
    "audit": (GET, 403, 403, 200),
    "people-add": (POST, 403, 403, 422),
    "people-change": (POST, 403, 403, 400),
    "people-erase": (GET, 403, 403, 200),
    "people-erase-now": (POST, 403, 403, 422),
    "groups": (GET, 403, 403, 200),
    "groups-make": (POST, 403, 403, 422),
    "groups-change": (POST, 403, 403, 404),
    "invitations": (GET, 403, 403, 200),
    "invitations-make": (POST, 403, 403, 422),
    "invitations-revoke": (POST, 403, 403, 404),
}


@pytest.fixture
def paths(cast):
    """Every page of the project; bob holds the assignment."""
    values = {
        "slug": "colours",
        "assignment_id": claim(cast.project, cast.bob).pk,
        "prompt_id": cast.items[0].prompt_id,
        "user_id": cast.dora.pk,
        "import_id": make_import(cast).pk,
        "job_id": 4711,
        "group_id": 4711,
        "invitation_id": 4711,
        "label_id": 4711,
        "known_id": 4711,
        "review_id": 4711,
        "number": write_guidelines(project=cast.project, author=cast.alice, text="Be kind.").version,
    }
    return {pattern.name: "/" + str(pattern.pattern) for pattern in urlpatterns}, values


def address(paths, name):
    routes, values = paths
    route = (
        routes[name]
        .replace("<slug:slug>", values["slug"])
        .replace("<str:name>", "v1")
        .replace("<slug:name>", "annotator-0123456789")
    )
    for key, value in values.items():
        route = route.replace(f"<int:{key}>", str(value))
    return route


def test_every_page_is_listed():
    assert {pattern.name for pattern in urlpatterns} == FOR_EVERYBODY | FOR_ONESELF | set(PAGES)


# What is refused changes nothing: the pages can be asked one after the other, with one cast for all of them.


def asked(client, paths, names):
    """What each page answers."""
    return {name: getattr(client, PAGES[name][0])(address(paths, name)) for name in names}


def test_an_anonymous_visitor_is_led_from_every_page_to_the_login_and_back(paths):
    answers = asked(Client(), paths, PAGES)

    assert {name: (answer.status_code, answer.get("Location")) for name, answer in answers.items()} == {
        name: (302, f"/login/?next={address(paths, name)}") for name in PAGES
    }


def test_a_member_of_another_project_learns_nothing_from_any_page(paths, cast, signed_in):
    answers = asked(signed_in(cast.charlie), paths, PAGES)

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(PAGES, 404)
    assert [name for name, answer in answers.items() if "Colours" in answer.content.decode()] == []


def test_a_member_who_left_learns_nothing_from_any_page(paths, cast, signed_in):
    cast.project.memberships.filter(user=cast.bob).update(is_active=False)

    answers = asked(signed_in(cast.bob), paths, PAGES)

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(PAGES, 404)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("person", "place"), [("bob", 1), ("rita", 2), ("alice", 3)])
def test_a_role_gets_what_it_may(paths, cast, signed_in, name, person, place):
    answer = getattr(signed_in(getattr(cast, person)), PAGES[name][0])(address(paths, name))

    assert answer.status_code == PAGES[name][place]


def test_the_other_method_is_refused_by_every_page(paths, cast, signed_in):
    client = signed_in(cast.alice)
    pages = {name: POST if PAGES[name][0] == GET else GET for name in PAGES if name not in FOR_BOTH}

    answers = {name: getattr(client, other)(address(paths, name)) for name, other in pages.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(pages, 405)


def test_somebody_elses_assignment_is_not_there(paths, cast, signed_in):
    client = signed_in(cast.dora)
    names = ["submit", "skip", "draft", "heartbeat", "revise", "revise-draft", "ahead", "leave"]

    answers = {name: client.post(address(paths, name), {"client_id": str(uuid4())}) for name in names}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(names, 404)


def test_every_form_without_the_csrf_token_is_refused(paths, cast):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    forms = [name for name, (method, *_) in PAGES.items() if method == POST]

    answers = asked(client, paths, forms)

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(forms, 403)
    assert [name for name in forms if "Sent from an old page" not in answers[name].content.decode()] == []


@pytest.mark.parametrize("name", [name for name, (method, *_) in PAGES.items() if method == GET])
def test_no_page_has_code_or_styles_in_it(paths, cast, signed_in, name):
    page = signed_in(cast.alice).get(address(paths, name))

    html = page.content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert " onclick=" not in html
    assert "<script>" not in html
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
