"""The picture of the loop: what each part says, and which one is at work."""

from __future__ import annotations

import pytest
from factories import judge

from alignment import bookkeeping, services
from alignment.models import Policy, Promotion, Stage
from alignment.seeing.picture import picture
from labeling import exchange

pytestmark = pytest.mark.django_db


def drawn(cast):
    found = picture(exchange.project_record(cast.project.pk))
    return found, {part.code: part for part in found.parts}


def test_a_project_that_begins_waits_for_judgements(cast):
    services.ensure_loop(project_id=cast.project.pk)
    judge(cast.project, cast.bob)

    found, parts = drawn(cast)

    assert [part.code for part in found.parts] == ["writes", "queue", "judges", "reward", "training", "gate"]
    assert {part.state for part in found.parts} == {"idle"}
    assert (parts["writes"].value, parts["queue"].value) == ("version 1", "3 judgements wanted")
    assert (parts["judges"].value, parts["judges"].note) == ("1 of 50 new", "49 to the next refresh")
    assert "People judge: 1 of 50 new, 49 to the next refresh." in found.said


def test_nobody_serves_before_a_worker_has_seen_the_project(cast):
    _, parts = drawn(cast)

    assert (parts["writes"].value, parts["writes"].note) == ("none yet", "")


@pytest.mark.parametrize(
    ("method", "stage", "part"),
    [
        ("dpo", Stage.REWARD_MODEL, "reward"),
        ("dpo", Stage.POLICY, "training"),
        ("dpo", Stage.EVALUATION, "gate"),
        ("dpo", Stage.SAMPLING, "writes"),
        ("rm", Stage.SNAPSHOT, "reward"),
    ],
)
def test_the_part_that_a_run_is_in_is_at_work(cast, attempt_at, method, stage, part):
    judge(cast.project, cast.bob)
    run = services.create_run(project_id=cast.project.pk, method=method)
    bookkeeping.start_stage(run_id=run.pk, attempt=attempt_at(run), stage=stage)

    found, _ = drawn(cast)

    assert [each.code for each in found.parts if each.state == "now"] == [part]
    assert [each.pk for each in found.running] == [run.pk]


def test_a_run_that_waits_is_named_and_not_at_work(cast, run):
    _, parts = drawn(cast)

    assert (parts["training"].value, parts["training"].note, parts["training"].state) == (
        f"run {run.pk}",
        "queued",
        "idle",
    )


def test_who_stands_at_the_gate_is_named_with_how_many_pairs_were_judged(cast, run):
    base = Policy.objects.get(project=cast.project, version=1)
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": base}
    policy = Policy.objects.create(project=cast.project, version=2, **fields)
    evidence = {"wins": 7, "losses": 3, "ties": 2}
    limits = {"alpha": 0.05, "most_pairs": 200, "seed": 1, "state": "asking"}
    Promotion.objects.create(project=cast.project, candidate=policy, against=base, evidence=evidence, **limits)

    _, parts = drawn(cast)

    assert (parts["gate"].value, parts["gate"].note) == ("version 2 against 1", "12 of at most 200 pairs")


def test_both_drawings_have_all_parts_within_them(cast):
    found, _ = drawn(cast)

    broad, column = found.layouts

    for layout in (broad, column):
        assert [box.part for box in layout.boxes] == found.parts
        assert all(0 <= box.x <= layout.width - 250 and 0 <= box.y <= layout.height - 88 for box in layout.boxes)
