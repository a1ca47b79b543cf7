"""Two processes under torchrun, as a user starts them, against one."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from alignment.core.running.processes import ALONE, everywhere, on_first, own_device, shares, spread, team, together
from tests import joint_training


@pytest.fixture(scope="module")
def model(tmp_path_factory, model_folder):
    return model_folder("gpt2")


@pytest.fixture(scope="module")
def joint(model, tmp_path_factory):
    """What two processes left behind: one pair was killed, the next went on and did everything else."""
    out = tmp_path_factory.mktemp("joint")
    killed = joint_training.launch("be_killed", model, out)
    assert killed.returncode != 0
    done = joint_training.launch("main", model, out)
    assert done.returncode == 0, done.stderr[-4000:]
    return out


@pytest.fixture(scope="module")
def abouts(joint):
    return [json.loads((joint / str(rank) / "about.json").read_text(encoding="utf-8")) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", joint_training.METHODS)
def test_two_processes_train_the_same_weights_as_one_with_the_same_losses(joint, abouts, model, name):
    alone, result = joint_training.run(name, model)

    first, second = (load_file(joint / str(rank) / f"{name}.safetensors") for rank in (0, 1))
    assert alone.keys() == first.keys()
    for key, tensor in alone.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], tensor, atol=1e-5, rtol=0)
    assert abouts[1]["histories"][name] == abouts[0]["histories"][name]
    assert [step["loss"] for step in abouts[0]["histories"][name]] == pytest.approx(
        [step["loss"] for step in result.history], abs=1e-5
    )
    for number, (joint_step, step) in enumerate(zip(abouts[0]["histories"][name], result.history, strict=True)):
        if number == 0 and name in ("direct", "kto"):  # before the first step all log-ratios are 0: a tie by rounding
            joint_step["accuracy"] = step["accuracy"]
        assert joint_step == pytest.approx(step, abs=1e-4)


@pytest.mark.slow
def test_one_process_that_runs_out_of_memory_goes_on_in_smaller_parts_and_changes_nothing(joint, abouts):
    plenty, scarce = (load_file(joint / "0" / f"{name}.safetensors") for name in ("ppo", "scarce"))

    for key, tensor in plenty.items():
        torch.testing.assert_close(scarce[key], tensor, atol=1e-5, rtol=0)
    assert abouts[0]["out_of_memory"] == abouts[1]["out_of_memory"]
    assert sorted(abouts[0]["out_of_memory"]) == [
        f"out_of_memory/{name}" for name in ("learning_tokens", "sampling_rows", "scoring_tokens")
    ]


@pytest.mark.slow
def test_where_two_processes_hear_different_rewards_those_of_the_first_count(joint):
    one, same = (load_file(joint / "0" / f"{name}.safetensors") for name in ("ppo", "other_opinion"))

    assert all(torch.equal(one[key], same[key]) for key in one)


@pytest.mark.slow
def test_only_the_first_process_is_asked_after_each_step(abouts):
    assert [about["asked"] for about in abouts] == [4 * len(joint_training.METHODS), 0]


@pytest.mark.slow
def test_a_pair_of_which_one_was_killed_goes_on_to_bit_equal_weights(abouts):
    assert [about["resumed"] for about in abouts] == [True, True]
    assert [about["resumed_steps"] for about in abouts] == [4, 4]


@pytest.mark.slow
def test_a_stop_in_the_first_process_stops_both_and_the_checkpoint_is_known_to_both(abouts):
    assert [about["stopped"] for about in abouts] == [[True, 2, "step-00000002"]] * 2


@pytest.mark.slow
def test_what_fails_in_one_process_ends_both_with_the_same_error(abouts):
    first, second = (about["errors"] for about in abouts)

    assert first == second
    assert first["lost_voice"] == "ValueError: the judge of process 1 has lost its voice"
    assert first["broken_loss"].startswith("NonFiniteLoss: sft: loss is nan at step 1, in the batch of examples [")
    assert first["unwilling"] == "RuntimeError: the database is away"
    assert first["other_data"].startswith("ValueError: process 1 was given another data than process 0: ")


def test_a_process_without_others_works_alone():
    with together():
        assert team() == ALONE
        assert everywhere(lambda: 3) == [3]
        assert on_first(lambda: 4) == 4
        assert spread([1, 2, 3], weight=float, work=lambda items: [item * 2 for item in items]) == [2, 4, 6]


def test_shares_are_neighbours_of_about_the_same_weight():
    weights = [5, 1, 1, 1, 1, 1, 4, 6]

    cut = shares(weights, weight=float, parts=3)

    assert cut == [[5, 1, 1], [1, 1, 1, 4], [6]]
    assert shares([7.0], weight=float, parts=3) == [[7.0], [], []]
    assert shares([], weight=float, parts=2) == [[], []]


def test_a_device_is_the_one_named():
    assert own_device("cpu") == torch.device("cpu")
    assert own_device(torch.device("cuda", 1)) == torch.device("cuda", 1)


@pytest.mark.slow
def test_a_program_that_ends_has_left_the_others(joint):
    assert [(joint / f"joined_{rank}").read_text(encoding="utf-8") for rank in "01"] == ["False", "False"]
