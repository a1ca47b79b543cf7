"""The Python client against a real server."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import pytest
from django.core.cache import cache
from factories import PASSWORD, judge, make_cast

from labeling import client as client_module
from labeling.client import ApiError, Client, Completion, Progress, Unreachable
from labeling.exports.streams import make_export
from labeling.imports import importer
from labeling.models import ImportedModel, Label, Prompt, Snapshot
from labeling.selectors.labels import pseudonym
from labeling.services.guidelines import write_guidelines

CLIENT_ID = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def cast(transactional_db):
    cache.clear()
    return make_cast(num_items=3)


@pytest.fixture
def client_of(live_server):
    return lambda user: Client.login(live_server.url, user.username, PASSWORD, retries=0)


def ranks_of(sheet):
    return {completion.id: place for place, completion in enumerate(sheet.completions, start=1)}


def test_annotator_works_until_nothing_is_left(cast, client_of):
    bob = client_of(cast.bob)
    done = []

    while (sheet := bob.next("colours")) is not None:
        ranks = ranks_of(sheet)
        done.append(bob.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks, notes="ça va").progress)

    assert done == [Progress(done=n, total=3, mine=n) for n in (1, 2, 3)]
    assert Label.objects.filter(annotator=cast.bob, notes="ça va").count() == 3


def test_sheet_is_typed_and_brings_the_draft_back(cast, client_of):
    bob = client_of(cast.bob)
    first = bob.next("colours")

    bob.save_draft(first.assignment, {"notes": "later"})
    second = bob.next("colours")

    assert (second.assignment, second.draft) == (first.assignment, {"notes": "later"})
    assert second.prompt[0].content == "Name a colour, number 0."
    assert {completion.text for completion in second.completions} == {"Red.", "Blue.", "Green."}
    assert isinstance(second.completions[0], Completion)
    assert bob.heartbeat(second.assignment) >= second.lease_expires


def test_a_judgement_can_be_changed_afterwards(cast, client_of):
    bob = client_of(cast.bob)
    sheet = bob.next("colours")
    ranks = ranks_of(sheet)
    first = bob.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks)

    judged = bob.judged(sheet.assignment)
    second = bob.revise(sheet.assignment, ratings=dict.fromkeys(ranks, 5), ranks=ranks)

    assert judged.draft["ratings"] == {str(pk): 4 for pk in ranks}
    assert Label.objects.get(pk=first.label).superseded_by_id == second.label
    assert second.progress.done == 1


def test_skipped_item_is_not_offered_again(cast, client_of):
    bob = client_of(cast.bob)
    first = bob.next("colours")

    bob.skip(first.assignment, "not my language")

    assert bob.next("colours").assignment != first.assignment


def test_submit_with_the_same_client_id_finds_the_first_label(cast, client_of):
    bob = client_of(cast.bob)
    sheet = bob.next("colours")
    ranks = ranks_of(sheet)

    first = bob.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks, client_id=CLIENT_ID)
    second = bob.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks, client_id=CLIENT_ID)

    assert (first.created, second.created, second.label) == (True, False, first.label)


def test_refusal_carries_status_code_and_sentence(cast, client_of):
    bob = client_of(cast.bob)

    with pytest.raises(ApiError, match="404 not_found: there is no project 'nowhere'") as refused:
        bob.next("nowhere")

    assert (refused.value.status, refused.value.code) == (404, "not_found")


def test_the_newest_guidelines_are_found_without_a_version(cast, client_of):
    for text in ("Be kind.", "Be kind and brief."):
        write_guidelines(project=cast.project, author=cast.alice, text=text)

    newest, first = client_of(cast.bob).guidelines("colours"), client_of(cast.bob).guidelines("colours", 1)

    assert (newest["version"], newest["text"], first["text"]) == (2, "Be kind and brief.", "Be kind.")


def test_wrong_password_is_a_refusal(cast, live_server):
    with pytest.raises(ApiError) as refused:
        Client.login(live_server.url, "bob", "guess")

    assert refused.value.status == 400


def test_admin_makes_a_project_and_fills_it(cast, client_of, tmp_path):
    alice = client_of(cast.alice)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"Prompt {n}?"}) + "\n" for n in range(700)))

    alice.create_project("tea", completions_per_item=3)
    alice.update_project("tea", overlap=2)
    alice.add_prompt("tea", "How hot?", completions=["Very.", "Not very."], models=["gpt-4", None])
    summary = alice.import_file("tea", path)

    assert (summary["rows"], summary["prompts"]) == (700, 700)
    assert alice.project("tea")["progress"] == {"done": 0, "total": 2}
    assert ImportedModel.objects.get().name == "gpt-4"
    assert [project["slug"] for project in alice.projects()] == ["colours", "tea"]
    assert len(list(alice.prompts("tea"))) == 701  # more than a page
    assert len(list(alice.prompts("tea", search="Prompt 69"))) == 11


def test_import_that_is_refused_lists_the_rows(cast, client_of, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("prompt\nfine\n\x00\n")

    with pytest.raises(ApiError) as refused:
        client_of(cast.alice).import_file("colours", path)

    assert (refused.value.code, refused.value.body["rejected"][0]["line"]) == ("rows_rejected", 3)
    assert not Prompt.objects.filter(source="API").exists()


def test_a_large_import_is_waited_for_and_its_refusal_lists_the_rows(cast, client_of, tmp_path, monkeypatch, settings):
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    # The importer comes to it while the client sleeps.
    monkeypatch.setattr("labeling.client.time.sleep", lambda _: importer.run_next(ending=threading.Event()))
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"prompt": "One?"}\n{"prompt": "Two?"}\n')
    bad.write_text('{"prompt": "Three?"}\n{"prompt": ""}\n')
    alice = client_of(cast.alice)

    imported = alice.import_file("colours", good)
    with pytest.raises(ApiError) as refused:
        alice.import_file("colours", bad)

    assert (imported["state"], imported["prompts"]) == ("finished", 2)
    assert refused.value.body["rejected"] == [{"line": 2, "reason": "turn 1 is empty"}]


def test_researcher_takes_comparisons_and_a_file_whose_manifest_fits(cast, client_of, tmp_path):
    bob, rita = client_of(cast.bob), client_of(cast.rita)
    sheet = bob.next("colours")
    ranks = dict.fromkeys((completion.id for completion in sheet.completions), 1)
    bob.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks)

    comparisons = list(rita.comparisons("colours", outcome="tie"))
    manifest = rita.manifest("colours", view="rankings")
    path = rita.export("colours", tmp_path / "all.jsonl", view="rankings", **manifest["filters"])

    assert len(comparisons) == 3
    assert list(rita.comparisons("colours", held_out=not comparisons[0]["held_out"])) == []
    assert hashlib.sha256(path.read_bytes()).hexdigest() == manifest["sha256"]
    assert [file.name for file in tmp_path.iterdir()] == ["all.jsonl"]


def test_refused_export_leaves_no_file(cast, client_of, tmp_path):
    with pytest.raises(ApiError):
        client_of(cast.bob).export("colours", tmp_path / "all.jsonl")

    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def judged(cast):
    for _ in range(3):
        judge(cast.project, cast.bob)
    return cast


def test_three_lines_lead_to_a_data_frame(judged, client_of):
    rita = client_of(judged.rita)

    frame = rita.comparisons("colours").to_pandas()

    assert (len(frame), set(frame["outcome"]), frame["weight"].sum()) == (9, {"win"}, pytest.approx(3))
    assert str(frame["created"].dt.tz) == "UTC"
    assert list(frame["annotator"].unique()) == [pseudonym(judged.project.pk, judged.bob.pk)]


def test_without_pandas_it_is_said_what_to_install(judged, client_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        client_of(judged.rita).comparisons("colours").to_pandas()


def test_a_researcher_takes_a_snapshot_and_its_rows(judged, client_of):
    rita = client_of(judged.rita)

    taken = rita.take_snapshot("colours", "v1", kinds=["ranking"])
    rows = list(rita.rows("colours", view="rankings", snapshot="v1"))

    assert [row["name"] for row in rita.snapshots("colours")] == ["v1"]
    assert rita.snapshot("colours", "v1") == taken
    assert (taken["labels"], len(rows)) == (3, 3)
    assert list(rita.rows("colours", kinds=["pair", "best"])) == []


def test_a_file_of_a_snapshot_goes_on_where_it_broke_off(judged, client_of, tmp_path):
    rita = client_of(judged.rita)
    rita.take_snapshot("colours", "v1")
    whole = rita.export("colours", tmp_path / "whole.jsonl", snapshot="v1").read_bytes()
    etag = make_export(project=judged.project, snapshot=Snapshot.objects.get()).key
    (tmp_path / ".rest.jsonl.part").write_bytes(whole[:100].replace(b"prompt", b"PROMPT"))
    (tmp_path / ".rest.jsonl.etag").write_text(f'"{etag}"')

    rest = rita.export("colours", tmp_path / "rest.jsonl", snapshot="v1").read_bytes()

    assert rest == whole[:100].replace(b"prompt", b"PROMPT") + whole[100:]  # what was there is not asked for again
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rest.jsonl", "whole.jsonl"]


class Flaky(BaseHTTPRequestHandler):
    """Breaks the connection at first, is busy next, and answers then; remembers what it was sent."""

    bodies: list[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        if len(self.bodies) == 1:
            self.connection.close()
            return
        answer = {"label": 5, "created": False, "extra": False, "progress": {"done": 1, "total": 2, "mine": 1}}
        busy = len(self.bodies) == 2
        content = b"<html>busy</html>" if busy else json.dumps(answer).encode()
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.bodies.append(self.headers["Range"].encode())
        time.sleep(0.5)
        self.send_response(206)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"rest")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def flaky(monkeypatch):
    monkeypatch.setattr(client_module, "FIRST_WAIT_SECONDS", 0.01)
    Flaky.bodies = []
    server = HTTPServer(("127.0.0.1", 0), Flaky)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the broken connection is on purpose
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_submit_is_repeated_with_the_same_client_id_when_the_server_does_not_answer(flaky):
    submitted = Client(flaky, "token").submit(1, ratings={1: 4, 2: 4}, ranks={1: 1, 2: 1})

    assert submitted.label == 5
    assert len(Flaky.bodies) == 3
    assert len({json.loads(body)["client_id"] for body in Flaky.bodies}) == 1


def test_what_goes_on_is_waited_for_while_the_server_finds_its_length(flaky, tmp_path):
    (tmp_path / ".a.jsonl.part").write_text("begun ")
    (tmp_path / ".a.jsonl.etag").write_text('"tag"')

    path = Client(flaky, "token", timeout=0.1, retries=0).export("tea", tmp_path / "a.jsonl", snapshot="v1")

    assert (path.read_text(), Flaky.bodies) == ("begun rest", [b"bytes=6-"])


def test_file_is_sent_from_its_beginning_at_each_retry(flaky, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a"}')

    Client(flaky, "token").import_file("tea", path)

    assert Flaky.bodies == [b'{"prompt": "a"}'] * 3


def test_what_is_not_safe_to_repeat_is_tried_once(flaky):
    with pytest.raises(Unreachable, match="failed 1 times"):
        Client(flaky, "token").create_project("tea")

    assert len(Flaky.bodies) == 1


def test_client_is_two_files_without_django():
    code = (
        "import sys, runpy; runpy.run_path(sys.argv[1]); "
        "parts = ('django', 'labeling', 'rest_framework', 'pandas'); "
        "print([name for name in sys.modules if name.split('.')[0] in parts])"
    )

    out = subprocess.run(
        [sys.executable, "-I", "-c", code, client_module.__file__], capture_output=True, text=True, check=True
    )

    assert out.stdout.strip() == "['labeling', 'labeling.client_data']"
