"""An annotator's work by API."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from factories import api_client, claim, end_lease, make_cast

from labeling.models import Assignment, Comparison, Label, Project, Rating

pytestmark = pytest.mark.django_db

NEXT = "/api/v1/projects/colours/next/"
FIRST = "00000000-0000-4000-8000-000000000001"
SECOND = "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def cast():
    return make_cast(num_items=2)


def body_for(sheet: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A complete judgement that ranks the completions in the order shown."""
    ids = [str(completion["id"]) for completion in sheet["completions"]]
    return {
        "client_id": FIRST,
        "ratings": {pk: 7 - place for place, pk in enumerate(ids)},
        "ranks": {pk: place for place, pk in enumerate(ids, start=1)},
        **changes,
    }


def submit(client, sheet, **changes):
    # json.dumps writes half a surrogate pair as an escape, which the test client's own encoder can't.
    body = json.dumps(body_for(sheet, **changes))
    return client.post(f"/api/v1/assignments/{sheet['assignment']}/submit/", body, content_type="application/json")


def test_next_gives_the_sheet_with_the_keys_of_the_contract(cast):
    sheet = api_client(cast.bob).post(NEXT).json()

    assignment = Assignment.objects.get()
    assert parse_datetime(sheet.pop("lease_expires")) == assignment.lease_expires
    texts = {completion["id"]: completion["text"] for completion in sheet.pop("completions")}
    assert list(texts) == assignment.order
    assert sorted(texts.values()) == ["Blue.", "Green.", "Red."]
    assert len(sheet.pop("flags")) == 11
    assert sheet == {
        "assignment": assignment.pk,
        "kind": "ranking",
        "prompt": [{"role": "user", "content": "Name a colour, number 0."}],
        "draft": {},
        "progress": {"done": 0, "total": 2, "mine": 0},
        "guidelines_version": None,
        "topics": [],
        "conversation": None,
    }


def test_next_says_204_when_nothing_is_left(cast):
    client = api_client(cast.bob)
    for number in range(2):
        submit(client, client.post(NEXT).json(), client_id=f"00000000-0000-4000-8000-{number:012}")

    response = client.post(NEXT)

    assert (response.status_code, response.content) == (204, b"")
    assert response["Prefloop-Reason"] == "empty"
    assert not response.has_header("Retry-After")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"daily_limit": 1}, "daily_limit"),
        ({"daily_limit": 1, "is_paused": True}, "paused"),
        ({"qualification_items": 5}, "qualification"),
    ],
)
def test_next_says_why_it_gives_nothing(cast, settings, reason):
    client = api_client(cast.bob)
    submit(client, client.post(NEXT).json())
    Project.objects.filter(pk=cast.project.pk).update(**settings)

    response = client.post(NEXT)

    assert (response.status_code, response.content) == (204, b"")
    assert response["Prefloop-Reason"] == reason
    if reason == "daily_limit":
        assert 1 <= int(response["Retry-After"]) <= 24 * 3600


def test_submit_stores_the_judgement_and_tells_the_progress(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    worst = str(sheet["completions"][2]["id"])
    Assignment.objects.update(created=timezone.now() - dt.timedelta(minutes=1))

    response = submit(client, sheet, flags={worst: ["opinion"]}, notes="ça va 🎨", seconds=31.5)

    label = Label.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "label": label.pk,
        "created": True,
        "extra": False,
        "progress": {"done": 1, "total": 2, "mine": 1},
    }
    assert (str(label.client_id), label.notes, label.seconds) == (FIRST, "ça va 🎨", 31.5)
    assert Rating.objects.get(completion=int(worst)).flags == ["opinion"]
    assert Comparison.objects.count() == 3


def test_repeated_submit_gets_the_same_answer_with_200(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()

    first = submit(client, sheet)
    second = submit(client, sheet)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {**first.json(), "created": False}
    assert Label.objects.count() == 1


def test_other_client_id_or_other_judgement_is_a_conflict_with_its_reason(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    submit(client, sheet)

    other_id = submit(client, sheet, client_id=SECOND)
    other_judgement = submit(client, sheet, notes="changed my mind")
    other_sheet = submit(client, client.post(NEXT).json())

    answers = [(r.status_code, r.json()["code"]) for r in (other_id, other_judgement, other_sheet)]
    assert answers == [(409, "already_judged"), (409, "already_judged"), (409, "client_id_used")]
    assert Label.objects.count() == 1


def test_late_submit_is_kept_as_extra(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    end_lease(Assignment.objects.get())
    claim(cast.project, cast.dora)

    response = submit(client, sheet)

    assert (response.status_code, response.json()["extra"], response.json()["progress"]["done"]) == (201, True, 0)


@pytest.mark.parametrize(("name", "value"), [("best", 1), ("text", "Red."), ("strength", 2), ("suggestion", 1)])
def test_keys_of_other_kinds_are_refused_by_name(cast, name, value):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()

    response = submit(client, sheet, **{name: value})

    assert response.status_code == 400
    assert response.json()["detail"] == f"{name} is not part of a judgement of kind ranking: send ratings and ranks"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"client_id": None}, "client_id"),
    ({"client_id": "abc"}, "client_id"),
    ({"client_id": 5}, "client_id"),
    ({"client_id": [FIRST]}, "client_id"),
    ({"ratings": None}, "ratings"),
    ({"ratings": []}, "ratings"),
    ({"ratings": {}}, "ratings lacks completion"),
    ({"ratings": {"x": 1}}, "'x' is not the id of a completion"),
    ({"ratings": {"01": 1}}, "'01' is not the id of a completion"),
    ({"ratings": {"9" * 30: 1}}, "is not the id of a completion"),
    ({"ratings": {"-1": 1}}, "'-1' is not the id"),
    ({"ratings": {"٣": 1}}, "is not the id of a completion"),
    ({"ranks": {"\x00": 1}}, "is not the id of a completion"),
    ({"flags": {"1": ["opinion"]}}, "flags names completion 1, which is not part of this assignment"),
    ({"flags": ["opinion"]}, "flags"),
    ({"notes": 5}, "notes"),
    ({"notes": "a\x00b"}, "notes"),
    ({"notes": "\ud800"}, "notes"),
    ({"notes": "x" * 20_001}, "notes"),
    ({"seconds": -1}, "seconds"),
    ({"seconds": 86_401}, "seconds"),
    ({"seconds": "12"}, "seconds"),
    ({"seconds": 10**400}, "seconds"),
    ({"seconds": True}, "seconds"),
    ({"rank": {}}, "rank: unknown field"),
    ({"\ud800": 1}, "unknown field"),
    ({"flags": {"\ud800": []}}, "is not the id of a completion"),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG, ids=[str(row[0])[:40] for row in WRONG])
def test_wrong_judgement_is_refused_by_name_and_nothing_is_stored(cast, changes, reason):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()

    response = submit(client, sheet, **changes)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert reason in response.json()["detail"]
    assert not Label.objects.exists()
    assert Assignment.objects.get().state == "active"


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("ratings", [0, 4, 4], "ratings"),
        ("ratings", [8, 4, 4], "ratings"),
        ("ratings", [4.5, 4, 4], "ratings"),
        ("ratings", ["4", 4, 4], "ratings"),
        ("ratings", [True, 4, 4], "ratings"),
        ("ratings", [None, 4, 4], "ratings"),
        ("ratings", [10**400, 4, 4], "ratings"),
        ("ranks", [0, 1, 2], "ranks"),
        ("ranks", [1, 3, 3], "nothing has rank 2, but rank 3 is used"),
        ("ranks", [2, 2, 2], "nothing has rank 1"),
        ("ranks", [1, 2, 4], "nothing has rank 3"),
        ("ranks", [1, 2, [3]], "ranks"),
    ],
)
def test_rating_out_of_range_and_ranks_with_a_hole_are_refused(cast, name, values, reason):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    ids = [str(completion["id"]) for completion in sheet["completions"]]

    response = submit(client, sheet, **{name: dict(zip(ids, values, strict=True))})

    assert response.status_code == 400
    assert reason in response.json()["detail"]
    assert not Label.objects.exists()


def test_completion_of_another_item_is_refused_by_its_id(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    foreign = cast.items[1].entries.first().completion_id
    body = body_for(sheet)

    response = submit(client, sheet, ranks={**body["ranks"], str(foreign): 4})

    assert response.status_code == 400
    assert f"ranks names completion {foreign}, which is not part" in response.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"5",
        b"\xff",
        b'{"client_id": NaN}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b'{"client_id": "\\ud800"}',
    ],
)
@pytest.mark.parametrize("action", ["submit", "draft", "skip"])
def test_broken_body_is_400_and_never_500(cast, content, action):
    client = api_client(cast.bob)
    assignment = client.post(NEXT).json()["assignment"]
    method = client.put if action == "draft" else client.post

    response = method(f"/api/v1/assignments/{assignment}/{action}/", content, content_type="application/json")

    no_reason = action == "skip" and content in {b"", b"null", b"[]"}
    assert response.status_code == (200 if no_reason else 400)
    assert Assignment.objects.get(pk=assignment).state == ("skipped" if no_reason else "active")
    assert no_reason or set(response.json()) >= {"detail", "code"}


def test_other_content_type_is_415(cast):
    client = api_client(cast.bob)
    assignment = client.post(NEXT).json()["assignment"]

    response = client.post(f"/api/v1/assignments/{assignment}/submit/", "a=1", content_type="text/plain")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_draft_is_kept_and_comes_back_with_next(cast):
    client = api_client(cast.bob)
    assignment = client.post(NEXT).json()["assignment"]
    draft = {"ratings": {"1": 5}, "notes": "half 🎨 done", "page": 2}

    response = client.put(f"/api/v1/assignments/{assignment}/draft/", draft, format="json")

    assert (response.status_code, response.json()["state"]) == (200, "active")
    assert client.post(NEXT).json()["draft"] == draft


@pytest.mark.parametrize("draft", [{"a": "\x00"}, {"a": "\ud800"}, {"a\x00": 1}, {"a": "x" * 500_001}])
def test_draft_that_cannot_be_kept_is_400(cast, draft):
    client = api_client(cast.bob)
    assignment = client.post(NEXT).json()["assignment"]

    response = client.put(
        f"/api/v1/assignments/{assignment}/draft/", json.dumps(draft), content_type="application/json"
    )

    assert response.status_code == 400


def test_skip_gives_the_next_item_and_a_heartbeat_then_is_a_conflict(cast):
    client = api_client(cast.bob)
    first = client.post(NEXT).json()["assignment"]

    skipped = client.post(f"/api/v1/assignments/{first}/skip/", {"reason": "not my language"}, format="json")
    second = client.post(NEXT).json()["assignment"]
    heartbeat = client.post(f"/api/v1/assignments/{first}/heartbeat/")

    assert (skipped.status_code, skipped.json()["state"]) == (200, "skipped")
    assert second != first
    assert (heartbeat.status_code, heartbeat.json()["code"]) == (409, "skipped")


def test_heartbeat_renews_the_lease_and_says_when_it_was_lost(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    address = f"/api/v1/assignments/{sheet['assignment']}/heartbeat/"

    renewed = client.post(address)
    end_lease(Assignment.objects.get())
    claim(cast.project, cast.dora)
    lost = client.post(address)

    assert renewed.json()["lease_expires"] > sheet["lease_expires"]
    assert (lost.status_code, lost.json()["code"]) == (409, "lease_ended")


def test_wrong_method_is_405(cast):
    response = api_client(cast.bob).get(NEXT)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def revise(client, sheet, **changes):
    return client.post(
        f"/api/v1/assignments/{sheet['assignment']}/revise/", {**body_for(sheet), **changes}, format="json"
    )


def test_a_judgement_can_be_read_again_and_revised(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()
    first = submit(client, sheet).json()
    ids = [completion["id"] for completion in sheet["completions"]]

    judged = client.get(f"/api/v1/assignments/{sheet['assignment']}/").json()
    changed = revise(client, sheet, client_id=SECOND, ranks={str(pk): 1 for pk in ids})
    again = revise(client, sheet, client_id=SECOND, ranks={str(pk): 1 for pk in ids})

    assert judged["draft"]["ranks"] == {str(pk): place for place, pk in enumerate(ids, start=1)}
    assert judged["completions"] == sheet["completions"]
    assert (changed.status_code, again.status_code) == (201, 200)
    assert changed.json()["label"] == again.json()["label"] != first["label"]
    assert changed.json()["progress"]["done"] == 1


def test_what_is_not_judged_can_be_neither_read_again_nor_revised(cast):
    client = api_client(cast.bob)
    sheet = client.post(NEXT).json()

    answers = [client.get(f"/api/v1/assignments/{sheet['assignment']}/"), revise(client, sheet)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "not_judged")] * 2
