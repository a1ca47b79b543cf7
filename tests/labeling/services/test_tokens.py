"""Tokens of the API."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from factories import make_user

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import ApiToken
from labeling.services.tokens import bearer, create_token, login_token, revoke_all, revoke_token

pytestmark = pytest.mark.django_db


def test_token_is_told_once_and_stored_as_its_digest():
    bob = make_user("bob")

    token, text = create_token(user=bob, name=" laptop ", scopes=["judge", "read"])

    stored = ApiToken.objects.values().get()
    assert stored["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert text not in [str(value) for value in stored.values()]
    assert (token.name, token.scopes, token.beginning) == ("laptop", ["read", "judge"], text[:8])


def test_token_leads_to_its_owner_in_one_statement():
    bob = make_user("bob")
    _, text = create_token(user=bob, name="laptop", scopes=["read"])

    with CaptureQueriesContext(connection) as queries:
        found = bearer(text)

    assert found is not None
    assert (found.user, found.name, len(queries)) == (bob, "laptop", 1)
    assert bearer(text + "x") is None
    assert bearer("\udcff") is None


def test_use_is_written_down_every_ten_minutes_at_most():
    _, text = create_token(user=make_user("bob"), name="laptop", scopes=["read"])

    bearer(text)
    first = ApiToken.objects.get().last_used
    bearer(text)
    second = ApiToken.objects.get().last_used
    ApiToken.objects.update(last_used=timezone.now() - dt.timedelta(minutes=11))
    bearer(text)
    third = ApiToken.objects.get().last_used

    assert first is not None
    assert third is not None
    assert first == second
    assert third >= first


def test_token_that_ended_and_token_of_somebody_deactivated_lead_nowhere():
    bob, dora = make_user("bob"), make_user("dora")
    _, ended = create_token(user=bob, name="old", scopes=["read"], expires=timezone.now() + dt.timedelta(hours=1))
    _, hers = create_token(user=dora, name="hers", scopes=["read"])
    ApiToken.objects.filter(name="old").update(expires=timezone.now())
    dora.is_active = False
    dora.save()

    assert (bearer(ended), bearer(hers)) == (None, None)
    assert set(ApiToken.objects.values_list("last_used", flat=True)) <= {
        None,
        ApiToken.objects.get(name="hers").last_used,
    }


@pytest.mark.parametrize(
    ("name", "scopes", "expires", "said"),
    [
        ("", ["read"], None, "needs a name"),
        ("  ", ["read"], None, "needs a name"),
        ("x" * 101, ["read"], None, "101"),
        ("nul\x00", ["read"], None, "NUL"),
        ("laptop", [], None, "nothing is no choice"),
        ("laptop", ["read", "admin"], None, "'admin' is no choice of scopes: take some of read, judge, data, manage"),
        ("laptop", ["read"], dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "2020-01-01T00:00:00+00:00 has passed"),
    ],
)
def test_token_that_makes_no_sense_is_refused_by_name(name, scopes, expires, said):
    bob = make_user("bob")

    with pytest.raises(Invalid) as refused:
        create_token(user=bob, name=name, scopes=scopes, expires=expires)

    assert said in refused.value.message
    assert not ApiToken.objects.exists()


def test_person_has_fifty_tokens_at_most():
    bob = make_user("bob")
    for number in range(50):
        create_token(user=bob, name=f"number {number}", scopes=["read"])

    with pytest.raises(Conflict, match="revoke one first"):
        create_token(user=bob, name="one more", scopes=["read"])


def test_token_for_name_and_password_is_the_same_until_it_is_revoked():
    bob, dora = make_user("bob"), make_user("dora")

    first, again, hers = login_token(bob), login_token(bob), login_token(dora)
    revoke_token(user=bob, token_id=ApiToken.objects.get(user=bob).pk)
    later = login_token(bob)

    assert first == again
    assert len({first, hers, later}) == 3
    assert bearer(first) is None
    assert [token and token.user for token in map(bearer, (later, hers))] == [bob, dora]


def test_token_for_name_and_password_follows_from_the_server_s_secret(settings):
    bob = make_user("bob")
    first = login_token(bob)
    settings.SECRET_KEY = "another secret"

    second = login_token(bob)

    assert first != second
    assert bearer(first) is None
    found = bearer(second)
    assert found is not None
    assert found.user == bob


def test_token_of_somebody_else_is_not_there_to_be_revoked():
    bob, dora = make_user("bob"), make_user("dora")
    token, text = create_token(user=bob, name="laptop", scopes=["read"])

    with pytest.raises(NotFound):
        revoke_token(user=dora, token_id=token.pk)

    assert bearer(text) is not None


def test_all_tokens_of_a_person_end_at_once():
    bob, dora = make_user("bob"), make_user("dora")
    texts = [create_token(user=user, name="x", scopes=["read"])[1] for user in (bob, bob, dora)]

    assert revoke_all(bob) == 2
    assert [bearer(text) is None for text in texts] == [True, True, False]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"digest": "x"}])
def test_database_holds_tokens_to_the_rules(wrong):
    bob = make_user("bob")
    good = {"name": "x", "scopes": ["read"], "digest": "0" * 64}

    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(user=bob, beginning="pf_", **{**good, **wrong})
