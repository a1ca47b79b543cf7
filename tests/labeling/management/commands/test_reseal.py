"""manage.py reseal."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from factories import make_user

from labeling.models import SecondFactor
from labeling.services.second_factor import begin, secret_of

pytestmark = pytest.mark.django_db


def test_secrets_are_read_without_the_old_key_afterwards(settings):
    secrets = {name: secret_of(begin(make_user(name))) for name in ("bob", "dora")}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new one" * 5, [settings.SECRET_KEY]
    said = io.StringIO()

    call_command("reseal", stdout=said)
    settings.SECRET_KEY_FALLBACKS = []

    assert said.getvalue() == "2 secrets are encrypted with the SECRET_KEY in force.\n"
    assert {each.user.username: secret_of(each) for each in SecondFactor.objects.all()} == secrets


def test_one_that_nobody_can_read_changes_nothing(settings):
    first = begin(make_user("bob"))
    settings.SECRET_KEY = "the new one" * 5
    begin(make_user("dora"))
    before = list(SecondFactor.objects.order_by("pk").values_list("sealed", flat=True))

    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("reseal", stdout=io.StringIO())

    assert list(SecondFactor.objects.order_by("pk").values_list("sealed", flat=True)) == before
    assert before[0] == first.sealed
