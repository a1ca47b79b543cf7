from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from factories import make_cast

from labeling.errors import Conflict, Invalid
from labeling.models import Membership, User
from labeling.services.people import invite


@pytest.fixture
def cast(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_cast(num_items=0)


def test_a_new_name_gets_an_account_with_a_password_of_its_own(cast):
    invited = [invite(project=cast.project, username=name, role="annotator") for name in ("erin", "frank")]

    assert invited[0].password != invited[1].password
    assert len(invited[0].password) == 16
    assert authenticate(username="erin", password=invited[0].password) == invited[0].membership.user


def test_an_account_that_exists_is_added_without_a_new_password(cast):
    before = User.objects.get(username="charlie").password

    invited = invite(project=cast.project, username="charlie", role="researcher")

    assert invited.password == ""
    assert User.objects.get(username="charlie").password == before
    assert Membership.objects.get(project=cast.project, user=cast.charlie).role == "researcher"


@pytest.mark.parametrize("username", ["", "with space", "x" * 151, "new\nline"])
def test_a_name_that_cant_be_one_makes_no_account(cast, username):
    with pytest.raises(Invalid, match="can't be a user name"):
        invite(project=cast.project, username=username, role="annotator")

    assert User.objects.count() == 5


def test_an_unknown_role_makes_no_account(cast):
    with pytest.raises(Invalid, match="no role 'king'"):
        invite(project=cast.project, username="erin", role="king")

    assert not User.objects.filter(username="erin").exists()


def test_somebody_who_is_in_already_is_not_added_again(cast):
    with pytest.raises(Conflict, match="bob is in this project already"):
        invite(project=cast.project, username="bob", role="admin")
