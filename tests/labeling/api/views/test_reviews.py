"""Review, through the API."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import api_client, judge, make_cast, make_user

from labeling.models import Role
from labeling.services.projects import set_member
from labeling.services.reviews import change_review_settings

pytestmark = pytest.mark.django_db

PATH = "/api/v1/projects/colours/reviews/"


@pytest.fixture
def cast():
    """One item on which bob ties all and dora nothing."""
    cast = make_cast(num_items=1, overlap=2)
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=50)
    judge(cast.project, cast.bob, ranks=[1, 1, 1])
    judge(cast.project, cast.dora)
    return cast


@pytest.fixture
def vera(cast):
    vera = make_user("vera")
    set_member(project=cast.project, user=vera, role=Role.REVIEWER)
    return api_client(vera)


def test_a_program_reads_and_decides(cast, vera):
    [listed] = vera.get(PATH).data["results"]
    detail = vera.get(f"{PATH}{listed['id']}/").data
    ids = [completion["id"] for completion in detail["completions"]]
    body = {
        "client_id": str(uuid4()),
        "ranks": dict(zip(ids, [1, 2, 3], strict=True)),
        "ratings": dict.fromkeys(ids, 5),
    }

    decided = vera.post(f"{PATH}{listed['id']}/decide/", body, format="json")
    again = vera.post(f"{PATH}{listed['id']}/decide/", body, format="json")

    assert (listed["reason"], listed["agreement"], listed["state"]) == ("disagreement", 0.0, "open")
    assert [opinion["source"] for opinion in detail["opinions"]] == ["person", "person"]
    assert decided.status_code == 200
    assert decided.data["state"] == "decided"
    assert decided.data["opinions"][-1]["source"] == "review"
    assert again.data == decided.data
    assert vera.get(PATH).data["results"] == []
    assert len(vera.get(f"{PATH}?state=decided").data["results"]) == 1
    assert vera.get(f"{PATH}?state=lost").status_code == 400


def test_an_item_is_left_as_it_was_judged(cast, vera):
    [listed] = vera.get(PATH).data["results"]

    assert vera.post(f"{PATH}{listed['id']}/dismiss/").data["state"] == "dismissed"
    assert vera.post(f"{PATH}{listed['id']}/dismiss/").status_code == 409


def test_admins_say_what_is_reviewed(cast, vera):
    changed = api_client(cast.alice).patch(f"{PATH}settings/", {"reviews_harmful": True}, format="json")

    assert changed.data == {"review_below": 50, "reviews_harmful": True}
    assert vera.get(f"{PATH}settings/").data == changed.data
    assert vera.patch(f"{PATH}settings/", {"review_below": 0}, format="json").status_code == 403


@pytest.mark.parametrize(("user", "status"), [("bob", 403), ("rita", 403), ("charlie", 404), ("", 401)])
def test_it_is_for_reviewers_and_admins(cast, vera, user, status):
    [listed] = vera.get(PATH).data["results"]
    client = api_client(getattr(cast, user) if user else None)

    for path in ("", f"{listed['id']}/", "settings/"):
        assert client.get(PATH + path).status_code == status, path
    body = {"client_id": str(uuid4()), "ranks": {}, "ratings": {}}
    for path in ("decide", "dismiss"):
        assert client.post(f"{PATH}{listed['id']}/{path}/", body, format="json").status_code == status, path
    other = f"/api/v1/projects/other-colours/reviews/{listed['id']}/"
    assert api_client(cast.charlie).get(other).status_code == 404
