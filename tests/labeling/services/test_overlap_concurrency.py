"""An admin changes the overlap of open items again and again while people judge: every count stays exact."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest
from django.db import connection
from factories import a_verdict, make_item, make_user

from labeling.models import Item, Label, Membership, Project, Role, Slot, User
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member, update_project

pytestmark = pytest.mark.django_db(transaction=True)
ITEMS, PEOPLE, CHANGES = 25, 6, (3, 1, 4, 2, 5, 1, 3, 2)


def judge_all(project: Project, user: User, ready: threading.Barrier) -> int:
    """Judge until nothing is left; every verdict has to be stored."""
    try:
        ready.wait(timeout=30)
        judged = 0
        while (assignment := claim_next(project=project, annotator=user)) is not None:
            submit_label(assignment_id=assignment.pk, annotator=user, verdict=a_verdict(assignment), client_id=uuid4())
            judged += 1
        return judged
    finally:
        connection.close()


def change_all(project: Project, ready: threading.Barrier) -> int:
    try:
        ready.wait(timeout=30)
        for overlap in CHANGES:
            update_project(project=project, overlap=overlap, apply_to_open_items=True)
        return 0
    finally:
        connection.close()


def test_counts_are_exact_whatever_happens_at_once():
    project = create_project(slug="team", creator=make_user("boss"), overlap=2)
    for number in range(ITEMS):
        make_item(project, prompt=f"Prompt {number}?", texts=("One.", "Two."))
    team = [make_user(f"annotator-{number}") for number in range(PEOPLE)]
    for user in team:
        set_member(project=project, user=user, role=Role.ANNOTATOR)
    ready = threading.Barrier(PEOPLE + 1)

    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        changing = pool.submit(change_all, project, ready)
        judged = list(pool.map(partial(judge_all, project, ready=ready), team))
        changing.result()

    slots = Counter(Slot.objects.values_list("item", flat=True))
    done = Counter(Slot.objects.filter(is_done=True).values_list("item", flat=True))
    items = Item.objects.all()
    assert {item.pk: item.overlap for item in items} == slots
    assert {item.pk: item.num_judgements for item in items} == {item.pk: done[item.pk] for item in items}
    assert Label.objects.count() == sum(judged)
    assert Counter(Label.objects.filter(is_extra=False).values_list("item", flat=True)) == done
    assert sum(Membership.objects.values_list("num_submitted", flat=True)) == sum(done.values())
    project.refresh_from_db()
    assert project.num_slots == sum(slots.values())
