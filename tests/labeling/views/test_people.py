from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from factories import judge, make_user

from labeling.models import Membership, User
from labeling.selectors.labels import pseudonym
from labeling.services.projects import set_member

PATH = "/p/colours/people/"


def test_members_are_listed_with_what_they_did(cast, signed_in):
    judge(cast.project, cast.bob)

    page = signed_in(cast.alice).get(PATH)

    rows = {row.user.username: (row.role, row.num_submitted, row.seconds_worked) for row in page.context["members"]}
    assert rows == {
        "alice": ("admin", 0, 0.0),
        "bob": ("annotator", 1, 12.0),
        "dora": ("annotator", 0, 0.0),
        "rita": ("researcher", 0, 0.0),
    }


def test_a_new_account_gets_a_password_that_is_shown_in_this_reply_only(cast, signed_in):
    client = signed_in(cast.alice)

    answer = client.post(f"{PATH}add/", {"username": "erin", "role": "annotator"})

    password = answer.context["invited"].password
    assert authenticate(username="erin", password=password) == User.objects.get(username="erin")
    assert password in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert password not in client.get(PATH).content.decode()
    assert Membership.objects.get(user__username="erin").role == "annotator"


def test_an_account_that_exists_keeps_its_password(cast, signed_in):
    make_user("frank", password="the one he chose")

    answer = signed_in(cast.alice).post(f"{PATH}add/", {"username": "frank", "role": "reviewer"})

    assert "<strong>frank</strong> is in the project now" in answer.content.decode()
    assert authenticate(username="frank", password="the one he chose")


@pytest.mark.parametrize(
    ("username", "role"), [("", "annotator"), ("with space", "annotator"), ("bob", "annotator"), ("erin", "king")]
)
def test_a_bad_name_or_role_adds_nobody(cast, signed_in, username, role):
    answer = signed_in(cast.alice).post(f"{PATH}add/", {"username": username, "role": role})

    assert answer.status_code == 422
    assert cast.project.memberships.count() == 4
    assert User.objects.count() == 5


def test_a_role_is_changed_and_a_member_leaves_with_labels_kept(cast, signed_in):
    judge(cast.project, cast.bob)

    answer = signed_in(cast.alice).post(f"{PATH}{cast.bob.pk}/", {"role": "researcher"})

    membership = cast.project.memberships.get(user=cast.bob)
    assert answer.status_code == 302
    assert (membership.role, membership.is_active, membership.num_submitted) == ("researcher", False, 1)


def test_the_last_admin_stays(cast, signed_in):
    answer = signed_in(cast.alice).post(f"{PATH}{cast.alice.pk}/", {"role": "annotator", "is_active": "on"})

    assert answer.status_code == 409
    assert cast.project.memberships.get(user=cast.alice).role == "admin"


def test_a_person_of_another_project_is_not_a_member(cast, signed_in):
    assert signed_in(cast.alice).post(f"{PATH}{cast.charlie.pk}/", {"role": "admin"}).status_code == 404


@pytest.mark.parametrize("count", [1, 50])
def test_the_list_costs_the_same_queries_for_any_number_of_rows(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        set_member(project=cast.project, user=make_user(f"person{number}"), role="annotator")
    client = signed_in(cast.alice)

    with django_assert_num_queries(4):
        client.get(PATH)


def test_deleting_the_data_of_a_member_takes_their_name(cast, signed_in):
    judge(cast.project, cast.bob)
    client = signed_in(cast.alice)
    path = f"{PATH}{cast.bob.pk}/erase/"

    asked = client.get(path)
    wrong = client.post(f"{path}now/", {"username": "Bob"})

    assert pseudonym(cast.project.pk, cast.bob.pk) in asked.content.decode()
    assert (wrong.status_code, User.objects.filter(username="bob").exists()) == (422, True)
    answer = client.post(f"{path}now/", {"username": "bob"}, follow=True)
    assert "The personal data are deleted. The labels stay." in answer.content.decode()
    assert "bob" not in [row.user.username for row in answer.context["members"]]
    assert cast.project.memberships.get(user=cast.bob).num_submitted == 1


def test_who_works_for_others_too_is_not_deleted_by_one_of_them(cast, signed_in):
    set_member(project=cast.other_project, user=cast.bob, role="annotator")
    client = signed_in(cast.alice)
    path = f"{PATH}{cast.bob.pk}/erase/"

    assert "also works in projects that are not yours" in client.get(path).content.decode()
    assert client.post(f"{path}now/", {"username": "bob"}).status_code == 403
    assert User.objects.filter(username="bob").exists()


def test_who_reached_the_limit_of_the_day_reads_so(cast, signed_in):
    set_member(project=cast.project, user=cast.bob, role="annotator", daily_limit=1)
    judge(cast.project, cast.bob)

    page = signed_in(cast.bob).get("/p/colours/judge/").content.decode()

    assert "That was enough for today" in page
