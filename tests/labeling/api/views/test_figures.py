"""Figures and reliabilities, through the API."""

from __future__ import annotations

import pytest
from django.utils import timezone
from factories import api_client, judge, make_cast

from labeling.models import Reliability
from labeling.selectors.labels import pseudonym

pytestmark = pytest.mark.django_db

PATH = "/api/v1/projects/colours/"


@pytest.fixture
def cast():
    cast = make_cast(num_items=2, overlap=2)
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)
    return cast


def test_researchers_read_the_figures_of_all_and_of_one(cast):
    client = api_client(cast.rita)

    whole = client.get(f"{PATH}figures/").data
    bobs = client.get(f"{PATH}figures/?annotator={pseudonym(cast.project.pk, cast.bob.pk)}").data

    assert whole["totals"]["judgements"] == 2
    assert whole["totals"]["per_hour"] == 300.0  # 12 seconds each
    assert whole["totals"]["agreement"]["units"] == 3
    assert [day["figures"]["judgements"] for day in whole["days"]] == [2]
    assert [(kind["kind"], kind["figures"]["judgements"]) for kind in whole["kinds"]] == [("ranking", 2)]
    assert whole["outlook"]["remaining"] == 2
    assert whole["outlook"]["day"] is None
    assert whole["uncounted"] == 0
    assert (bobs["totals"]["judgements"], bobs["outlook"]) == (1, None)


def test_annotators_read_their_own_alone(cast):
    client = api_client(cast.bob)

    assert client.get(f"{PATH}figures/").data["totals"]["judgements"] == 1
    doras = pseudonym(cast.project.pk, cast.dora.pk)
    assert client.get(f"{PATH}figures/?annotator={doras}").status_code == 404


def test_reliabilities_are_read_by_researchers_and_switched_on_by_admins(cast):
    Reliability.objects.create(
        project=cast.project, annotator=cast.bob, value=0.5, comparisons=12, fitted=timezone.now()
    )

    read = api_client(cast.rita).get(f"{PATH}reliabilities/").data
    switched = api_client(cast.alice).patch(f"{PATH}reliabilities/", {"weighs_annotators": True}, format="json")

    assert read["weighs_annotators"] is False
    [row] = read["annotators"]
    assert row["annotator"] == pseudonym(cast.project.pk, cast.bob.pk)
    assert (row["reliability"], row["weight"], row["comparisons"]) == (0.5, 0.0, 12)
    assert switched.data["weighs_annotators"] is True


@pytest.mark.parametrize(("user", "status"), [("bob", 403), ("charlie", 404), ("", 401)])
def test_strangers_and_annotators_read_no_reliabilities(cast, user, status):
    client = api_client(getattr(cast, user) if user else None)

    assert client.get(f"{PATH}reliabilities/").status_code == status
    assert client.patch(f"{PATH}reliabilities/", {"weighs_annotators": True}, format="json").status_code == status


def test_researchers_switch_nothing_and_strangers_see_no_figures(cast):
    body = {"weighs_annotators": True}
    assert api_client(cast.rita).patch(f"{PATH}reliabilities/", body, format="json").status_code == 403
    assert api_client(cast.charlie).get(f"{PATH}figures/").status_code == 404
    assert api_client().get(f"{PATH}figures/").status_code == 401


def test_admins_choose_a_level_by_pseudonym(cast):
    path = f"{PATH}reliabilities/{pseudonym(cast.project.pk, cast.bob.pk)}/"
    Reliability.objects.create(
        project=cast.project, annotator=cast.bob, value=0.9, comparisons=12, fitted=timezone.now()
    )

    chosen = api_client(cast.alice).put(path, {"level": "watched"}, format="json").data
    left = api_client(cast.alice).put(path, {"level": None}, format="json").data

    assert [(row["level"], row["is_chosen"]) for row in chosen["annotators"]] == [("watched", True)]
    assert [(row["level"], row["is_chosen"]) for row in left["annotators"]] == [("trusted", False)]
    assert api_client(cast.rita).put(path, {"level": "away"}, format="json").status_code == 403
    assert api_client(cast.charlie).put(path, {"level": "away"}, format="json").status_code == 404
    nobody = api_client(cast.alice).put(f"{PATH}reliabilities/annotator-0/", {"level": "away"}, format="json")
    assert nobody.status_code == 404
