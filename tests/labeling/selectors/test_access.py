"""Who may see and do what."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from factories import make_cast, make_user

from labeling.errors import NotAllowed, NotFound, SecondFactorNeeded
from labeling.models import Project, Role, SecondFactor
from labeling.selectors.access import MANAGERS, RESEARCHERS, members, membership_in, projects_of
from labeling.services.projects import set_member

pytestmark = pytest.mark.django_db


def test_member_has_the_stored_place():
    cast = make_cast()

    membership = membership_in("colours", user=cast.bob)

    assert (membership.project, membership.role, membership.pk is not None) == (cast.project, "annotator", True)


def test_unknown_project_and_project_of_others_cannot_be_told_apart():
    cast = make_cast()

    messages = []
    for slug in ("other-colours", "no-colours-at-all"):
        with pytest.raises(NotFound) as refused:
            membership_in(slug, user=cast.bob)
        messages.append(refused.value.message.replace(slug, "SLUG"))

    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [(MANAGERS, {"alice"}), (RESEARCHERS, {"alice", "rita"}), (tuple(Role), {"alice", "rita", "bob"})],
)
def test_roles_let_in_whom_they_name(roles, allowed):
    cast = make_cast()
    let_in = set()

    for user in (cast.alice, cast.rita, cast.bob):
        try:
            membership_in("colours", user=user, roles=roles)
        except NotAllowed:
            continue
        let_in.add(user.username)

    assert let_in == allowed


def test_superuser_is_admin_without_a_stored_place():
    make_cast()

    membership = membership_in("colours", user=make_user("root", is_superuser=True), roles=MANAGERS)

    assert membership.role == "admin"
    assert membership.pk is None


def test_superuser_with_another_role_keeps_it():
    cast = make_cast()
    root = make_user("root", is_superuser=True)
    set_member(project=cast.project, user=root, role=Role.ANNOTATOR)

    with pytest.raises(NotAllowed):
        membership_in("colours", user=root, roles=MANAGERS)


def test_anonymous_and_those_who_left_are_strangers():
    cast = make_cast()
    set_member(project=cast.project, user=cast.bob, role=Role.ANNOTATOR, is_active=False)

    for user in (AnonymousUser(), cast.bob):
        with pytest.raises(NotFound):
            membership_in("colours", user=user)

    assert list(projects_of(cast.bob)) == []


def test_members_are_listed_by_name_those_who_left_last():
    cast = make_cast()
    set_member(project=cast.project, user=cast.bob, role=Role.ANNOTATOR, is_active=False)

    assert [member.user.username for member in members(cast.project)] == ["alice", "dora", "rita", "bob"]


def test_projects_are_those_with_a_place_each_once():
    cast = make_cast()
    set_member(project=cast.other_project, user=cast.bob, role=Role.REVIEWER)

    assert sorted(project.slug for project in projects_of(cast.bob)) == ["colours", "other-colours"]
    assert [project.slug for project in projects_of(cast.dora)] == ["colours"]


def test_a_project_that_asks_a_role_for_a_second_factor_lets_in_who_has_one():
    cast = make_cast()
    Project.objects.filter(pk=cast.project.pk).update(second_factor_roles=["annotator", "admin"])
    SecondFactor.objects.create(user=cast.dora, sealed="x", confirmed=timezone.now())
    SecondFactor.objects.create(user=cast.bob, sealed="x")  # begun, and never confirmed

    for user in (cast.bob, cast.alice, make_user("root", is_superuser=True)):
        with pytest.raises(SecondFactorNeeded, match="Colours asks for a second factor"):
            membership_in("colours", user=user)

    assert membership_in("colours", user=cast.dora).role == "annotator"
    assert membership_in("colours", user=cast.rita).role == "researcher"
    assert membership_in("other-colours", user=cast.charlie).role == "admin"
    assert [(row.user.username, vars(row)["has_second_factor"]) for row in members(cast.project)] == [
        ("alice", False),
        ("bob", False),
        ("dora", True),
        ("rita", False),
    ]


def test_projects_that_ask_for_none_cost_no_query_more(django_assert_num_queries):
    cast = make_cast()

    with django_assert_num_queries(1):
        membership_in("colours", user=cast.bob)
