"""From where a policy is trained, how far it may go, and what is refused of it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from uuid import uuid4

import pytest
from factories import a_verdict, claim, make_cast, submit_label
from safetensors.torch import load_file

from alignment import services, worker
from alignment.artifacts import data_folder
from alignment.clocks import policies
from alignment.clocks.policies import PolicyUnusable
from alignment.clocks.showing import loop_context
from alignment.core.methods.direct import Direct
from alignment.core.records import Demonstration
from alignment.core.rollout import Sampled
from alignment.execution import Execution
from alignment.models import Metric, Policy, RewardModel, Run
from alignment.selectors import serving_policy
from labeling.exchange import project_record

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def execute(run) -> Run:
    ended = worker.execute_run(run.pk)
    assert ended is not None, "another process has the run"
    return ended


@pytest.fixture
def rewarded(judged, start):
    """A project with a current reward model."""
    return execute(start("rm"))


def light(method, **sections):
    """A run of seconds that uses the reward model which is there."""
    usual = {
        "trainer": {"steps": 4, "batch_size": 4},
        "reinforce": {"max_new_tokens": 8},
        "evaluation": {"prompts": 2, "completions": 1},
        "sampling": {"prompts": 0, "max_new_tokens": 8},
    }
    return {name: {**usual.get(name, {}), **sections.get(name, {})} for name in {*usual, *sections}}


def train(judged, method="dpo", **sections):
    changes = light(method, **sections)
    return execute(services.create_run(project_id=judged.project.pk, method=method, changes=changes))


def test_a_policy_run_uses_the_reward_model_that_has_seen_what_it_has(judged, rewarded):
    run = train(judged)

    assert (run.state, run.error) == ("finished", "")
    assert run.rewarded_by == rewarded.reward_model
    assert run.results["reward_model"]["reused"] is True
    assert RewardModel.objects.count() == 1


def test_one_that_has_seen_less_is_not_used_and_the_new_one_becomes_current(judged, rewarded):
    Run.objects.filter(pk=rewarded.pk).update(snapshot_last=1)

    run = train(judged)

    assert run.rewarded_by.number == 2
    assert RewardModel.objects.get(is_current=True).number == 2


def test_a_budget_ends_rollouts_that_are_beyond_it_and_keeps_the_share_within_it(judged, rewarded):
    fast = {"trainer": {"steps": 12, "batch_size": 4, "lr": 0.05}}
    free = train(judged, "reinforce", start={"kl_budget": None}, **fast)
    bound = train(judged, "reinforce", start={"kl_budget": 2.0}, **fast)

    budget = 2.0 * (bound.snapshot_counts["train"] / 1000) ** 0.5
    found = bound.results["policy"]
    assert free.results["policy"]["kl_budget"] is None
    assert free.results["policy"]["kl"] > budget
    assert found["kl_budget"] == pytest.approx(budget)
    assert found["kl"] <= budget
    assert found["steps"] < 12
    assert (found["ended_by_budget"], free.results["policy"]["ended_by_budget"]) == (True, False)
    assert 0 < found["share"] < 1


def test_a_method_without_rollouts_keeps_the_budget_too(judged, rewarded):
    fast = {"trainer": {"steps": 8, "batch_size": 4, "lr": 0.01}}
    whole = train(judged, start={"kl_budget": None}, **fast)
    bound = train(judged, start={"kl_budget": 1.0}, **fast)

    share = bound.results["policy"]["share"]
    mine, theirs = [load_file(data_folder(run.policy.path) / "adapter_model.safetensors") for run in (bound, whole)]
    assert 0 < share < 1
    assert bound.results["policy"]["kl"] <= bound.results["policy"]["kl_budget"]
    assert all(mine[name].allclose(each * (share if "lora_B" in name else 1)) for name, each in theirs.items())


def test_a_policy_of_which_nothing_is_left_within_the_budget_fails_its_run(judged, rewarded, monkeypatch):
    monkeypatch.setattr(policies, "_kl", lambda execution, written: 99.0)

    run = train(judged, start={"kl_budget": 1.0})

    assert run.state == "failed"
    assert run.error.startswith("the new policy is 99 nats from the reference, and no share of what it learned keeps")
    assert serving_policy(judged.project.pk).version == 1


def sampled(text, *, ended):
    return Sampled(text=text, ids=(5, 6), prompt_ids=(1,), ended=ended, logprob=-1.0)


@pytest.mark.parametrize(
    ("texts", "ended", "message"),
    [
        ("", True, "the new policy writes nothing: all of its 6 samples are empty"),
        ("more and more", False, "the new policy never ends: none of its 6 samples does, 100% of the reference's do"),
    ],
)
def test_a_policy_that_writes_nothing_or_forever_fails_its_run_and_the_served_one_goes_on(
    judged, rewarded, monkeypatch, texts, ended, message
):
    def write(execution, prompts, *, adapter):
        policy = adapter == "policy"
        return [sampled(texts if policy else "a reference", ended=ended if policy else True) for _ in range(6)]

    monkeypatch.setattr(policies, "_write", write)

    run = train(judged)

    assert run.state == "failed"
    assert run.error.startswith(message)
    assert run.error.endswith("train with a smaller trainer.lr, fewer steps, or a larger beta")
    assert not Policy.objects.filter(version=2).exists()
    assert serving_policy(judged.project.pk).version == 1


def test_what_the_reference_can_not_do_either_is_no_fault_of_the_policy():
    written = [sampled("on and on", ended=False)] * 3

    policies._refuse_unusable(written, lambda: written)
    with pytest.raises(PolicyUnusable):
        policies._refuse_unusable(written, lambda: [sampled("an end", ended=True)])


def test_a_run_starts_from_demonstrations_where_there_are_enough(judged, rewarded, monkeypatch):
    class Written(Execution):
        @property
        def snapshot(self):
            found = super().snapshot
            return replace(found, written=tuple(Demonstration(each.prompt, "Shown.") for each in found.train[:3]))

    monkeypatch.setattr(worker, "Execution", Written)
    sft = {"weights": "sft", "kl_budget": None}

    enough = train(judged, start={**sft, "least_demonstrations": 2}, trainer={"epochs": 1, "steps": 4})
    few = train(judged, start={**sft, "least_demonstrations": 50})

    assert enough.results["policy"]["started_from"] == f"{min(3, enough.snapshot_counts['train'])} demonstrations"
    assert few.results["policy"]["started_from"] == "the base"
    assert Metric.objects.filter(run=enough, stage="demonstrations").exists()


def test_a_run_that_diverges_fails_with_step_and_remedy_and_the_served_version_goes_on(judged, rewarded, monkeypatch):
    usual = Direct.losses

    def diverging(self, units):
        for loss in usual(self, units):
            yield replace(loss, totals={name: total * math.inf for name, total in loss.totals.items()})

    monkeypatch.setattr(Direct, "losses", diverging)

    run = train(judged)

    assert run.state == "failed"
    assert re.match(r"direct: loss is inf at step 1, in the batch of examples .* or lower lr", run.error)
    assert serving_policy(judged.project.pk).version == 1


def test_two_annotators_who_disagree_on_everything_are_told_from_a_model_that_works(small_world, transactional_db):
    cast = make_cast(num_items=6, overlap=2)
    for annotator, sign in ((cast.bob, 1), (cast.dora, -1)):
        for _ in range(6):
            assignment = claim(cast.project, annotator)
            best_first = sorted(assignment.order, key=lambda completion: sign * completion)
            ranks = [best_first.index(completion) + 1 for completion in assignment.order]
            submit_label(
                assignment_id=assignment.pk,
                annotator=annotator,
                verdict=a_verdict(assignment, ranks=ranks),
                client_id=uuid4(),
            )
    cast.project.prompts.update(held_out=False)
    cast.project.prompts.filter(pk__in=[item.prompt_id for item in cast.items[:3]]).update(held_out=True)
    changes = {"reward_trainer": {"steps": 4, "batch_size": 4}, "reward_model": {"normalise_samples": 4}}

    run = execute(services.create_run(project_id=cast.project.pk, method="rm", changes=changes))

    assert (run.state, run.error) == ("finished", "")
    assert run.rewarded_by.accuracy == pytest.approx(0.5)
    [clock, *_] = loop_context(project_record(cast.project.pk))["clocks"]
    assert clock.warning.startswith("Too few held-out judgements to say whether the reward model is better than chance")
