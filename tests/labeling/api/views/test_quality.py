"""Agreement and habits by API."""

from __future__ import annotations

import json

import pytest
from django.core.cache import cache
from factories import api_client, judge, make_cast

from labeling.selectors.labels import pseudonym

pytestmark = pytest.mark.django_db

PATH = "/api/v1/projects/colours/agreement/"


@pytest.fixture
def cast():
    cache.clear()
    return make_cast(num_items=1, overlap=2)


def test_two_judgements_of_one_item(cast):
    judge(cast.project, cast.bob, ratings=[7, 4, 1])
    judge(cast.project, cast.dora, ratings=[7, 4, 1])

    body = api_client(cast.rita).get(PATH).json()

    assert (body["judgements"], body["shared_items"]) == (2, 1)
    assert body["comparisons"]["units"] == 3
    assert body["comparisons"]["low"] is None  # one prompt says nothing of others
    assert body["middle"]["value"] == pytest.approx(1 / 3)
    assert {each["annotator"] for each in body["people"]} == {
        pseudonym(cast.project.pk, cast.bob.pk),
        pseudonym(cast.project.pk, cast.dora.pk),
    }
    assert body["people"][0]["reliability"] is None
    assert "bob" not in json.dumps(body)


def test_a_project_without_judgements_has_figures_without_values(cast):
    body = api_client(cast.alice).get(PATH).json()

    assert body["comparisons"] == {"value": None, "low": None, "high": None, "units": 0}
    assert body["people"] == []
