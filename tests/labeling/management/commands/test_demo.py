"""manage.py demo."""

from __future__ import annotations

import io
import re

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def run() -> str:
    out = io.StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_generated_password_is_said_once_and_works():
    first, second = run(), run()

    found = re.search(r"the password of each is: (\S+)$", first, re.MULTILINE)
    assert found is not None
    assert authenticate(username="annotator1", password=found.group(1))
    assert second == "The demo project is there already.\n"


def test_password_from_the_environment_is_taken_and_not_said(settings):
    settings.DEMO_PASSWORD = "open sesame"

    said = run()

    assert "open sesame" not in said
    assert "DEMO_PASSWORD" in said
    assert authenticate(username="researcher", password="open sesame")
