"""Snapshots of many labels: left to the importer, with progress, cancelled, begun again."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.test import Client
from factories import Cast, api_client, judge, make_cast, make_item
from procrastinate.contrib.django import connector_params

from labeling.errors import Conflict, Invalid
from labeling.exports import snapshot_jobs
from labeling.exports.snapshot_jobs import ask_for_snapshot, cancel, run_next
from labeling.exports.snapshots import take_snapshot
from labeling.models import Label, Snapshot, SnapshotJob
from labeling.selectors.selection import Selection

pytestmark = pytest.mark.django_db(transaction=True)

JOBS = "/api/v1/projects/colours/snapshot_jobs/"
SNAPSHOTS = "/api/v1/projects/colours/snapshots/"


@pytest.fixture
def cast(monkeypatch) -> Cast:
    """More labels than are taken at once."""
    monkeypatch.setattr(snapshot_jobs, "AT_ONCE_LABELS", 2)
    monkeypatch.setattr(snapshot_jobs, "TELL_SECONDS", 0.0)
    cast = make_cast(num_items=3)
    for _ in range(3):
        judge(cast.project, cast.bob)
    return cast


def ask(cast: Cast, name: str = "v1", **filters) -> SnapshotJob:
    job = ask_for_snapshot(project=cast.project, name=name, selection=Selection(**filters), author=cast.rita)
    assert isinstance(job, SnapshotJob)
    return job


def run() -> bool:
    return run_next(ending=threading.Event())


def test_it_is_the_snapshot_that_a_request_would_have_taken(cast):
    job = ask(cast, kinds=("ranking",))

    ran = [run(), run()]

    job.refresh_from_db()
    same = take_snapshot(project=cast.project, name="same", selection=Selection(kinds=("ranking",)))
    assert ran == [True, False]
    assert (job.state, job.labels, job.labels_done) == ("finished", 3, 3)
    assert (job.snapshot.name, job.snapshot.digest, job.snapshot.author) == ("v1", same.digest, cast.rita)


def test_one_up_to_an_earlier_label_has_what_there_was_then(cast):
    newest = Label.objects.order_by("-id").values_list("id", flat=True)[0]
    before = take_snapshot(project=cast.project, name="before")
    make_item(cast.project, prompt="Later?")
    judge(cast.project, cast.bob)
    job = ask_for_snapshot(project=cast.project, name="v1", selection=Selection(), author=cast.rita, up_to=newest)

    run()

    job.refresh_from_db()
    assert (job.labels, job.snapshot.up_to, job.snapshot.digest) == (3, newest, before.digest)


def test_few_labels_are_taken_at_once_and_bad_names_refused_before(cast, monkeypatch):
    ask(cast, "v1")

    with pytest.raises(Conflict, match="there is a snapshot 'v1' already"):
        ask(cast, "v1")
    with pytest.raises(Invalid, match="the name is 'V 1'"):
        ask(cast, "V 1")
    monkeypatch.setattr(snapshot_jobs, "AT_ONCE_LABELS", 3)
    now = ask_for_snapshot(project=cast.project, name="v2", selection=Selection(), author=None)
    assert isinstance(now, Snapshot)


def test_a_waiting_one_is_cancelled_at_once_and_a_running_one_before_it_goes_on(cast, monkeypatch):
    waiting, running = ask(cast, "v1"), ask(cast, "v2")
    cancel(waiting)
    tell = snapshot_jobs._Teller.__call__

    monkeypatch.setattr(
        snapshot_jobs._Teller, "__call__", lambda teller, done: _cancel_beside(running, tell, teller, done)
    )
    run()

    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.state, running.state, running.error) == (
        "cancelled",
        "cancelled",
        "it was cancelled: there is no snapshot",
    )
    assert not Snapshot.objects.exists()
    with pytest.raises(Conflict, match="this has ended: it is cancelled"):
        cancel(running)


def _cancel_beside(job, tell, teller, done):
    with psycopg.connect(**connector_params(), autocommit=True) as other:
        other.execute("UPDATE labeling_snapshotjob SET cancel_asked = true WHERE id = %s", [job.pk])
    tell(teller, done)


def test_what_a_process_had_begun_is_begun_again_by_the_next(cast):
    job, ending = ask(cast), threading.Event()
    ending.set()

    run_next(ending=ending)

    job.refresh_from_db()
    assert (job.state, Snapshot.objects.count()) == ("running", 0)
    assert run()
    job.refresh_from_db()
    assert job.state == "finished"


def test_what_no_longer_can_be_taken_tells_why(cast):
    job = ask(cast, "v1")
    take_snapshot(project=cast.project, name="v1")

    run()

    job.refresh_from_db()
    assert (job.state, job.error[:34]) == ("refused", "there is a snapshot 'v1' already: ")


def test_by_api_it_is_asked_for_watched_and_cancelled(cast):
    rita = api_client(cast.rita)

    asked = rita.post(SNAPSHOTS, {"name": "v1"}, format="json")
    one = f"{JOBS}{asked.json()['id']}/"
    cancelled = rita.post(f"{one}cancel/")

    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert rita.get(one).json() == cancelled.json() == rita.get(JOBS).json()["results"][0]
    assert rita.post(f"{one}cancel/").status_code == 409


@pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("bob", 403), (None, 401)])
def test_nobody_else_sees_it(cast, who, status):
    job = ask(cast)
    client = api_client(getattr(cast, who) if who else None)
    page = Client()
    if who:
        page.force_login(getattr(cast, who))

    answers = [client.get(JOBS), client.get(f"{JOBS}{job.pk}/"), client.post(f"{JOBS}{job.pk}/cancel/")]
    pages = [page.get(f"/p/colours/data/jobs/{job.pk}/"), page.post(f"/p/colours/data/jobs/{job.pk}/cancel/")]

    assert [each.status_code for each in answers] == [status] * 3
    assert [each.status_code for each in pages] == [302 if status == 401 else status] * 2
    job.refresh_from_db()
    assert job.state == "waiting"


def test_another_projects_job_is_not_there(cast):
    job = ask(cast)
    SnapshotJob.objects.filter(pk=job.pk).update(project=cast.other_project)

    assert api_client(cast.rita).get(f"{JOBS}{job.pk}/").status_code == 404


def test_its_page_tells_how_far_it_is_and_leads_to_the_snapshot(cast):
    page = Client()
    page.force_login(cast.rita)
    asked = page.post("/p/colours/take-snapshot/", {"name": "v1", "filters": ""})
    address = asked["Location"]
    SnapshotJob.objects.update(state="running", labels=200, labels_done=50)

    running = page.get(address).content.decode()
    listed = page.get("/p/colours/data/").content.decode()
    SnapshotJob.objects.update(state="waiting")
    run()
    ended = page.get(address, headers={"HX-Request": "true"})

    assert 'value="25"' in running
    assert "The snapshot v1 is being taken." in listed
    assert ended["HX-Refresh"] == "true"
    assert "/p/colours/data/v1/" in ended.content.decode()


def test_the_list_asks_as_many_queries_for_three_as_for_one(cast, django_assert_num_queries):
    rita = api_client(cast.rita)
    ask(cast, "v1")
    rita.get(JOBS)
    with django_assert_num_queries(3) as one:
        rita.get(JOBS)
    for name in ("v2", "v3"):
        ask(cast, name)

    with django_assert_num_queries(len(one)):
        rita.get(JOBS)
