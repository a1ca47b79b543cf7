"""A round from prompts to items, with a model of random weights."""

from __future__ import annotations

import json
from collections import Counter
from math import comb

import pytest
import torch
from factories import make_cast

from alignment import requests, services
from alignment.artifacts import data_folder, folder_digest, load_base
from alignment.asking.rounds import hand_over, prompts_for_round, write_round
from alignment.core.config import RewardModelConfig
from alignment.core.methods.model_files import save_model
from alignment.core.methods.reward_model import RewardModel as CoreRewardModel
from alignment.models import LoopSettings, Policy, Promotion, RewardModel, Run
from alignment.plans import SamplingConfig
from labeling.models import Completion, Item, Project
from labeling.services.projects import update_project
from labeling.services.prompts import add_prompts

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
SAMPLING = SamplingConfig(prompts=6, completions=3, max_new_tokens=6)


@pytest.fixture
def cast(small_world):
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=20)
    cast.project.refresh_from_db()
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(40)])
    services.ensure_loop(project_id=cast.project.pk)
    return cast


@pytest.fixture
def base(cast):
    return load_base(lora=requests._plan(cast.project.pk).lora, device="cpu", known="")


def at_the_gate(project, base) -> Policy:
    """A version 2 whose adapter is not the base's, about which nobody has decided."""
    base.add_adapter("policy")
    with torch.no_grad():
        for parameter in base.parameters("policy"):
            parameter.add_(0.02)
    base.save_adapter("policy", data_folder("policies/2"))
    first = Policy.objects.get(project=project, version=1)
    policy = Policy.objects.create(
        project=project,
        version=2,
        run=Run.objects.create(project=project, method="dpo", trigger="person", config={}, code_version="0"),
        parent=first,
        path="policies/2",
        digest=folder_digest(data_folder("policies/2")),
        base_digest=base.digest,
    )
    Promotion.objects.create(
        project=project, candidate=policy, against=first, state="asking", alpha=0.05, most_pairs=100, seed=0
    )
    return policy


def with_reward_model(project, base, *, members: int = 3) -> None:
    model = CoreRewardModel(base, RewardModelConfig(members=members), adapter="trained")
    save_model(model, data_folder("reward_models/1"))
    run = Run.objects.create(project=project, method="rm", trigger="person", config={}, code_version="0")
    RewardModel.objects.create(
        project=project,
        run=run,
        number=1,
        members=members,
        is_current=True,
        path="reward_models/1",
        digest=folder_digest(data_folder("reward_models/1")),
        base_digest=base.digest,
    )


def round_of(cast, base, *, seed=3, sampling=SAMPLING):
    return write_round(LoopSettings.objects.get(pk=cast.project.pk), base, sampling=sampling, seed=seed)


def test_until_there_is_a_reward_model_everything_is_random_and_says_so(cast, base):
    kept = round_of(cast, base)

    assert hand_over(cast.project.pk, kept) == 6
    for item in Item.objects.all():
        assert (item.rule, item.is_random, item.entries.count()) == ("random", True, 3)
        assert item.propensity == item.random_propensity
    assert {group["chosen"]["propensity"] for group in kept["groups"]} <= {1 / comb(count, 3) for count in range(3, 9)}


def test_with_one_the_rule_chooses_prompts_and_completions_and_held_out_prompts_stay_random(cast, base):
    with_reward_model(cast.project, base)
    LoopSettings.objects.update(rule="variance", random_share=0.2, prompts_considered=3)

    assert (
        hand_over(
            cast.project.pk, round_of(cast, base, sampling=SamplingConfig(prompts=10, completions=3, max_new_tokens=6))
        )
        == 10
    )

    held_out = Item.objects.filter(prompt__held_out=True)
    ruled = Item.objects.filter(prompt__held_out=False)
    assert set(held_out.values_list("rule", "is_random")) == {("random", True)}
    assert set(ruled.values_list("rule", flat=True)) == {"variance"}
    assert held_out.count() == 1
    assert 1 <= ruled.filter(is_random=True).count() <= 2
    # Chance alone: nine of 27 prompts, and one of C(8, 3) sets at least.
    for at_random, propensity in ruled.values_list("random_propensity", "propensity"):
        assert at_random is not None
        assert propensity is not None
        assert 9 / 27 / comb(8, 3) <= at_random <= 9 / 27
        assert at_random / propensity <= 5 + 1e-9


def test_the_candidate_and_the_served_version_write_for_the_same_items(cast, base):
    at_the_gate(cast.project, base)

    hand_over(cast.project.pk, round_of(cast, base))

    assert set(Item.objects.values_list("policy_version", "priority")) == {(2, 2)}
    wrote = Counter(Completion.objects.values_list("policy_version", flat=True))
    assert wrote.keys() == {1, 2}
    mixed = [
        item for item in Item.objects.all() if item.entries.values("completion__policy_version").distinct().count() == 2
    ]
    assert mixed


def test_the_same_seed_gives_the_same_round_and_the_same_round_nothing_twice(cast, base):
    first, second = round_of(cast, base), round_of(cast, base)

    assert json.loads(json.dumps(first)) == second
    assert (hand_over(cast.project.pk, first), hand_over(cast.project.pk, second)) == (6, 0)


def test_a_single_member_falls_back_to_random(cast, base):
    with_reward_model(cast.project, base, members=1)

    hand_over(cast.project.pk, round_of(cast, base))

    assert set(Item.objects.values_list("rule", flat=True)) == {"random"}


def test_a_pair_shows_two_and_suggestions_are_random(cast, base):
    with_reward_model(cast.project, base)
    update_project(project=cast.project, kinds=["pair", "demonstration"])

    hand_over(
        cast.project.pk, round_of(cast, base, sampling=SamplingConfig(prompts=12, completions=3, max_new_tokens=6))
    )

    by_kind = {item.kind: item for item in Item.objects.filter(prompt__held_out=False)}
    assert by_kind["pair"].entries.count() == 2
    assert by_kind["pair"].rule == "bai_ts"
    assert by_kind["demonstration"].rule == "random"


def test_a_past_version_that_cannot_be_loaded_is_left_out_and_the_served_one_is_an_error(cast, base):
    policy = at_the_gate(cast.project, base)
    Promotion.objects.all().delete()
    Policy.objects.filter(pk=policy.pk).update(promoted=policy.created, digest="0" * 64)

    assert len(round_of(cast, base)["groups"]) == 6

    Policy.objects.filter(version=1).update(is_serving=False)
    Policy.objects.filter(version=2).update(is_serving=True)
    with pytest.raises(ValueError, match="restore it"):
        round_of(cast, base)


def test_one_prompt_in_ten_is_held_out_and_those_written_for_least_come_first(cast):
    cast.project.prompts.update(held_out=False, times_sampled=1)
    cast.project.prompts.filter(pk__in=list(cast.project.prompts.values_list("pk", flat=True)[:5])).update(
        held_out=True
    )
    least = set(cast.project.prompts.filter(held_out=False).order_by("-pk").values_list("pk", flat=True)[:20])
    cast.project.prompts.filter(pk__in=least).update(times_sampled=0)

    records = prompts_for_round(cast.project.pk, budget=20, considered=1)
    several = prompts_for_round(cast.project.pk, budget=20, considered=3)

    assert sum(record.held_out for record in records) == 2
    assert {record.id for record in records if not record.held_out} <= least
    assert len(several) == 2 + 35  # as many as there are


def test_held_out_prompts_stand_in_the_middle_of_their_ten(cast, base):
    kept = round_of(cast, base, sampling=SamplingConfig(prompts=20, completions=2, max_new_tokens=4))

    held_out = set(cast.project.prompts.filter(held_out=True).values_list("pk", flat=True))
    places = [place for place, group in enumerate(kept["groups"]) if group["completions"][0]["prompt"] in held_out]
    assert places == [4, 14]


def test_a_filled_queue_says_who_wrote_and_an_empty_project_gives_nothing(cast):
    services.change_loop(project_id=cast.project.pk, max_new_tokens=6, prompts_per_round=4)

    assert requests.fill_queue(cast.project.pk, device="cpu") == 4

    cast.project.prompts.update(is_archived=True)
    assert requests.fill_queue(cast.project.pk, device="cpu") == 0
