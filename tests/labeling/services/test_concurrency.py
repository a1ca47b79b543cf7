"""Many annotators at once on PostgreSQL: never over the overlap, no deadlock, nothing doubled or lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from factories import a_verdict, claim, end_lease, make_item, make_user

from labeling.errors import Conflict
from labeling.models import Assignment, Item, Label, Membership, Project, Role, Slot, State, User
from labeling.services.assignments import claim_next, lock_membership, locked_assignment, skip
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run every job in a thread of its own, all starting together; an error of one is raised."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def make_team(*, overlap: int, num_items: int, num_annotators: int) -> tuple[Project, list[User]]:
    project = create_project(slug="team", creator=make_user("boss"), overlap=overlap)
    for number in range(num_items):
        make_item(project, prompt=f"Prompt {number}?", texts=("One.", "Two."))
    team = [make_user(f"annotator-{number}") for number in range(num_annotators)]
    for user in team:
        set_member(project=project, user=user, role=Role.ANNOTATOR)
    return project, team


def work(project: Project, user: User, *, seed: int) -> int:
    """Judge until nothing is left: every third submit twice, every fifth item skipped once."""
    chance = random.Random(seed)
    judged = 0
    while (assignment := claim_next(project=project, annotator=user)) is not None:
        if chance.random() < 0.2:
            skip(assignment_id=assignment.pk, annotator=user)
            continue
        client_id = uuid4()
        verdict = a_verdict(assignment)
        for _ in range(2 if chance.random() < 0.3 else 1):
            submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=client_id)
        judged += 1
    return judged


@pytest.mark.parametrize("overlap", [2, 3])
def test_every_item_gets_at_most_its_overlap_and_every_label_is_stored_once(overlap):
    project, team = make_team(overlap=overlap, num_items=15, num_annotators=10)

    judged = at_once([partial(work, project, user, seed=seed) for seed, user in enumerate(team)])
    # What one gave back at the very end is open for those who had found nothing before.
    while more := sum(work(project, user, seed=seed) for seed, user in enumerate(team)):
        judged.append(more)

    by_item = Counter(Label.objects.filter(is_extra=False).values_list("item", flat=True))
    assert sum(judged) == Label.objects.count()
    assert max(by_item.values()) <= overlap
    assert not Label.objects.filter(is_extra=True).exists()  # every lease was held until the submit
    assert {item.pk: item.num_judgements for item in Item.objects.all()} == {
        item.pk: by_item[item.pk] for item in Item.objects.all()
    }
    assert Slot.objects.filter(is_done=True).count() == sum(by_item.values())
    assert sum(Membership.objects.values_list("num_submitted", flat=True)) == Label.objects.count()
    # A slot stays open only when everybody has judged or skipped its item.
    for slot in Slot.objects.filter(is_done=False).select_related("item"):
        assert slot.item.assignments.exclude(state=State.ACTIVE).count() == len(team)


def test_one_slot_asked_for_by_sixteen_goes_to_one():
    project, team = make_team(overlap=1, num_items=1, num_annotators=16)

    claimed = at_once([partial(claim_next, project=project, annotator=user) for user in team])

    assert len([assignment for assignment in claimed if assignment is not None]) == 1
    assert Assignment.objects.count() == 1


def test_one_annotator_in_eight_tabs_holds_one_assignment():
    project, [user] = make_team(overlap=3, num_items=5, num_annotators=1)

    claimed = at_once([lambda: claim_next(project=project, annotator=user)] * 8)

    assert len({assignment.pk for assignment in claimed}) == 1
    assert Slot.objects.filter(assignment__isnull=False).count() == 1


def test_who_waited_for_the_lock_reads_what_came_of_the_assignment_meanwhile():
    project, [user] = make_team(overlap=1, num_items=1, num_annotators=1)
    assignment = claim_next(project=project, annotator=user)
    assert assignment is not None
    is_locked = threading.Event()

    def submit() -> None:
        with transaction.atomic():
            locked_assignment(assignment_id=assignment.pk, annotator=user)
            is_locked.set()
            time.sleep(0.3)
            Assignment.objects.filter(pk=assignment.pk).update(state=State.SUBMITTED)
            Membership.objects.filter(user=user).update(num_submitted=1)

    def come_later() -> tuple[str, int]:
        is_locked.wait(timeout=30)
        with transaction.atomic():
            membership, found = locked_assignment(assignment_id=assignment.pk, annotator=user)
        return found.state, membership.num_submitted

    _, seen = at_once([submit, come_later])

    assert seen == (State.SUBMITTED, 1)


def test_double_click_in_eight_threads_stores_one_label():
    project, [user] = make_team(overlap=1, num_items=1, num_annotators=1)
    assignment = claim(project, user)
    client_id = UUID("00000000-0000-4000-8000-000000000001")

    submitted = at_once(
        [
            lambda: submit_label(
                assignment_id=assignment.pk, annotator=user, verdict=a_verdict(assignment), client_id=client_id
            )
        ]
        * 8
    )

    assert sorted(result.created for result in submitted) == [False] * 7 + [True]
    assert Label.objects.count() == 1
    assert Membership.objects.get(user=user, project=project).num_submitted == 1


def test_same_client_id_for_two_assignments_at_once_is_a_conflict_and_no_database_error():
    project, team = make_team(overlap=1, num_items=6, num_annotators=6)
    assignments = [claim(project, user) for user in team]
    client_id = UUID("00000000-0000-4000-8000-000000000002")

    def submit(assignment: Assignment, user: User) -> str:
        try:
            submit_label(
                assignment_id=assignment.pk, annotator=user, verdict=a_verdict(assignment), client_id=client_id
            )
        except Conflict as refused:
            return refused.code
        return "stored"

    results = at_once([partial(submit, a, user) for a, user in zip(assignments, team, strict=True)])

    assert sorted(results) == ["client_id_used"] * 5 + ["stored"]


def test_late_submits_race_for_the_slots_that_are_left():
    """Four leases of one item with overlap 2 ended: two of the four submits count, two are extra."""
    project, team = make_team(overlap=2, num_items=1, num_annotators=4)
    assignments = []
    for user in team:
        assignment = claim(project, user)
        end_lease(assignment)
        assignments.append(assignment)

    submitted = at_once(
        [
            partial(submit_label, assignment_id=a.pk, annotator=user, verdict=a_verdict(a), client_id=uuid4())
            for a, user in zip(assignments, team, strict=True)
        ]
    )

    assert sorted(result.label.is_extra for result in submitted) == [False, False, True, True]
    assert Item.objects.get().num_judgements == 2


def test_claims_and_late_submits_of_the_same_slots_do_not_deadlock():
    project, team = make_team(overlap=2, num_items=4, num_annotators=12)
    late = team[:6]
    assignments = []
    for user in late:
        assignment = claim(project, user)
        end_lease(assignment)
        assignments.append(assignment)
    started = time.monotonic()

    at_once(
        [
            partial(submit_label, assignment_id=a.pk, annotator=user, verdict=a_verdict(a), client_id=uuid4())
            for a, user in zip(assignments, late, strict=True)
        ]
        + [partial(work, project, user, seed=seed) for seed, user in enumerate(team[6:])]
    )

    assert time.monotonic() - started < 60
    counted = Counter(Label.objects.filter(is_extra=False).values_list("item", flat=True))
    assert max(counted.values()) <= 2
    assert Label.objects.count() >= len(late)


def test_changing_a_member_while_they_submit_does_not_deadlock():
    project, [user] = make_team(overlap=1, num_items=1, num_annotators=1)
    assignment = claim(project, user)
    member_is_locked = threading.Event()

    def submit() -> object:
        with transaction.atomic():
            lock_membership(project_id=project.pk, user=user)
            member_is_locked.set()
            time.sleep(0.3)  # the other one waits for the membership by now
            return submit_label(
                assignment_id=assignment.pk, annotator=user, verdict=a_verdict(assignment), client_id=uuid4()
            )

    def promote() -> object:
        member_is_locked.wait(timeout=30)
        return set_member(project=project, user=user, role=Role.REVIEWER)

    at_once([submit, promote])

    assert Label.objects.count() == 1
    assert Membership.objects.get(project=project, user=user).role == Role.REVIEWER


def test_one_slug_asked_for_by_six_goes_to_one():
    people = [make_user(f"admin-{number}") for number in range(6)]

    def create(user: User) -> str:
        try:
            return create_project(slug="wanted", creator=user).slug
        except Conflict as refused:
            return refused.code

    results = at_once([partial(create, user) for user in people])

    assert sorted(results) == ["slug_taken"] * 5 + ["wanted"]
