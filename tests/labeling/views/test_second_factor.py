from __future__ import annotations

import re
import time
from uuid import uuid4

import pyotp
import pytest
from django.test import Client
from factories import PASSWORD, api_client, claim

from labeling.models import Assignment, Label, Project, SecondFactor, Session
from labeling.services.second_factor import begin, confirm, has_second_factor, secret_of

PATH = "/settings/second-factor/"
LOGIN = {"username": "bob", "password": PASSWORD}


def shown(user, *, later: int = 0) -> str:
    """What the phone shows."""
    return pyotp.TOTP(secret_of(SecondFactor.objects.get(user=user))).at(int(time.time()) + 30 * later)


@pytest.fixture
def codes(cast) -> list[str]:
    """bob's second factor is on; these are his recovery codes."""
    begin(cast.bob)
    return confirm(user=cast.bob, code=shown(cast.bob, later=-1))


def test_it_is_turned_on_with_a_picture_a_first_code_and_codes_for_recovery(cast, signed_in):
    client = signed_in(cast.bob)

    setup = client.post(f"{PATH}change/", {"password": PASSWORD}).content.decode()
    wrong = client.post(f"{PATH}on/", {"code": "12"})
    right = client.post(f"{PATH}on/", {"code": shown(cast.bob)})

    secret = secret_of(SecondFactor.objects.get(user=cast.bob))
    assert "<svg" in setup
    pictures = re.findall(r"<svg.*?</svg>", setup, re.DOTALL)
    assert pictures
    assert not any("style=" in picture for picture in pictures)  # the CSP lets no inline style through
    assert [found.replace(" ", "") for found in re.findall(r'id="secret">([A-Z2-7 ]+)<', setup)] == [secret]
    assert (wrong.status_code, right.status_code) == (422, 200)
    assert len(right.context["codes"]) == 10
    assert "no-store" in right["Cache-Control"]
    again = client.get(PATH)
    assert right.context["codes"][0] not in again.content.decode()
    assert again.context["num_codes"] == 10


@pytest.mark.parametrize("what", [{}, {"off": "1"}, {"codes": "1"}])
def test_every_change_takes_the_password(cast, codes, signed_in, what):
    answer = signed_in(cast.bob).post(f"{PATH}change/", {"password": "wrong", **what})

    assert answer.status_code == 422
    assert has_second_factor(cast.bob)


def test_it_is_turned_off(cast, codes, signed_in):
    answer = signed_in(cast.bob).post(f"{PATH}change/", {"password": PASSWORD, "off": "1"}, follow=True)

    assert "The second factor is off." in answer.content.decode()
    assert Client().post("/login/", LOGIN)["Location"] == "/"


def test_other_recovery_codes_are_shown_once(cast, codes, signed_in):
    answer = signed_in(cast.bob).post(f"{PATH}change/", {"password": PASSWORD, "codes": "1"})

    assert len(answer.context["codes"]) == 10
    assert not set(answer.context["codes"]) & set(codes)


def test_signing_in_takes_password_and_code_and_leads_to_the_page_asked_for(cast, codes):
    client = Client(headers={"User-Agent": "Bob's browser"})

    first = client.post("/login/", {**LOGIN, "next": "/p/colours/"})
    assert (first["Location"], client.get("/").status_code) == ("/login/code/", 302)
    wrong = client.post("/login/code/", {"code": "12"})
    assert (wrong.status_code, client.get("/").status_code) == (422, 302)
    right = client.post("/login/code/", {"code": shown(cast.bob)})

    assert (right["Location"], client.get("/").status_code) == ("/p/colours/", 200)
    assert Session.objects.get(user=cast.bob).device == "Bob's browser"
    assert client.get("/login/code/")["Location"] == "/login/"


def test_a_recovery_code_signs_in_once(cast, codes):
    statuses = []
    for _ in range(2):
        client = Client()
        client.post("/login/", LOGIN)
        statuses.append(client.post("/login/code/", {"code": codes[0]}).status_code)

    assert statuses == [302, 422]


def test_without_the_password_there_is_no_second_step(cast, codes):
    assert Client().get("/login/code/")["Location"] == "/login/"
    assert Client().post("/login/code/", {"code": shown(cast.bob)})["Location"] == "/login/"


def test_the_first_step_is_good_for_five_minutes_and_as_long_as_the_password_is(cast, codes):
    late, changed = Client(), Client()
    for client in (late, changed):
        client.post("/login/", LOGIN)
    session = late.session
    session["second_step"] = {**session["second_step"], "until": time.time() - 1}
    session.save()
    cast.bob.set_password("another one, quite long")
    cast.bob.save()

    for client in (late, changed):
        assert client.post("/login/code/", {"code": codes[0]})["Location"] == "/login/"
        assert client.get("/").status_code == 302


def test_who_guesses_codes_is_told_how_long_to_wait(cast, codes):
    client = Client()
    client.post("/login/", LOGIN)
    for _ in range(5):
        client.post("/login/code/", {"code": "12"})

    answer = client.post("/login/code/", {"code": shown(cast.bob)})

    assert (answer.status_code, answer["Retry-After"] in ("1", "2")) == (429, True)


def test_the_api_asks_for_the_code_too(cast, codes):
    def ask(**more):
        return api_client().post("/api/v1/token/", {**LOGIN, **more}, format="json")

    without, wrong, right = ask(), ask(code="12"), ask(code=shown(cast.bob))

    assert (without.status_code, without.json()["code"]) == (400, "second_factor_needed")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "second_factor_wrong")
    assert (right.status_code, "token" in right.json()) == (200, True)


def test_visitors_are_led_to_the_login():
    assert Client().get(PATH)["Location"].startswith("/login/")
    assert Client().post(f"{PATH}change/")["Location"].startswith("/login/")


def test_who_has_none_is_led_to_set_it_up_and_back_where_a_project_asks_for_it(cast, signed_in):
    Project.objects.filter(pk=cast.project.pk).update(second_factor_roles=["annotator"])
    bob = signed_in(cast.bob)

    led = bob.get("/p/colours/judge/")
    page = bob.get(PATH).content.decode()
    fragment = bob.get(
        "/p/colours/judge/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/p/colours/judge/"}
    )
    refused = bob.get("/p/colours/judge/", headers={"Accept": "application/json"})
    bob.post(f"{PATH}change/", {"password": PASSWORD})
    done = bob.post(f"{PATH}on/", {"code": shown(cast.bob)}).content.decode()

    assert (led.status_code, led["Location"]) == (302, PATH)
    assert "Colours asks for a second factor" in page
    assert fragment["HX-Redirect"] == PATH
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert 'href="/p/colours/judge/">I have kept them: go on</a>' in done
    assert bob.get("/p/colours/judge/").status_code == 200
    assert signed_in(cast.rita).get("/p/colours/").status_code == 200  # a role that is not asked


def test_tokens_of_who_has_none_are_refused_too_and_what_they_hold_is_finished(cast):
    held = claim(cast.project, cast.bob)
    Project.objects.filter(pk=cast.project.pk).update(second_factor_roles=["annotator"])
    client = api_client(cast.bob)
    first, second, third = held.order
    verdict = {
        "client_id": str(uuid4()),
        "ratings": {first: 5, second: 4, third: 3},
        "ranks": {first: 1, second: 2, third: 3},
    }

    draft = client.put(f"/api/v1/assignments/{held.pk}/draft/", {"notes": "x"}, format="json")
    submitted = client.post(f"/api/v1/assignments/{held.pk}/submit/", verdict, format="json")
    following = client.post("/api/v1/projects/colours/next/")
    begin(cast.bob)
    confirm(user=cast.bob, code=shown(cast.bob))

    assert (draft.status_code, submitted.status_code) == (200, 201)
    assert (following.status_code, following.json()["code"]) == (403, "second_factor_required")
    assert client.post("/api/v1/projects/colours/next/").status_code == 200


def test_page_takes_the_judgement_of_who_is_led_away_and_serves_nothing_more(cast, signed_in):
    held = claim(cast.project, cast.bob)
    Project.objects.filter(pk=cast.project.pk).update(second_factor_roles=["annotator"])
    sent = {"client_id": str(uuid4())}
    for place, completion in enumerate(held.order):
        sent |= {f"rating-{completion}": str(5 - place), f"place-{completion}": str(place + 1)}

    answer = signed_in(cast.bob).post(
        f"/p/colours/judge/{held.pk}/submit/",
        sent,
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/p/colours/judge/"},
    )

    assert answer["HX-Redirect"] == PATH
    assert Label.objects.filter(annotator=cast.bob).count() == 1
    assert Assignment.objects.filter(annotator=cast.bob, state="active").count() == 0
