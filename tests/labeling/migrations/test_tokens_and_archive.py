"""Tokens of before go on working, with everything that they could do."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from factories import make_user

from labeling.models import ApiToken
from labeling.services.tokens import bearer

pytestmark = pytest.mark.django_db
KEY = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"


def test_token_of_before_opens_the_api_and_its_table_is_gone():
    migration = import_module("labeling.migrations.0015_tokens_and_archive")
    bob = make_user("bob")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40), user_id bigint, created timestamptz)")
        cursor.execute("INSERT INTO authtoken_token VALUES (%s, %s, '2026-01-01Z')", [KEY, bob.pk])

        cursor.execute(migration.TAKE_OVER)
        cursor.execute(migration.TAKE_OVER)  # a new installation has no such table

        cursor.execute("SELECT to_regclass('authtoken_token')")
        assert cursor.fetchone() == (None,)
    found = bearer(KEY)
    assert found is not None
    assert (found.user, found.scopes) == (bob, ["read", "judge", "data", "manage", "runs"])
    assert ApiToken.objects.get().beginning == "9944b091"
