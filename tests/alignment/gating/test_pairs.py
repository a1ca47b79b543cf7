"""Pairs as the worker writes them, with a model of random weights."""

from __future__ import annotations

import pytest

from alignment import services, worker
from alignment.gating import pairs
from alignment.gating.opening import bring_to_gate
from alignment.models import GatePair, Policy, Promotion
from labeling.models import Completion, Item, Slot
from labeling.services.tags import set_tags

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def promotion(judged, start) -> Promotion:
    """Version 2, trained in seconds, which people are asked about."""
    judged.project.prompts.update(held_out=False)
    few = judged.project.prompts.order_by("-pk")[:3].values_list("pk", flat=True)
    judged.project.prompts.filter(pk__in=list(few)).update(held_out=True)
    run = worker.execute_run(start("dpo", more={"trainer": {"lr": 0.01}}).pk)
    assert run is not None
    Promotion.objects.filter(state="rejected").delete()  # what a guard says of such a model is no matter here
    policy = Policy.objects.get(version=2)
    if not Promotion.objects.exists():
        run.state, run.finished = "running", None
        run.save()
        bring_to_gate(run_id=run.pk, attempt=run.attempts, policy=policy, guards=[], identical=False)
    return Promotion.objects.get(state="asking")


def test_both_versions_write_anew_for_prompts_drawn_with_replacement(judged, promotion):
    first = pairs.write_pairs(promotion.pk, is_watch=False, device="cpu")
    second = pairs.write_pairs(promotion.pk, is_watch=False, device="cpu")

    rows = list(GatePair.objects.order_by("pk"))
    assert (first, second, len(rows)) == (6, 6, 12)
    for row in rows:
        written = Completion.objects.filter(entries__item=row.item_id)
        assert set(written.values_list("policy_version", flat=True)) == {1, 2}
    assert {row.item.prompt.held_out for row in rows} == {True}
    assert len({row.item.prompt_id for row in rows}) <= 3  # of twelve draws from three prompts some come again
    items = Item.objects.filter(pk__in=[row.item_id for row in rows if not row.is_same])
    assert set(items.values_list("kind", "purpose", "overlap", "priority")) == {("pair", "evaluation", 1, 31_000)}
    assert Slot.objects.filter(item__in=items).count() == items.count()


def test_without_held_out_prompts_it_is_said_why_nobody_is_asked(judged, promotion):
    judged.project.prompts.update(held_out=False)

    worker.ask_pairs_job(promotion.pk, is_watch=False)

    promotion.refresh_from_db()
    assert promotion.error == "there are no held-out prompts to ask people about: add prompts, of which a share is"
    assert not GatePair.objects.exists()


def test_of_one_that_was_decided_nothing_is_written(judged, promotion):
    Policy.objects.filter(version=2).update(path="gone")
    services.ensure_loop(project_id=judged.project.pk)
    Promotion.objects.filter(pk=promotion.pk).update(state="superseded", cause="newer", decided=promotion.created)

    assert pairs.write_pairs(promotion.pk, is_watch=False, device="cpu") == 0


def test_prompts_with_the_tag_are_the_regression_set(judged, start):
    prompts = list(judged.project.prompts.order_by("pk")[:3])
    for prompt in prompts:
        set_tags(project=judged.project, prompt_id=prompt.pk, tags=["regression"])

    worker.execute_run(start("dpo").pk)

    [found] = [each for each in Promotion.objects.get().guards if each["name"] == "regression"]
    assert (found["num"], found["limit"], found["by"]) == (3, 0.1, "own")
    assert found["passed"] is not None
