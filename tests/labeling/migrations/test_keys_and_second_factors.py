"""Secrets of before are encrypted; pseudonyms that exports hold stay as they are."""

from __future__ import annotations

import hashlib
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from factories import judge, make_cast, make_user

from labeling.models import Project, SecondFactor
from labeling.selectors import labels
from labeling.selectors.labels import pseudonym
from labeling.services.second_factor import secret_of

pytestmark = pytest.mark.django_db
MIGRATION = import_module("labeling.migrations.0019_keys_and_second_factors")


@pytest.fixture(autouse=True)
def nothing_remembered():
    labels._secrets.clear()
    yield
    labels._without.clear()


def test_a_secret_of_before_is_encrypted_and_signs_in_as_it_did():
    factor = SecondFactor.objects.create(user=make_user("bob"), sealed="JBSWY3DPEHPK3PXP")

    MIGRATION.seal(apps, None)

    factor.refresh_from_db()
    assert "JBSWY3DPEHPK3PXP" not in factor.sealed
    assert secret_of(factor) == "JBSWY3DPEHPK3PXP"
    MIGRATION.unseal(apps, None)
    factor.refresh_from_db()
    assert factor.sealed == "JBSWY3DPEHPK3PXP"


def test_projects_with_labels_keep_the_names_of_their_exports_and_all_others_get_a_key():
    cast = make_cast()
    judge(cast.project, cast.bob)
    Project.objects.update(pseudonym_key="")

    with connection.cursor() as cursor:
        cursor.execute(MIGRATION.NEW_KEYS)

    keys = dict(Project.objects.values_list("slug", "pseudonym_key"))
    plain = hashlib.sha256(f"prefloop {cast.project.pk} {cast.bob.pk}".encode()).hexdigest()[:10]
    other = hashlib.sha256(f"prefloop {cast.other_project.pk} {cast.charlie.pk}".encode()).hexdigest()[:10]
    assert keys["colours"] == ""
    assert len(keys["other-colours"]) == 64
    assert pseudonym(cast.project.pk, cast.bob.pk) == f"annotator-{plain}"
    assert pseudonym(cast.other_project.pk, cast.charlie.pk) != f"annotator-{other}"
