"""Who writes for the queue, and what leaves it when they stop."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from factories import claim, make_cast, make_item

from alignment import promotion, services
from alignment.asking.pool import num_candidates, pool
from alignment.asking.stale import let_go, retired_versions
from alignment.models import LoopSettings, Policy, Promotion, Run
from alignment.watching import look_at_all
from labeling.models import Item, Slot

pytestmark = pytest.mark.django_db
DIGEST = "0" * 64


@pytest.fixture
def cast():
    cast = make_cast(num_items=0)
    services.ensure_loop(project_id=cast.project.pk)
    Policy.objects.filter(version=1).update(promoted=timezone.now() - dt.timedelta(hours=100))
    return cast


def make_version(project, version: int, *, promoted: int | None = None, serving: bool = False, method: str = "dpo"):
    """A version, promoted so many hours ago; it serves from then on when it is said to."""
    parent = Policy.objects.get(project=project, version=1)
    run = Run.objects.create(project=project, method=method, trigger="person", config={}, code_version="0")
    if serving:
        Policy.objects.filter(project=project).update(is_serving=False)
    return Policy.objects.create(
        project=project,
        version=version,
        run=run,
        parent=parent,
        method=method,
        path=f"policies/{version}",
        digest=DIGEST,
        base_digest=DIGEST,
        is_serving=serving,
        promoted=None if promoted is None else timezone.now() - dt.timedelta(hours=promoted),
    )


def bring_to_the_gate(policy: Policy):
    served = Policy.objects.get(project=policy.project_id, is_serving=True)
    Promotion.objects.create(
        project_id=policy.project_id,
        candidate=policy,
        against=served,
        state="asking",
        alpha=0.05,
        most_pairs=100,
        seed=0,
    )


def writers(project, *, shown: int = 4, **changes) -> list[tuple[int, str, int]]:
    LoopSettings.objects.filter(pk=project.pk).update(**changes)
    found = pool(LoopSettings.objects.get(pk=project.pk), shown=shown)
    return [(writer.policy.version, str(writer.part), writer.completions) for writer in found]


def test_at_the_beginning_the_base_writes_everything(cast):
    assert writers(cast.project) == [(1, "serving", 8)]


def test_candidate_and_served_share_what_past_versions_and_the_tuned_one_leave(cast):
    make_version(cast.project, 2, promoted=4, method="sft")
    make_version(cast.project, 3, promoted=3)
    make_version(cast.project, 4, promoted=2, serving=True)
    bring_to_the_gate(make_version(cast.project, 5))

    assert writers(cast.project, candidates=9) == [
        (5, "candidate", 4),
        (4, "serving", 3),
        (3, "past", 1),
        (2, "sft", 1),
    ]
    assert writers(cast.project, past_versions=0, sft_writes=False) == [(5, "candidate", 5), (4, "serving", 4)]
    assert writers(cast.project, newest_writes=False) == [(4, "serving", 9)]
    assert writers(cast.project, past_versions=1, sft_writes=True) == [
        (4, "serving", 7),
        (3, "past", 1),
        (2, "sft", 1),
    ]


def test_a_version_writes_once_whatever_it_is_and_there_are_never_more_writers_than_candidates(cast):
    make_version(cast.project, 2, promoted=3)
    make_version(cast.project, 3, promoted=2, serving=True)

    # Version 1 is a past version and the base at once.
    assert writers(cast.project, past_versions=5) == [(3, "serving", 6), (2, "past", 1), (1, "past", 1)]
    assert writers(cast.project, candidates=2, shown=2) == [(3, "serving", 1), (2, "past", 1)]


def test_versions_whose_files_are_gone_or_that_were_refused_do_not_write(cast):
    make_version(cast.project, 2, promoted=3)
    make_version(cast.project, 3, promoted=2, serving=True)
    make_version(cast.project, 4)  # no promotion is open for it
    make_version(cast.project, 5, method="sft")
    Policy.objects.filter(version=2).update(removed=timezone.now())

    assert writers(cast.project) == [(3, "serving", 7), (1, "past", 1)]


def test_no_fewer_candidates_are_written_than_an_item_shows():
    assert num_candidates(LoopSettings(candidates=3), shown=5) == 5
    assert num_candidates(LoopSettings(candidates=8), shown=5) == 8


def retired(project, **changes) -> list[int]:
    LoopSettings.objects.filter(pk=project.pk).update(past_versions=0, sft_writes=False, **changes)
    return retired_versions(LoopSettings.objects.get(pk=project.pk))


def test_a_version_retires_with_the_promotions_after_it(cast):
    make_version(cast.project, 2, promoted=30)
    make_version(cast.project, 3, promoted=20)
    Policy.objects.filter(pk=make_version(cast.project, 4).pk).update(
        created=timezone.now() - dt.timedelta(hours=25)  # never promoted: two were since
    )
    make_version(cast.project, 5, promoted=10, serving=True)

    assert retired(cast.project, stale_after=1) == [1, 2, 3, 4]
    assert retired(cast.project, stale_after=2) == [1, 2, 4]
    assert retired(cast.project, stale_after=3) == [1]
    assert retired(cast.project, stale_after=0) == []


def test_those_that_still_write_do_not_retire(cast):
    make_version(cast.project, 2, promoted=2)
    make_version(cast.project, 3, promoted=1, serving=True)
    LoopSettings.objects.update(past_versions=1, sft_writes=True, stale_after=1)

    assert retired_versions(LoopSettings.objects.get()) == []


def test_untouched_items_of_retired_versions_leave_and_begun_ones_stay(cast):
    items = [make_item(cast.project, prompt=f"{number}?", policy_version=1) for number in range(3)]
    held = claim(cast.project, cast.bob)
    make_version(cast.project, 2, promoted=2)
    make_version(cast.project, 3, promoted=1, serving=True)
    fresh = make_item(cast.project, prompt="New?", policy_version=3)
    LoopSettings.objects.update(past_versions=0, sft_writes=False, stale_after=2)

    assert let_go(cast.project.pk) == 2
    assert let_go(cast.project.pk) == 0

    assert set(Slot.objects.values_list("item", flat=True)) == {held.item_id, fresh.pk}
    assert Item.objects.filter(left_queue__isnull=False).count() == 2
    assert held.item_id == items[0].pk


def test_a_promotion_lets_go_at_once_and_the_watcher_looks_as_well(cast):
    make_item(cast.project, prompt="Old?", policy_version=1)
    LoopSettings.objects.update(past_versions=0, sft_writes=False, stale_after=1)
    second, third = make_version(cast.project, 2), make_version(cast.project, 3)

    promotion.promote(policy_id=second.pk)
    left_at_once = Item.objects.filter(left_queue__isnull=False).count()
    make_item(cast.project, prompt="Newer?", policy_version=2)
    Policy.objects.filter(pk=second.pk).update(is_serving=False)
    Policy.objects.filter(pk=third.pk).update(is_serving=True, promoted=timezone.now())
    look_at_all(written_out={})

    assert left_at_once == 1
    assert Item.objects.filter(left_queue__isnull=False).count() == 2


def test_a_project_without_a_loop_lets_nothing_go():
    assert let_go(make_cast(num_items=1).project.pk) == 0
