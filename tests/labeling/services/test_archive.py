"""An archived project is read-only."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction
from factories import a_verdict, api_client, claim, judge, make_cast

from alignment.services import change_loop, create_run
from labeling.errors import Conflict
from labeling.models import AuditEntry, Item, Label, Project, Prompt, Slot
from labeling.selectors.access import projects_of
from labeling.selectors.progress import overview
from labeling.services.archive import archive_project, restore_project
from labeling.services.assignments import claim_next, heartbeat, save_draft, skip
from labeling.services.guidelines import write_guidelines
from labeling.services.labels import submit_label
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db


def test_nobody_judges_changes_or_brings_anything():
    cast = make_cast(num_items=2)
    held = claim(cast.project, cast.bob)
    archived = archive_project(project=cast.project, changed_by=cast.alice)
    refused = {
        "claim": lambda: claim_next(project=archived, annotator=cast.dora),
        "submit": lambda: submit_label(
            assignment_id=held.pk, annotator=cast.bob, verdict=a_verdict(held), client_id=uuid.uuid4()
        ),
        "draft": lambda: save_draft(assignment_id=held.pk, annotator=cast.bob, draft={}),
        "heartbeat": lambda: heartbeat(assignment_id=held.pk, annotator=cast.bob),
        "skip": lambda: skip(assignment_id=held.pk, annotator=cast.bob),
        "settings": lambda: update_project(project=archived, overlap=2),
        "guidelines": lambda: write_guidelines(project=archived, author=cast.alice, text="New."),
    }

    codes = {}
    for name, attempt in refused.items():
        with pytest.raises(Conflict) as error, transaction.atomic():
            attempt()
        codes[name] = error.value.code

    assert codes == dict.fromkeys(refused, "project_archived")
    assert not Label.objects.exists()
    assert not Slot.objects.exclude(assignment=None).exists()


def test_database_itself_takes_nothing_new_into_an_archived_project():
    cast = make_cast(num_items=1)
    archive_project(project=cast.project)
    prompt = cast.items[0].prompt

    with pytest.raises(IntegrityError, match="archived"), transaction.atomic():
        Prompt.objects.create(
            project=cast.project, messages=[{"role": "user", "content": "x"}], digest="0" * 64, held_out=False
        )
    with pytest.raises(IntegrityError, match="archived"), transaction.atomic():
        Item.objects.create(project=cast.project, prompt=prompt, overlap=1)
    with pytest.raises(IntegrityError, match="project_archived_is_paused"), transaction.atomic():
        Project.objects.filter(pk=cast.project.pk).update(is_paused=False)


def test_what_the_database_refuses_is_said_like_every_refusal(client):
    cast = make_cast(num_items=1)
    archive_project(project=cast.project)
    client.force_login(cast.alice)

    by_api = api_client(cast.alice).post("/api/v1/projects/colours/prompts/", {"prompt": "A new one?"}, format="json")
    by_page = client.post("/p/colours/prompts/add/", {"prompts": "A new one?"})

    assert (by_api.status_code, by_api.json()["code"]) == (409, "project_archived")
    assert by_page.status_code == 409
    assert "is archived" in by_page.content.decode()


def test_archived_project_is_in_no_list_but_can_be_read():
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)
    archive_project(project=cast.project)
    bob, rita = api_client(cast.bob), api_client(cast.rita)

    assert [place.project.slug for place in overview(cast.bob)] == []
    assert [place.project.slug for place in overview(cast.bob, archived=True)] == ["colours"]
    assert [project.slug for project in projects_of(cast.bob)] == ["colours"]
    assert bob.get("/api/v1/projects/").json()["results"] == []
    assert [row["slug"] for row in bob.get("/api/v1/projects/?archived=true").json()["results"]] == ["colours"]
    assert rita.get("/api/v1/projects/colours/").json()["is_archived"]
    assert rita.get("/api/v1/projects/colours/comparisons/").status_code == 200
    assert bob.post("/api/v1/projects/colours/next/").json()["code"] == "project_archived"


def test_no_run_starts_and_the_loop_does_not_change():
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)
    archive_project(project=cast.project)

    with pytest.raises(Conflict, match="archived"):
        create_run(project_id=cast.project.pk, start=False)
    with pytest.raises(Conflict, match="archived"):
        change_loop(project_id=cast.project.pk, temperature=0.5)


def test_restored_project_goes_on_where_it_was():
    cast = make_cast(num_items=1)
    held = claim(cast.project, cast.bob)
    save_draft(assignment_id=held.pk, annotator=cast.bob, draft={"notes": "half"})
    archive_project(project=cast.project, changed_by=cast.alice)
    archive_project(project=cast.project, changed_by=cast.alice)

    restored = restore_project(project=cast.project, changed_by=cast.alice)
    restore_project(project=cast.project, changed_by=cast.alice)
    update_project(project=restored, is_paused=False)
    again = claim(cast.project, cast.bob)

    assert (again.pk, again.draft) == (held.pk, {"notes": "half"})
    actions = AuditEntry.objects.filter(project=cast.project, action__startswith="project.").order_by("id")
    assert [entry.action for entry in actions][1:3] == ["project.archived", "project.restored"]
