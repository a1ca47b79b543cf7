"""What a project had as its guidelines before there were versions is its first version, and back."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from factories import judge, make_cast

from labeling.models import Guidelines, Label, Project

MIGRATION = import_module("labeling.migrations.0004_guidelines_version_1")


@pytest.fixture
def before(db: None) -> Apps:
    """The models as they were, over the column that there was; both end with the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE labeling_project ADD COLUMN guidelines text NOT NULL DEFAULT ''")
    return MigrationLoader(connection).project_state(("labeling", "0003_guidelines")).apps


def test_the_text_of_a_project_becomes_version_1_and_comes_back(before):
    cast = make_cast(num_items=1)
    label = judge(cast.project, cast.bob)
    texts = before.get_model("labeling", "Project").objects
    texts.filter(slug="colours").update(guidelines="Be kind.")

    MIGRATION.text_to_version_1(before, None)
    versions = list(Guidelines.objects.values_list("project__slug", "version", "text", "author"))
    in_force = dict(Project.objects.values_list("slug", "guidelines_version"))
    judged_by = Label.objects.get(pk=label.pk).guidelines_version
    texts.update(guidelines="")
    MIGRATION.current_version_to_text(before, None)

    assert versions == [("colours", 1, "Be kind.", None)]
    assert in_force == {"colours": 1, "other-colours": None}
    assert judged_by == 1
    assert dict(texts.values_list("slug", "guidelines")) == {"colours": "Be kind.", "other-colours": ""}
    assert not Guidelines.objects.exists()
