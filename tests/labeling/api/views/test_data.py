"""Comparisons and exports by API."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import api_client, judge, make_cast

from labeling.models import Comparison
from labeling.selectors.labels import pseudonym

pytestmark = pytest.mark.django_db

COMPARISONS = "/api/v1/projects/colours/comparisons/"
EXPORT = "/api/v1/projects/colours/export/"


@pytest.fixture
def cast():
    return make_cast(num_items=3)


def test_comparison_tells_its_pair_its_ranking_and_a_pseudonym(cast):
    label = judge(cast.project, cast.bob, ranks=[1, 2, 2])

    rows = api_client(cast.rita).get(COMPARISONS).json()["results"]

    stored = {row.pk: row for row in Comparison.objects.select_related("chosen", "rejected")}
    assert [row["id"] for row in rows] == sorted(stored)
    assert sorted(row["outcome"] for row in rows) == ["tie", "win", "win"]
    for row in rows:
        comparison = stored[row["id"]]
        assert row["chosen"] == {
            "id": comparison.chosen_id,
            "text": comparison.chosen.text,
            "policy_version": 1,
            "model": None,
        }
        assert row["rejected"]["text"] == comparison.rejected.text
        assert row["weight"] == pytest.approx(1 / 3)
        assert row["ranking"] == label.pk
        assert row["prompt"] == [{"role": "user", "content": "Name a colour, number 0."}]
        assert (row["source"], row["is_extra"]) == ("person", False)
        assert (row["rule"], row["propensity"], row["random_propensity"], row["is_random"]) == ("", None, None, False)
    assert len({row["annotator"] for row in rows}) == 1
    assert "bob" not in json.dumps(rows)


def test_comparisons_of_another_project_are_not_there(cast):
    judge(cast.project, cast.bob)

    rows = api_client(cast.charlie).get("/api/v1/projects/other-colours/comparisons/").json()

    assert rows == {"next": None, "previous": None, "results": []}


def test_comparisons_are_filtered_by_outcome(cast):
    judge(cast.project, cast.bob, ranks=[1, 2, 2])

    ties = api_client(cast.rita).get(f"{COMPARISONS}?outcome=tie").json()["results"]

    assert [row["outcome"] for row in ties] == ["tie"]


@pytest.mark.parametrize("query", ["outcome=loss", "held_out=x", "since=1", "page_size=5000"])
def test_filter_of_comparisons_that_is_not_understood_is_refused(cast, query):
    assert api_client(cast.rita).get(f"{COMPARISONS}?{query}").status_code == 400


def test_pages_of_comparisons_ask_as_many_queries_for_nine_as_for_three(cast):
    client = api_client(cast.rita)
    pseudonym(cast.project.pk, cast.bob.pk)  # the project's key is read once for each process
    counts = []
    for _ in range(3):
        judge(cast.project, cast.bob)
        with CaptureQueriesContext(connection) as queries:
            client.get(COMPARISONS)
        counts.append(len(queries))

    assert counts[0] == counts[2] == 3  # token, membership, comparisons


def test_export_is_streamed_with_a_name_and_a_type(cast):
    label = judge(cast.project, cast.bob)

    response = api_client(cast.rita).get(EXPORT)

    assert response.streaming
    assert response["Content-Type"] == "application/x-ndjson"
    assert response["Content-Disposition"] == f'attachment; filename="colours-comparisons-{label.pk}.jsonl"'
    assert len(b"".join(response).splitlines()) == 3


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("view", ["comparisons", "rankings", "trl"])
def test_manifest_has_the_digest_of_what_the_same_query_streams(cast, file_format, view):
    judge(cast.project, cast.bob, ranks=[1, 2, 2])
    client = api_client(cast.rita)
    query = f"?format={file_format}&view={view}"

    manifest = client.get(f"{EXPORT}{query}&manifest=true").json()
    judge(cast.project, cast.dora)
    content = b"".join(client.get(f"{EXPORT}{query}&up_to={manifest['filters']['up_to']}"))

    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["bytes"] == len(content)
    assert manifest["counts"]["rows"] == {"comparisons": 3, "rankings": 1, "trl": 2}[view]


@pytest.mark.parametrize("accept", ["text/csv", "image/png", "*/*", "application/json"])
def test_export_does_not_mind_what_accept_says(cast, accept):
    assert api_client(cast.rita).get(EXPORT, HTTP_ACCEPT=accept).status_code == 200


@pytest.mark.parametrize(
    "query", ["format=xls", "view=all", "up_to=x", "up_to=-1", "up_to=" + "9" * 30, "manifest=x", "limit=5"]
)
def test_export_that_is_not_understood_is_refused_in_json(cast, query):
    response = api_client(cast.rita).get(f"{EXPORT}?{query}", HTTP_ACCEPT="text/csv")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_export_of_held_out_prompts_and_of_the_others_make_up_the_whole():
    cast = make_cast(num_items=40)
    for _ in range(40):
        judge(cast.project, cast.bob)
    client = api_client(cast.rita)

    held, others, everything = (
        b"".join(client.get(f"{EXPORT}?view=rankings{query}")).splitlines()
        for query in ("&held_out=true", "&held_out=false", "")
    )

    assert len(everything) == 40
    assert sorted(held + others) == sorted(everything)
    assert all(json.loads(line)["held_out"] for line in held)
    assert not any(json.loads(line)["held_out"] for line in others)
