from __future__ import annotations

import re

import pytest
from django.test import Client
from factories import PASSWORD, make_user

from labeling.models import Invitation, Session
from labeling.services.groups import make_group
from labeling.services.invitations import make_invitation, revoke_invitation

PATH = "/p/colours/invitations/"
NEW = {"username": "erin", "password": "a long and quiet river", "again": "a long and quiet river"}


@pytest.fixture
def link(cast) -> str:
    """Where bob's colleague goes."""
    return f"/join/{make_invitation(project=cast.project, author=cast.alice, role='annotator').token}/"


def test_the_link_is_shown_in_this_reply_only_and_leads_in(cast, signed_in):
    group = make_group(project=cast.project, name="experts")
    client = signed_in(cast.alice)

    answer = client.post(f"{PATH}make/", {"role": "reviewer", "group": group.pk, "max_uses": 2, "days": 3})

    found = re.search(r"http://testserver(/join/[^/]+/)", answer.content.decode())
    assert found
    assert "no-store" in answer["Cache-Control"]
    assert found[1] not in client.get(PATH).content.decode()
    assert Client().post(found[1], NEW)["Location"] == "/p/colours/"
    place = cast.project.memberships.get(user__username="erin")
    assert (place.role, place.group) == ("reviewer", group)


def test_a_new_account_is_signed_in_at_once_on_its_device(cast, link):
    client = Client(headers={"User-Agent": "Erin's browser"})

    answer = client.post(link, NEW, follow=True)

    assert "Welcome! You are in Colours now." in answer.content.decode()
    assert Session.objects.get(user__username="erin").device == "Erin's browser"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"again": "another"}, "not the same"),
        ({"username": "bob"}, "is taken"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"username": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_joins(cast, link, change, words):
    answer = Client().post(link, {**NEW, **change})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert cast.project.memberships.count() == 4


def test_who_is_signed_in_joins_with_one_press(cast, link, signed_in):
    client = signed_in(cast.charlie)

    assert "Join as charlie" in client.get(link).content.decode()
    assert client.post(link)["Location"] == "/p/colours/"
    assert cast.project.memberships.get(user=cast.charlie).role == "annotator"


def test_who_has_an_account_comes_back_after_signing_in(cast, link):
    make_user("frank")
    client = Client()
    [login] = re.findall(r'href="(/login/[^"]+)"', client.get(link).content.decode())

    answer = client.post(login, {"username": "frank", "password": PASSWORD, "next": link})

    assert answer["Location"] == link


def test_a_member_is_led_to_the_project(cast, link, signed_in):
    assert signed_in(cast.bob).get(link)["Location"] == "/p/colours/"


def test_a_link_that_is_not_good_says_why(cast, link, signed_in):
    revoke_invitation(invitation=Invitation.objects.get())

    over = Client().get(link)
    invented = Client().get("/join/invented/")

    assert (over.status_code, invented.status_code) == (409, 404)
    assert "This invitation was revoked" in over.content.decode()
    assert "There is no such invitation" in invented.content.decode()


def test_an_admin_revokes_a_link(cast, link, signed_in):
    number = Invitation.objects.get().pk

    answer = signed_in(cast.alice).post(f"{PATH}{number}/revoke/", follow=True)

    assert "The link does not work any more" in answer.content.decode()
    assert Client().get(link).status_code == 409


def test_a_link_of_another_project_is_not_there(cast, signed_in):
    foreign = make_invitation(project=cast.other_project, author=cast.charlie, role="admin").invitation
    group = make_group(project=cast.other_project, name="theirs")

    assert signed_in(cast.alice).post(f"{PATH}{foreign.pk}/revoke/").status_code == 404
    form = {"role": "annotator", "group": group.pk, "max_uses": 1, "days": 1}
    assert signed_in(cast.alice).post(f"{PATH}make/", form).status_code == 422


@pytest.mark.parametrize("change", [{"role": "king"}, {"max_uses": 0}, {"max_uses": 1001}, {"days": 0}, {"days": "x"}])
def test_a_bad_form_makes_no_link(cast, signed_in, change):
    answer = signed_in(cast.alice).post(f"{PATH}make/", {"role": "annotator", "max_uses": 1, "days": 7, **change})

    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_fifty_links_take_as_many_queries_as_one(cast, link, signed_in, django_assert_num_queries):
    client = signed_in(cast.alice)
    with django_assert_num_queries(4):
        client.get(PATH)
    for _ in range(50):
        make_invitation(project=cast.project, author=cast.alice, role="annotator")

    with django_assert_num_queries(4):
        client.get(PATH)
