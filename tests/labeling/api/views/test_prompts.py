"""Prompts and imports by API."""

from __future__ import annotations

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import api_client, make_cast, make_item

from labeling.models import Completion, Import, Item, Label, Prompt

pytestmark = pytest.mark.django_db

PROMPTS = "/api/v1/projects/colours/prompts/"
IMPORT = f"{PROMPTS}import/"


@pytest.fixture
def cast():
    return make_cast(num_items=0)


def test_prompt_is_added_once(cast):
    client = api_client(cast.alice)
    body = {"prompt": "Name a colour.", "source": "me"}

    first = client.post(PROMPTS, body, format="json")
    second = client.post(PROMPTS, body, format="json")

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    shown = first.json()
    assert shown["prompt"] == [{"role": "user", "content": "Name a colour."}]
    assert (shown["source"], shown["num_completions"], shown["num_items"]) == ("me", 0, 0)
    assert set(shown) == {
        "id", "prompt", "digest", "held_out", "topics", "tags", "source", "is_archived", "num_completions",
        "num_items", "created",
    }  # fmt: skip


def test_prompt_with_completions_is_an_item_in_the_queue(cast):
    body = {"prompt": [{"role": "user", "content": "Name a colour."}], "completions": ["Red.", "Blue."]}

    response = api_client(cast.alice).post(PROMPTS, body, format="json")

    assert (response.status_code, response.json()["num_completions"], response.json()["num_items"]) == (201, 2, 1)
    assert api_client(cast.bob).post("/api/v1/projects/colours/next/").status_code == 200


def test_completions_come_with_the_names_of_the_models_that_wrote_them(cast):
    body = {"prompt": "A colour?", "completions": ["Red.", "Blue."], "models": ["gpt-4", None]}

    response = api_client(cast.alice).post(PROMPTS, body, format="json")

    stored = Completion.objects.order_by("id").values_list("text", "model__name")
    assert response.status_code == 201
    assert list(stored) == [("Red.", "gpt-4"), ("Blue.", None)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"prompt": "a", "completions": ["b", "c"], "models": ["d"]}, "models has 1 name for 2 completions"),
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "turn 1 is empty"),
        ({"prompt": []}, "not empty"),
        ({"prompt": 5}, "a prompt is a text or a list"),
        ({"prompt": {"role": "user", "content": "x"}}, "a prompt is a text or a list"),
        ({"prompt": ["x"]}, "turn 1 is not"),
        ({"prompt": [{"role": "user"}]}, "turn 1 is not"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "the role 'robot'"),
        ({"prompt": [{"role": ["user"], "content": "x"}]}, "the role"),
        ({"prompt": [{"role": "user", "content": 5}]}, "turn 1 is int"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "the last turn is the assistant's"),
        ({"prompt": "a\x00"}, "NUL"),
        ({"prompt": "a\ud800"}, "surrogate"),
        ({"prompt": "a" * 200_001}, "200,001 characters"),
        ({"prompt": "a", "completions": ["b"]}, "2 to 9"),
        ({"prompt": "a", "completions": ["b"] * 10}, "2 to 9"),
        ({"prompt": "a", "completions": ["b", "b"]}, "the same text"),
        ({"prompt": "a", "completions": ["b", 5]}, "completions.1"),
        ({"prompt": "a", "completions": ["b", "\x00"]}, "completions.1"),
        ({"prompt": "a", "topic": "b"}, "topic: unknown field"),
    ],
)
def test_broken_prompt_is_refused_and_nothing_is_stored(cast, body, reason):
    response = api_client(cast.alice).post(PROMPTS, json.dumps(body), content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert reason in response.json()["detail"]
    assert not Prompt.objects.exists()


def test_completion_of_100_000_characters_with_html_and_emoji_comes_back_as_it_was(cast):
    text = "<script>alert('🎨')</script>\u202e\x07" * 4000
    api_client(cast.alice).post(PROMPTS, {"prompt": "a", "completions": [text, "b"]}, format="json")

    sheet = api_client(cast.bob).post("/api/v1/projects/colours/next/").json()

    assert len(text) > 100_000
    assert {completion["text"] for completion in sheet["completions"]} == {text, "b"}


def test_list_is_newest_first_and_filtered_by_words_and_held_out(cast):
    client = api_client(cast.rita)
    for number in range(30):
        make_item(cast.project, prompt=f"Prompt {number:02}?")
    seventh = Prompt.objects.get(messages__0__content="Prompt 07?")
    held_out = set(Prompt.objects.filter(held_out=True).values_list("id", flat=True))

    everything = client.get(PROMPTS).json()["results"]
    found = client.get(f"{PROMPTS}?search=Prompt 07").json()["results"]
    called = client.get(f"{PROMPTS}?search={seventh.digest[:16]}").json()["results"]
    held = client.get(f"{PROMPTS}?held_out=true").json()["results"]
    others = client.get(f"{PROMPTS}?held_out=false").json()["results"]

    assert [row["prompt"][0]["content"] for row in everything] == [f"Prompt {n:02}?" for n in range(29, -1, -1)]
    assert [row["prompt"][0]["content"] for row in found] == ["Prompt 07?"]
    assert [row["prompt"][0]["content"] for row in called] == ["Prompt 07?"]
    assert {row["id"] for row in held} == held_out
    assert len(held) + len(others) == 30


@pytest.mark.parametrize(
    "query", ["held_out=maybe", "search=%00", "tags=x", "held_out=", "topic=gore", "archived=both"]
)
def test_filter_that_is_not_understood_is_refused(cast, query):
    assert api_client(cast.rita).get(f"{PROMPTS}?{query}").status_code == 400


def test_prompts_are_tagged_filtered_and_changed_with_their_number_said_before(cast):
    admin = api_client(cast.alice)
    for number in range(3):
        admin.post(PROMPTS, {"prompt": f"Colour {number}?", "completions": ["a", "b"], "tags": ["May"]}, format="json")
    made = admin.post(PROMPTS, {"prompt": "A fruit?"}, format="json").json()
    body = {"filter": {"tag": "May", "search": "colour"}, "action": "archive"}

    tagged = admin.put(f"{PROMPTS}{made['id']}/tags/", {"tags": ["June"]}, format="json").json()
    said = admin.post(f"{PROMPTS}change/", {**body, "dry_run": True}, format="json")
    wrong = admin.post(f"{PROMPTS}change/", {**body, "expected": 2}, format="json")
    done = admin.post(f"{PROMPTS}change/", {**body, "expected": 3}, format="json")

    assert tagged["tags"] == ["June"]
    assert (said.json(), wrong.status_code) == ({"prompts": 3, "judgements": 3}, 409)
    assert (done.status_code, done.json()) == (200, said.json())
    assert [row["tags"] for row in admin.get(f"{PROMPTS}?archived=true").json()["results"]] == [["May"]] * 3
    assert [row["id"] for row in admin.get(f"{PROMPTS}?archived=false&has_items=false").json()["results"]] == [
        made["id"]
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "archive"},
        {"filter": {}},
        {"filter": {"tags": "x"}, "action": "archive"},
        {"filter": {}, "action": "explode"},
        {"filter": {}, "action": "add_tag"},
        {"filter": {}, "action": "priority", "value": "high"},
        {"filter": {"topic": "gore"}, "action": "archive"},
        {"filter": {}, "action": "archive", "expected": -1},
    ],
)
def test_a_change_that_is_not_understood_is_refused(cast, body):
    assert api_client(cast.alice).post(f"{PROMPTS}change/", body, format="json").status_code == 400


def test_list_asks_as_many_queries_for_three_prompts_as_for_one(cast):
    client = api_client(cast.rita)
    counts = []
    for number in range(1, 4):
        make_item(cast.project, prompt=f"Prompt {number}?")
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(PROMPTS).json()["results"]) == number
        counts.append(len(queries))

    assert counts[0] == counts[2] == 3  # token, membership, prompts


JSONL = b'{"prompt": "One?"}\n{"prompt": "Two?", "completions": ["a", "b"]}\n'


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["One?", "Two?"]}), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "content_type", "query"),
    [
        (JSONL, "application/x-ndjson", ""),
        (JSONL, "application/json", ""),
        (JSONL, "text/plain; charset=utf-8", ""),
        (gzip.compress(JSONL, mtime=0), "application/gzip", ""),
        (b"prompt\nOne?\nTwo?\n", "text/csv", ""),
        (b"prompt\nOne?\nTwo?\n", "application/octet-stream", "?kind=csv"),
        (parquet(), "application/vnd.apache.parquet", ""),
        (parquet(), "application/octet-stream", "?kind=parquet&format=prompts"),
    ],
)
def test_body_is_imported_by_its_type(cast, content, content_type, query):
    response = api_client(cast.alice).post(f"{IMPORT}{query}", content, content_type=content_type)

    assert (response.status_code, response.json()["rows"], response.json()["prompts"]) == (200, 2, 2)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.parquet"])
def test_form_is_imported_by_the_name_of_its_file(cast, name):
    content = {
        "a.jsonl": JSONL,
        "a.jsonl.gz": gzip.compress(JSONL, mtime=0),
        "a.csv": b"prompt\nOne?\nTwo?\n",
        "a.parquet": parquet(),
    }[name]

    response = api_client(cast.alice).post(IMPORT, {"file": SimpleUploadedFile(name, content)}, format="multipart")

    assert (response.status_code, response.json()["prompts"]) == (200, 2)
    assert set(Prompt.objects.values_list("source", flat=True)) == {name}


def test_import_of_preferences_tells_everything_it_did(cast):
    row = {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green.", "margin": 1}
    content = "\n".join(json.dumps(row) for _ in range(2)).encode()

    response = api_client(cast.alice).post(f"{IMPORT}?format=trl", content, content_type="application/x-ndjson")

    held_out = 2 * Prompt.objects.get().held_out
    report = response.json()
    assert report.pop("created") < report.pop("ended")
    assert report == {
        "id": Import.objects.get().pk,
        "state": "finished",
        "file_name": "API",
        "format": "trl",
        "kind": "jsonl",
        "keep_good": False,
        "tags": [],
        "num_bytes": len(content),
        "bytes_read": len(content),
        "error": "",
        "requested_by": "alice",
        "rows": 2,
        "prompts": 1,
        "items": 0,
        "labels": 2,
        "conversations": 0,
        "repeated": 0,
        "held_out": held_out,
        "num_rejected": 0,
        "rejected": [],
        "turns_left_out": 0,
        "ignored_columns": ["margin"],
    }
    assert Label.objects.count() == 2


def test_bad_row_is_refused_by_its_line_and_the_good_ones_only_kept_when_asked(cast):
    client = api_client(cast.alice)
    content = b'{"prompt": "One?"}\n{broken\n'

    refused = client.post(IMPORT, content, content_type="application/x-ndjson")
    stored_then = Prompt.objects.count()
    kept = client.post(f"{IMPORT}?keep_good=true", content, content_type="application/x-ndjson")

    assert (refused.status_code, refused.json()["code"], stored_then) == (400, "rows_rejected", 0)
    assert [row["line"] for row in refused.json()["rejected"]] == [2]
    assert (kept.status_code, kept.json()["prompts"], kept.json()["num_rejected"]) == (200, 1, 1)


@pytest.mark.parametrize(
    ("content", "content_type", "query"),
    [
        (b"", "application/x-ndjson", ""),
        (b"\n", "application/x-ndjson", ""),
        (JSONL, "application/x-ndjson", "?format=word"),
        (JSONL, "application/x-ndjson", "?kind=xls"),
        (JSONL, "application/x-ndjson", "?keep_good=maybe"),
        (JSONL, "application/x-ndjson", "?keepgood=true"),
        (JSONL, "application/vnd.apache.parquet", ""),
        (JSONL, "multipart/form-data", ""),
        (JSONL, "multipart/form-data; boundary=x", ""),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", ""),
        (parquet(), "application/x-ndjson", ""),
        (gzip.compress(JSONL, mtime=0)[:-4], "application/gzip", ""),
        ('{"prompt": "One?"}'.encode("utf-16"), "application/x-ndjson", ""),
    ],
)
def test_import_that_is_not_understood_is_400_and_stores_nothing(cast, content, content_type, query):
    response = api_client(cast.alice).post(f"{IMPORT}{query}", content, content_type=content_type)

    assert response.status_code == 400
    assert set(response.json()) >= {"detail", "code"}
    assert not Prompt.objects.exists()
    assert not Item.objects.exists()


def test_file_in_another_field_of_the_form_is_refused(cast):
    body = {"upload": SimpleUploadedFile("a.jsonl", JSONL)}

    response = api_client(cast.alice).post(IMPORT, body, format="multipart")

    assert response.status_code == 400
    assert "in the field 'file'" in response.json()["detail"]


def test_topics_come_with_a_prompt_and_can_be_set_later(cast):
    admin = api_client(cast.alice)
    made = admin.post(PROMPTS, {"prompt": "A hard one.", "topics": ["hate", "violent"]}, format="json").json()

    changed = admin.put(f"{PROMPTS}{made['id']}/topics/", {"topics": ["other"]}, format="json")
    refused = admin.put(f"{PROMPTS}{made['id']}/topics/", {"topics": ["gore"]}, format="json")
    stranger = api_client(cast.charlie).put(f"{PROMPTS}{made['id']}/topics/", {"topics": []}, format="json")

    assert made["topics"] == ["violent", "hate"]
    assert (changed.status_code, changed.json()["topics"]) == (200, ["other"])
    assert (refused.status_code, stranger.status_code) == (400, 404)
