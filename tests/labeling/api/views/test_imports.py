"""Imports by API, beside those of test_prompts."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import Cast, api_client, make_cast, make_import

from labeling.models import Import, Prompt

pytestmark = pytest.mark.django_db

PROJECT = "/api/v1/projects/colours/"
IMPORTS = f"{PROJECT}imports/"


@pytest.fixture
def cast(settings, tmp_path) -> Cast:
    settings.DATA_DIR = tmp_path
    return make_cast(num_items=0)


def test_a_large_file_is_accepted_for_later_and_can_be_cancelled(cast, monkeypatch):
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    client = api_client(cast.alice)

    sent = client.post(
        f"{PROJECT}prompts/import/?tags=May", b'{"prompt": "One?"}\n', content_type="application/x-ndjson"
    )
    address = f"{IMPORTS}{sent.json()['id']}/"
    cancelled = client.post(f"{address}cancel/")
    again = client.post(f"{address}cancel/")

    assert (sent.status_code, sent.json()["state"], sent.json()["tags"]) == (202, "waiting", ["May"])
    assert (cancelled.status_code, cancelled.json()["state"], again.status_code) == (200, "cancelled", 409)
    assert client.get(address).json() == cancelled.json()
    assert not Prompt.objects.exists()


def test_tags_are_given_to_every_prompt(cast):
    client = api_client(cast.alice)

    client.post(f"{PROJECT}prompts/import/?tags=a,b", b'{"prompt": "One?"}\n', content_type="application/x-ndjson")
    refused = client.post(f"{PROJECT}prompts/import/?tags=,", b"{}", content_type="application/x-ndjson")

    assert set(Prompt.objects.get().tags.values_list("name", flat=True)) == {"a", "b"}
    assert (refused.status_code, refused.json()["detail"]) == (400, "a tag is empty: give it a name or leave it out")


def test_every_rejected_row_is_listed_page_by_page(cast):
    imported = make_import(cast, b'{"prompt": "One?"}\n' + b"{}\n" * 5)

    first = api_client(cast.alice).get(f"{IMPORTS}{imported.pk}/rejected/?page_size=3").json()
    rest = api_client(cast.alice).get(first["next"]).json()

    assert [row["line"] for row in first["results"] + rest["results"]] == [2, 3, 4, 5, 6]
    assert first["results"][0]["reason"] == 'give either "prompt" or "messages"'


def test_the_list_is_newest_first_and_costs_the_same_for_one_and_three(cast):
    client, counts = api_client(cast.alice), []
    for number in range(1, 4):
        make_import(cast, name=f"{number}.jsonl")
        with CaptureQueriesContext(connection) as queries:
            listed = client.get(IMPORTS).json()["results"]
        counts.append(len(queries))

    assert [row["file_name"] for row in listed] == ["3.jsonl", "2.jsonl", "1.jsonl"]
    assert counts[0] == counts[2]


def test_an_import_of_another_project_is_not_found(cast):
    imported = make_import(cast)
    stranger = api_client(cast.charlie)

    assert stranger.get(f"/api/v1/projects/other-colours/imports/{imported.pk}/").status_code == 404
    assert stranger.get(f"/api/v1/projects/other-colours/imports/{imported.pk}/rejected/").status_code == 404
    assert stranger.post(f"/api/v1/projects/other-colours/imports/{imported.pk}/cancel/").status_code == 404
    assert Import.objects.get().state == "finished"
