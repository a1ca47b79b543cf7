from __future__ import annotations

import pytest
from factories import api_client, make_cast

from labeling.services.guidelines import write_guidelines

ADDRESS = "/api/v1/projects/colours/guidelines/"


@pytest.fixture
def cast(db):
    return make_cast(num_items=1)


def test_a_version_is_written_listed_and_read(cast):
    admin, annotator = api_client(cast.alice), api_client(cast.bob)

    written = admin.post(ADDRESS, {"text": "Be kind.", "change": "begun", "follows": 0}, format="json")
    admin.post(ADDRESS, {"text": "Be fair."}, format="json")
    listed = annotator.get(ADDRESS).json()["results"]
    first = annotator.get(f"{ADDRESS}1/").json()
    read = annotator.post(f"{ADDRESS}2/read/").json()

    assert written.status_code == 201
    assert [(row["version"], row["change"], row["author"]) for row in listed] == [
        (2, "", "alice"),
        (1, "begun", "alice"),
    ]
    assert (first["text"], first["change"]) == ("Be kind.", "begun")
    assert read == {"guidelines_read": 2}


def test_the_project_and_the_next_item_tell_the_version_in_force(cast):
    write_guidelines(project=cast.project, author=cast.alice, text="Be kind.")

    project = api_client(cast.bob).get("/api/v1/projects/colours/").json()
    sheet = api_client(cast.bob).post("/api/v1/projects/colours/next/").json()

    assert (project["guidelines"], project["guidelines_version"]) == ("Be kind.", 1)
    assert sheet["guidelines_version"] == 1


def test_another_text_in_the_settings_is_a_new_version_and_the_same_is_none(cast):
    admin = api_client(cast.alice)
    for text in ("Be kind.", "Be kind.", "Be fair."):
        admin.patch("/api/v1/projects/colours/", {"guidelines": text}, format="json")

    rows = admin.get(ADDRESS).json()["results"]

    assert [(row["version"], row["author"]) for row in rows] == [(2, "alice"), (1, "alice")]


def test_who_saw_an_older_version_gets_409(cast):
    admin = api_client(cast.alice)
    admin.post(ADDRESS, {"text": "Be kind."}, format="json")

    answer = admin.post(ADDRESS, {"text": "Mine.", "follows": 0}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "newer_guidelines")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "text"),
        ({"text": 1}, "text"),
        ({"text": "a", "follows": "1"}, "follows"),
        ({"text": "a", "change": "x" * 301}, "change"),
        ({"text": "a", "txt": "b"}, "txt"),
    ],
)
def test_a_wrong_body_is_refused_by_its_name(cast, body, name):
    answer = api_client(cast.alice).post(ADDRESS, body, format="json")

    assert answer.status_code == 400
    assert name in answer.json()["fields"]
