"""Snapshots by API, and downloads of them that broke off."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from factories import api_client, judge, make_cast, make_item

from labeling.exports import marks, streams
from labeling.exports.responses import respond
from labeling.exports.snapshots import take_snapshot
from labeling.exports.streams import make_export
from labeling.models import ExportMark, Label, Snapshot
from labeling.selectors.labels import latest_label

pytestmark = pytest.mark.django_db

SNAPSHOTS = "/api/v1/projects/colours/snapshots/"
EXPORT = "/api/v1/projects/colours/export/"


@pytest.fixture
def cast():
    cast = make_cast(num_items=6)
    for _ in range(6):
        judge(cast.project, cast.bob)
    return cast


@pytest.fixture
def rita(cast):
    return api_client(cast.rita)


def whole(response) -> bytes:
    return b"".join(response.streaming_content)


def test_a_researcher_takes_a_snapshot_and_reads_it_again(cast, rita):
    taken = rita.post(SNAPSHOTS, {"name": "v1", "filters": {"kinds": ["ranking"]}}, format="json")
    listed = rita.get(SNAPSHOTS).json()["results"]
    read = rita.get(f"{SNAPSHOTS}v1/").json()

    assert taken.status_code == 201
    assert taken.json() == read
    assert (read["labels"], read["filters"], len(read["digest"])) == (6, {"kinds": ["ranking"]}, 64)
    assert "# Colours: v1" in read["card"]
    assert [(row["name"], row["digest"]) for row in listed] == [("v1", read["digest"])]
    assert Snapshot.objects.get().author == cast.rita


def test_what_a_run_was_trained_on_is_named_later_by_its_last_label(cast, rita):
    newest = latest_label(cast.project)
    make_item(cast.project, prompt="Later?")
    judge(cast.project, cast.bob)

    taken = rita.post(SNAPSHOTS, {"name": "then", "up_to": newest}, format="json").json()

    assert (taken["up_to"], taken["labels"]) == (newest, Label.objects.filter(pk__lte=newest).count())
    assert taken["manifest"]["filters"]["up_to"] == newest


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "v1"}, 409, "name_taken"),
        ({"name": "V 1"}, 400, "invalid"),
        ({"name": "v2", "filters": {"kinds": ["pair"]}}, 400, "invalid"),
        ({"name": "v2", "filters": {"kind": "pair"}}, 400, "invalid"),
        ({"name": "v2", "filters": {"agreement": 1e300}}, 400, "invalid"),
        ({"name": "v2", "filters": {"tags": ["\ud800"]}}, 400, "invalid"),
        ({"name": "v2", "more": 1}, 400, "invalid"),
        ({"name": "v2", "up_to": 2**40}, 400, "invalid"),
        ({"name": "v2", "up_to": 0}, 400, "invalid"),
    ],
)
def test_what_cannot_be_a_snapshot_is_refused(cast, rita, body, status, code):
    take_snapshot(project=cast.project, name="v1")

    response = rita.post(SNAPSHOTS, json.dumps(body), content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert Snapshot.objects.count() == 1


def test_a_list_asks_as_many_queries_for_three_as_for_one(cast, rita):
    counts = []
    for name in ("a", "b", "c"):
        take_snapshot(project=cast.project, name=name)
        with CaptureQueriesContext(connection) as queries:
            rita.get(SNAPSHOTS)
        counts.append(len(queries))

    assert counts[0] == counts[2]


def test_the_snapshot_of_another_project_is_not_there(cast):
    take_snapshot(project=cast.project, name="v1")
    charlie = api_client(cast.charlie)

    assert charlie.get("/api/v1/projects/other-colours/snapshots/").json()["results"] == []
    assert charlie.get("/api/v1/projects/other-colours/snapshots/v1/").status_code == 404
    assert charlie.get("/api/v1/projects/other-colours/export/?snapshot=v1").status_code == 404


@pytest.mark.parametrize(
    "query", ["kinds=pairs", "since=1", "agreement=2", "tags=", "superseded=no", "snapshot=v1&extra=true"]
)
def test_a_filter_that_is_not_understood_is_refused(cast, rita, query):
    take_snapshot(project=cast.project, name="v1")

    assert rita.get(f"{EXPORT}?{query}").status_code == 400


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_download_of_a_snapshot_that_broke_off_goes_on_at_its_byte(cast, rita, file_format, monkeypatch):
    """With a mark after each ranking, so that the rest is made from the middle on."""
    monkeypatch.setattr(marks, "MARK_BYTES", 1)
    monkeypatch.setattr(streams, "CHUNK_BYTES", 1)
    take_snapshot(project=cast.project, name="v1")
    address = f"{EXPORT}?snapshot=v1&view=comparisons&format={file_format}"
    first = rita.get(address)
    content, etag = whole(first), first["ETag"]

    rests = {}
    for begin in (0, 1, len(content) // 2, len(content) - 1):
        rest = rita.get(address, headers={"Range": f"bytes={begin}-", "If-Range": etag})
        assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes {begin}-{len(content) - 1}/{len(content)}")
        assert int(rest["Content-Length"]) == len(content) - begin
        rests[begin] = whole(rest)

    assert all(content[:begin] + rest == content for begin, rest in rests.items())
    assert ("Content-Length" in first, rita.get(address)["Content-Length"]) == (False, str(len(content)))
    expected = 0 if file_format == "parquet" else 5  # the last one is the end
    assert ExportMark.objects.filter(key=etag.strip('"'), is_end=False).count() == expected


def test_the_length_is_found_where_nobody_read_to_the_end(cast, rita):
    take_snapshot(project=cast.project, name="v1")
    address = f"{EXPORT}?snapshot=v1&view=trl"

    part = rita.get(address, headers={"Range": "bytes=10-19"})

    content = whole(rita.get(address))
    assert (part["Content-Range"], whole(part)) == (f"bytes 10-19/{len(content)}", content[10:20])


def test_a_range_of_another_file_is_answered_with_the_whole(cast, rita):
    take_snapshot(project=cast.project, name="v1")
    address = f"{EXPORT}?snapshot=v1"

    response = rita.get(address, headers={"Range": "bytes=10-", "If-Range": '"another"'})

    assert (response.status_code, whole(response)[:14]) == (200, b'{"ranking_id":')


@pytest.mark.parametrize("snapshot", ["&snapshot=v1", ""])
def test_the_headers_alone_are_told_without_making_the_file(cast, rita, snapshot, monkeypatch):
    taken = take_snapshot(project=cast.project, name="v1")
    export = make_export(project=cast.project, snapshot=taken if snapshot else None)
    monkeypatch.setattr(streams.Export, "_parts", None)  # nothing can be made

    made = respond(RequestFactory().head("/"), export)
    response = rita.head(f"{EXPORT}?view=rankings{snapshot}", headers={"Range": "bytes=10-"})

    assert (response.status_code, response["Content-Type"]) == (200, "application/x-ndjson")
    assert response["Accept-Ranges"] == ("bytes" if snapshot else "none")
    assert whole(made) == b""


def test_a_range_behind_the_end_and_a_file_that_is_known_are_told(cast, rita):
    take_snapshot(project=cast.project, name="v1")
    address = f"{EXPORT}?snapshot=v1"
    first = rita.get(address)
    length = len(whole(first))

    behind = rita.get(address, headers={"Range": f"bytes={length}-"})
    known = rita.get(address, headers={"If-None-Match": first["ETag"]})

    assert (behind.status_code, behind["Content-Range"]) == (416, f"bytes */{length}")
    assert known.status_code == 304


def test_live_labels_cannot_be_taken_up_again(cast, rita):
    response = rita.get(EXPORT, headers={"Range": "bytes=10-"})

    assert (response.status_code, response["Accept-Ranges"], "ETag" in response) == (200, "none", False)


def test_the_manifest_of_a_snapshot_fits_its_file(cast, rita):
    take_snapshot(project=cast.project, name="v1")

    manifest = rita.get(f"{EXPORT}?snapshot=v1&view=rankings&manifest=true").json()
    content = whole(rita.get(f"{EXPORT}?snapshot=v1&view=rankings"))

    assert manifest["snapshot"] == "v1"
    assert (manifest["sha256"], manifest["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert Snapshot.objects.get().manifest["views"]["rankings"]["sha256"] == manifest["sha256"]
