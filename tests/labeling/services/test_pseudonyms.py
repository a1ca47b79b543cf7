"""Pseudonyms of old projects: what making them with a secret does, by page, API and command, and what stays."""

from __future__ import annotations

import hashlib
import hmac
import json
from importlib import import_module

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from factories import api_client, judge, make_cast

from labeling.errors import Conflict
from labeling.exports.snapshots import take_snapshot
from labeling.exports.streams import make_export
from labeling.models import AuditEntry, Project, Snapshot
from labeling.selectors import labels
from labeling.selectors.labels import names_of, pseudonym
from labeling.services.archive import archive_project
from labeling.services.pseudonyms import key_pseudonyms

pytestmark = pytest.mark.django_db
PAGE = "/p/colours/settings/pseudonyms/"
ENDPOINT = "/api/v1/projects/colours/pseudonyms/"
MIGRATION = import_module("labeling.migrations.0026_conversations_and_names")


@pytest.fixture
def cast(monkeypatch):
    """A project of before, with a judgement of bob's and a snapshot of it."""
    monkeypatch.setattr(labels, "_secrets", {})
    monkeypatch.setattr(labels, "_without", {})
    cast = make_cast(num_items=3)
    judge(cast.project, cast.bob)
    Project.objects.filter(pk=cast.project.pk).update(pseudonym_key="")
    cast.project.refresh_from_db()
    return cast


def plain(cast):
    return "annotator-" + hashlib.sha256(f"prefloop {cast.project.pk} {cast.bob.pk}".encode()).hexdigest()[:10]


def keyed(cast):
    key = Project.objects.get(pk=cast.project.pk).pseudonym_key
    return "annotator-" + hmac.new(bytes.fromhex(key), str(cast.bob.pk).encode(), "sha256").hexdigest()[:10]


def forget_at_once(monkeypatch):
    monkeypatch.setattr(labels, "_without", {})


def content(project, snapshot=None, view="rankings"):
    return b"".join(make_export(project=project, view=view, snapshot=snapshot).stream())


def names_in(written):
    return {json.loads(line)["annotator"] for line in written.splitlines()}


def test_exports_name_people_otherwise_and_snapshots_stay_the_same_byte_by_byte(cast, monkeypatch):
    snapshot = take_snapshot(project=cast.project, name="v1")
    views = ("rankings", "comparisons", "ratings")
    before = [content(cast.project, snapshot, view) for view in views]

    key_pseudonyms(project=cast.project, changed_by=cast.alice)
    forget_at_once(monkeypatch)
    judge(cast.project, cast.bob)
    later = take_snapshot(project=Project.objects.get(pk=cast.project.pk), name="v2")

    snapshot.refresh_from_db()
    assert [content(cast.project, snapshot, view) for view in views] == before
    assert names_in(before[0]) == {plain(cast)}
    assert plain(cast) in snapshot.card
    assert names_in(content(cast.project)) == names_in(content(cast.project, later)) == {keyed(cast)}
    assert keyed(cast) in later.card
    assert hashlib.sha256(before[0]).hexdigest() == snapshot.manifest["views"]["rankings"]["sha256"]
    assert keyed(cast) != plain(cast)


def test_another_process_learns_of_it_within_a_second_and_a_read_keeps_the_names_it_began_with(cast, monkeypatch):
    reading = names_of(cast.project)
    begun = reading.of(cast.bob.pk)

    key_pseudonyms(project=cast.project)

    assert pseudonym(cast.project.pk, cast.bob.pk) == plain(cast)
    monkeypatch.setattr(labels, "monotonic", lambda: 1e12)
    assert pseudonym(cast.project.pk, cast.bob.pk) == keyed(cast)
    assert reading.of(cast.bob.pk) == begun == plain(cast)


def test_a_snapshot_that_was_begun_before_keeps_the_names_of_then(cast):
    snapshot = take_snapshot(project=cast.project, name="v1")

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the end of this transaction
        cursor.execute(MIGRATION.NAMES_OF_BEFORE)

    assert Snapshot.objects.values_list("has_keyed_names", flat=True).get(pk=snapshot.pk) is False


def test_it_is_done_once_remembered_and_refused_in_the_archive(cast):
    key_pseudonyms(project=cast.project, changed_by=cast.alice)

    entry = AuditEntry.objects.get(action="project.pseudonyms")
    key = Project.objects.get(pk=cast.project.pk).pseudonym_key
    assert (entry.actor, entry.after) == (cast.alice, {"people": 1, "snapshots_as_before": 0})
    assert key not in json.dumps(entry.after)
    with pytest.raises(Conflict, match="made with a secret already"):
        key_pseudonyms(project=cast.project)
    assert Project.objects.get(pk=cast.project.pk).pseudonym_key == key
    Project.objects.filter(pk=cast.project.pk).update(pseudonym_key="")
    archive_project(project=cast.project)
    with pytest.raises(Conflict, match="archived"):
        key_pseudonyms(project=cast.project)


def test_the_page_says_what_it_does_before_it_is_done(cast, client):
    take_snapshot(project=cast.project, name="v1")
    client.force_login(cast.alice)

    asked = client.post(PAGE)
    back = client.post(PAGE, {"back": "1"})
    before = Project.objects.get(pk=cast.project.pk).pseudonym_key
    done = client.post(PAGE, {"confirmed": "1"}, follow=True)

    assert "1 person who judged has another name from now on" in asked.content.decode()
    assert "1 snapshot keeps the names of before" in asked.content.decode()
    assert (back["Location"], before) == ("/p/colours/settings/", "")
    assert "The pseudonyms are made with a secret of the project now." in done.content.decode()
    assert len(Project.objects.get(pk=cast.project.pk).pseudonym_key) == 64
    assert PAGE not in done.content.decode()
    assert client.post(PAGE).status_code == 409


@pytest.mark.parametrize("name", ["bob", "rita"])
def test_nobody_but_an_admin_is_shown_it(cast, client, name):
    client.force_login(getattr(cast, name))

    assert client.post(PAGE, {"confirmed": "1"}).status_code == 403
    assert Project.objects.get(pk=cast.project.pk).pseudonym_key == ""


def test_the_api_says_it_and_does_it_for_who_names_the_project(cast):
    alice = api_client(cast.alice)

    told = alice.get(ENDPOINT).json()
    unsure = alice.post(ENDPOINT, {"project": "other-colours"}, format="json")
    done = alice.post(ENDPOINT, {"project": "colours"}, format="json").json()
    again = alice.post(ENDPOINT, {"project": "colours"}, format="json")

    assert (told["is_keyed"], told["people"], told["snapshots"], len(told["effects"])) == (False, 1, 0, 4)
    assert (unsure.status_code, unsure.json()["detail"]) == (
        400,
        "that is not the slug of this project: nothing was changed",
    )
    assert done == {"is_keyed": True, "people": 0, "snapshots": 0, "effects": []}
    assert (again.status_code, again.json()["code"]) == (409, "already_keyed")


def test_the_command_asks_first(cast, capsys, monkeypatch):
    answers = iter(["no", "yes"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))

    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("key_pseudonyms", "--project=colours")
    before = Project.objects.get(pk=cast.project.pk).pseudonym_key
    call_command("key_pseudonyms", "--project=colours")

    assert (before, len(Project.objects.get(pk=cast.project.pk).pseudonym_key)) == ("", 64)
    assert "Names in exports: 1 person who judged has another name" in capsys.readouterr().out
    with pytest.raises(CommandError, match="made with a secret already"):
        call_command("key_pseudonyms", "--project=colours", "--yes")
