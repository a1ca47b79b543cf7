"""Runs from the snapshot to the queue, in this process, with a model of random weights."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from tiny_models import save_model

from alignment import promotion, services, stages, worker
from alignment.artifacts import data_folder, folder_digest, load_base
from alignment.core.methods.model_files import load_model
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.model.loading import weights_digest
from alignment.core.tiny import FILES
from alignment.datasets import to_prompt
from alignment.execution import Execution
from alignment.gating.settings import change_gate
from alignment.learning import policy_method
from alignment.models import Evaluation, Metric, Policy, Promotion, RewardModel, Run, Sample, SecondRewardModel, Stage
from alignment.patience import Interrupted, ending
from alignment.plans import Plan
from labeling.models import Completion, Item

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def execute(run_id, **arguments) -> Run:
    ended = worker.execute_run(run_id, **arguments)
    assert ended is not None, "another process has the run"
    return ended


def metrics_of(run, stage):
    return list(Metric.objects.filter(run=run, stage=stage).order_by("step").values_list("step", "values"))


@pytest.mark.parametrize(
    "method", ["dpo", "kto", "orpo", "tie_dpo", "listwise", "ppo", "reinforce", "grpo", "nash_md", "sft", "best_of_n"]
)
def test_a_run_makes_a_policy_evaluates_it_and_fills_the_queue(judged, start, method):
    items_before = Item.objects.count()

    run = execute(start(method).pk)

    assert (run.state, run.error) == ("finished", "")
    policy = Policy.objects.get(version=2)
    base = Policy.objects.get(project=judged.project, version=1)
    assert (policy.run, policy.parent, policy.method) == (run, base, method)
    assert folder_digest(data_folder(policy.path)) == policy.digest
    assert Evaluation.objects.get().against.version == 1
    assert Sample.objects.filter(policy=policy).exists()
    # It is at the gate, and writes beside the base, unless a guard refused it.
    promotion = Promotion.objects.get(candidate=policy)
    assert (promotion.against, promotion.state) == (base, run.results["evaluation"]["state"])
    writer = 2 if promotion.state == "asking" else 1
    assert Policy.objects.get(is_serving=True) == base
    of_it = Item.objects.filter(policy_version=writer, priority__lt=31_000).order_by("-id")
    new = list(of_it[: Item.objects.count() - items_before - run.results["evaluation"]["worst_items"]])
    assert 1 <= len(new) <= 3
    written = Completion.objects.filter(entries__item__in=new)
    assert {(0, writer)} <= set(written.values_list("sampling__top_k", "policy_version")) <= {(0, 1), (0, 2)}
    assert not written.exclude(logprob__lt=0).exists()


def test_a_reward_model_run_ends_with_its_accuracy_on_held_out_judgements(judged, start):
    judged.project.prompts.update(held_out=False)
    judged.project.prompts.filter(pk__in=[item.prompt_id for item in judged.items[:2]]).update(held_out=True)

    run = execute(start("rm").pk)

    model = RewardModel.objects.get(run=run)
    assert run.snapshot_counts["held_out"] == 2
    assert (model.num_comparisons, model.num_prompts) == (6, 2)
    ends = [0.0, model.accuracy_low, model.accuracy, model.accuracy_high, 1.0]
    assert ends == sorted(float(end or 0) for end in ends)
    assert not Policy.objects.filter(version=2).exists()


def test_a_reward_model_on_frozen_features_is_fitted_at_once_and_rewards_a_policy(judged, start):
    change_gate(project_id=judged.project.pk, second_share=50, least_judgements=2)

    run = execute(start("reinforce", more={"reward_model": {"features": "frozen", "members": 8}}).pk)

    row = RewardModel.objects.get(run=run)
    metrics = [values for _, values in metrics_of(run, Stage.REWARD_MODEL)]
    losses, losses_of_second = ([each[name] for each in metrics if name in each] for name in ("loss", "second/loss"))
    second = SecondRewardModel.objects.get(reward_model=row)
    assert (run.state, run.error) == ("finished", "")
    assert (row.members, len(losses)) == (8, run.results["reward_model"]["steps"])
    assert losses[-1] < losses[0]
    assert losses_of_second[-1] < losses_of_second[0]
    assert len(metrics) == len(losses) + len(losses_of_second)
    assert not (data_folder("runs", run.pk) / Stage.REWARD_MODEL).exists()  # no checkpoint: it takes no time
    assert folder_digest(data_folder(second.path)) == second.digest
    assert Policy.objects.get(version=2).run == run


def test_a_preference_model_run_ends_with_a_model_that_can_be_loaded(judged, start):
    judged.project.prompts.update(held_out=False)
    judged.project.prompts.filter(pk__in=[item.prompt_id for item in judged.items[:2]]).update(held_out=True)

    run = execute(start("pm").pk)

    found = run.results["preference_model"]
    folder = data_folder(found["path"])
    backbone = load_base(lora=Plan.from_dict(run.config).lora, device="cpu")
    model = load_model(PreferenceModel, backbone, folder)
    preference = model.probabilities([(to_prompt([("user", "Red?")]), "yes", "no")])
    assert (found["digest"], found["num_comparisons"]) == (folder_digest(folder), 6)
    assert 0 < float(preference) < 1
    assert not Policy.objects.filter(version=2).exists()


def test_nash_md_plays_against_the_versions_that_served(judged, start):
    first = execute(start("dpo").pk)
    Policy.objects.filter(run=first).update(promoted=timezone.now())

    run = execute(start("nash_md", more={"nash_md": {"opponent": "past"}}).pk)

    execution = Execution(run)
    past = policy_method(execution)[0].past
    assert (run.state, run.error) == ("finished", "")
    assert past == ("past/2", None)


def test_without_held_out_judgements_the_accuracy_is_left_unknown(judged, start):
    judged.project.prompts.update(held_out=False)

    run = execute(start("rm").pk)

    assert RewardModel.objects.get(run=run).accuracy is None


def test_the_same_settings_snapshot_seed_and_code_give_the_same_weights_and_another_seed_others(judged, start):
    runs = [execute(start("dpo", seed=seed).pk) for seed in (3, 3, 4)]

    adapters = [data_folder(run.policy.path) / "adapter_model.safetensors" for run in runs]
    first, second, other = [path.read_bytes() for path in adapters]
    assert first == second
    assert first != other
    assert runs[0].snapshot_digest == runs[1].snapshot_digest


def test_a_repeated_run_reads_the_reference_that_the_first_one_computed(judged, start, small_world, monkeypatch):
    first = execute(start("dpo").pk)

    def never(*arguments, **more):
        raise AssertionError("the reference was computed again")

    monkeypatch.setattr("alignment.core.methods.reference.logprobs_by_token", never)
    second = execute(start("dpo").pk)

    assert (second.state, second.error) == ("finished", "")
    assert len(list((small_world / "reference").iterdir())) == 1
    mine, theirs = [data_folder(run.policy.path) / "adapter_model.safetensors" for run in (first, second)]
    assert mine.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(("stage", "step"), [("reward_model", 4), ("policy", 3)])
def test_an_interrupted_run_goes_on_from_its_checkpoint_to_the_same_weights(judged, start, stage, step):
    trained = {"reward_model": {"features": "trained"}}  # frozen ones are fitted in one go
    whole = execute(start("dpo", more=trained).pk)
    run = start("dpo", more=trained)

    def interrupt(where, at):
        if where == stage and at.step == step:
            ending.set()

    with pytest.raises(Interrupted):
        execute(run.pk, on_step=interrupt)
    run.refresh_from_db()
    state, done = run.state, set(run.results)
    ending.clear()
    resumed = []
    run = execute(run.pk, on_step=lambda where, at: resumed.append((where, at.step)))

    assert state == "running"
    assert resumed[0] == (stage, step + 1)
    assert ("reward_model" in done) is (stage == "policy")
    assert (run.state, run.attempts) == ("finished", 2)
    mine, theirs = [data_folder(each.policy.path) / "adapter_model.safetensors" for each in (run, whole)]
    assert mine.read_bytes() == theirs.read_bytes()
    assert metrics_of(run, stage) == metrics_of(whole, stage)


def test_a_run_that_is_asked_to_stop_stops_after_its_step(judged, start):
    run = start("dpo", more={"reward_trainer": {"steps": 500}})

    def ask(where, at):
        if at.step == 3:
            services.request_stop(run_id=run.pk)

    ended = execute(run.pk, on_step=ask)

    assert ended.state == "stopped"
    assert 3 <= len(metrics_of(run, Stage.REWARD_MODEL)) < 400
    assert not Policy.objects.filter(version=2).exists()


def test_a_model_that_is_none_fails_the_run_with_a_sentence_that_names_it(judged, start, settings, tmp_path):
    settings.MODEL = str(tmp_path / "nothing-here")

    run = execute(start("dpo").pk)

    assert run.state == "failed"
    assert "nothing-here" in run.error
    assert "Traceback" in run.traceback


def test_too_few_judgements_of_training_prompts_fail_the_run_with_their_number(judged, start):
    judged.project.prompts.update(held_out=True)

    run = execute(start("dpo").pk)

    assert run.state == "failed"
    assert run.error.startswith("there are 0 judgements of training prompts (and 6 of held-out ones)")


def test_a_disk_that_is_full_fails_the_run_with_the_system_s_own_words(judged, start, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "/data/runs/1")

    monkeypatch.setattr(stages, "save_model", full)

    run = execute(start("dpo").pk)

    assert (run.state, run.error) == (
        "failed",
        "the disk is full (No space left on device: /data/runs/1): "
        "free some space, or keep fewer versions in the settings",
    )


def test_another_base_model_under_living_policies_fails_the_run(judged, start, settings, tmp_path):

    execute(start("rm").pk)
    settings.MODEL = str(save_model(tmp_path / "another", seed=5, architecture="llama", max_position_embeddings=256))

    run = execute(start("rm").pk)

    assert run.state == "failed"
    assert "set MODEL back" in run.error


def test_sampling_that_is_cut_off_after_the_hand_over_adds_nothing_a_second_time(judged, start):
    run = start("dpo")
    ended = execute(run.pk)
    items = Item.objects.count()
    del ended.results["sampling"]
    Run.objects.filter(pk=run.pk).update(state="running", finished=None, results=ended.results)

    again = execute(run.pk)

    assert again.state == "finished"
    assert Item.objects.count() == items
    assert again.results["sampling"]["items"] == 0


def test_a_policy_that_a_guard_refuses_does_not_serve_and_its_worst_samples_come_first(judged, start):
    change_gate(project_id=judged.project.pk, most_kl=0.01)
    # So far that no draw of the samples takes its mean log-ratio for that of a policy beside the base.
    far = {"trainer": {"lr": 0.2}, "start": {"kl_budget": 100.0}, "evaluation": {"prompts": 8, "completions": 8}}

    run = execute(start("dpo", more=far).pk)

    found, [promotion] = run.results["evaluation"], Promotion.objects.all()
    [kl] = [each for each in promotion.guards if each["name"] == "kl"]
    assert (found["state"], found["cause"]) == ("rejected", "guard")
    assert "kl" in found["failed"]
    assert not kl["passed"]
    assert kl["limit"] == pytest.approx(0.01 * (4 / 500) ** 0.5)  # 500 judgements allow all of it, 4 a tenth
    assert 1 <= len(kl["samples"]) <= 5
    assert Policy.objects.get(version=2).status == "candidate"
    assert Policy.objects.get(is_serving=True).version == 1
    assert run.results["sampling"]["version"] == 1
    first = Item.objects.order_by("-priority").first()
    assert (first.priority, first.policy_version) == (32_000, 2)
    assert set(first.entries.values_list("completion__policy_version", flat=True)) <= {1, 2}


def test_a_policy_that_learned_nothing_is_identical_and_nobody_is_asked(judged, start):
    run = execute(start("dpo", more={"trainer": {"lr": 1e-12}}).pk)

    assert (run.results["evaluation"]["state"], run.results["evaluation"]["cause"]) == ("rejected", "identical")


def test_what_was_set_aside_trains_the_second_reward_model_and_nothing_else(judged, start):
    change_gate(project_id=judged.project.pk, second_share=50, least_judgements=2)
    judged.project.prompts.update(held_out=False)

    run = execute(start("dpo").pk)

    counts, second = run.snapshot_counts, SecondRewardModel.objects.get(reward_model=run.rewarded_by)
    [held_out] = [each for each in Promotion.objects.get().guards if each["name"] == "held_out"]
    assert counts["train"] + counts["second"] == 6
    assert second.num_judgements == counts["second"] >= 2
    steps = [step for step, values in metrics_of(run, Stage.REWARD_MODEL) if "second/loss" in values]
    trained = run.results["reward_model"]["steps"]
    assert steps == list(range(trained + 1, trained + len(steps) + 1)) != []
    assert folder_digest(data_folder(second.path)) == second.digest
    assert held_out["passed"] is not None


def test_a_second_round_goes_on_from_the_served_policy_when_it_is_set_to(judged, start):
    first = execute(start("dpo").pk)
    promotion.promote(policy_id=first.policy.pk)

    second = execute(start("dpo", more={"start": {"weights": "parent"}}).pk)

    assert second.state == "finished"
    assert second.policy.parent == first.policy
    assert {each.against.version for each in second.evaluations.all()} == {1, 2}


def test_the_snapshot_is_kept_beside_the_run_and_read_again(judged, start, small_world):
    run = execute(start("rm").pk)

    assert (small_world / "runs" / str(run.pk) / "snapshot.jsonl.gz").is_file()
    assert json.dumps(run.snapshot_counts) == json.dumps(run.results["snapshot"])


def test_a_project_goes_on_with_the_default_model_that_it_began_with(judged, start, settings, small_world):
    settings.MODEL = ""
    began = save_model(small_world / "models" / "tiny-0000", architecture="llama", max_position_embeddings=256)
    save_model(small_world / "models" / "tiny-1111", architecture="llama", max_position_embeddings=256, seed=9)
    for folder in (began, began.with_name("tiny-1111")):
        for name in FILES:
            (folder / name).touch()
    services.ensure_loop(project_id=judged.project.pk)
    Policy.objects.filter(project=judged.project).update(base_digest=weights_digest(began))

    run = execute(start("rm").pk)

    assert (run.state, run.error) == ("finished", "")
    assert RewardModel.objects.get(run=run).base_digest == weights_digest(began)
