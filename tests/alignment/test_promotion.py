"""Which version serves, and who decided it."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from factories import judge

from alignment import services
from alignment.models import Policy
from alignment.promotion import promote
from labeling.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions(cast) -> dict[int, Policy]:
    """The first version, which serves, and two that were trained."""
    judge(cast.project, cast.bob)
    runs = [services.create_run(project_id=cast.project.pk) for _ in range(2)]
    first = Policy.objects.get(project=cast.project, version=1)
    trained = [
        Policy.objects.create(
            project=cast.project, version=number, parent=first, run=run, method="dpo", path="p", digest="0" * 64
        )
        for number, run in enumerate(runs, start=2)
    ]
    return {policy.version: policy for policy in (first, *trained)}


def test_promoting_moves_the_pointer_and_an_older_version_is_a_rollback(cast, versions):
    for number in (2, 3, 2):
        promote(policy_id=versions[number].pk)

    assert list(Policy.objects.filter(is_serving=True).values_list("version", flat=True)) == [2]
    versions[3].refresh_from_db()
    assert versions[3].status == "past"


def test_who_promoted_what_is_remembered_once(cast, versions):
    promote(policy_id=versions[2].pk)
    promote(policy_id=versions[3].pk, changed_by=cast.alice.pk)
    promote(policy_id=versions[3].pk, changed_by=cast.alice.pk)

    entries = AuditEntry.objects.filter(action="policy.promoted").order_by("pk")
    assert [(row.actor, row.before, row.after) for row in entries] == [
        (None, {"version": 1}, {"version": 2}),
        (cast.alice, {"version": 2}, {"version": 3}),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_promote_at_once_leave_one_version_serving(cast, versions):
    gate = threading.Barrier(2)

    def press(policy: Policy) -> None:
        gate.wait()
        promote(policy_id=policy.pk)
        connection.close()

    threads = [threading.Thread(target=press, args=[versions[number]]) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Policy.objects.filter(project=cast.project, is_serving=True).count() == 1
