"""A run that is killed and resumed in a new process ends with the very same weights."""

from __future__ import annotations

import signal

import pytest
import torch
from safetensors.torch import load_file

from alignment.core.checkpoints import latest
from tests.resuming import train_or_die
from tests.warm import WarmProcess

pytestmark = pytest.mark.slow


def run(name, model, folder, *, kill_at):
    return WarmProcess(train_or_die, name, model, folder, kill_at).wait()


@pytest.mark.parametrize(("name", "kills"), [("reward_model", [3]), ("direct", [3]), ("ppo", [1, 3]), ("nash_md", [3])])
def test_a_killed_run_goes_on_to_bit_equal_weights(model_folder, tmp_path, name, kills):
    model = model_folder("gpt2")
    # In this process, where strings hash to other numbers: no order of a set may show in the weights.
    train_or_die(name, model, tmp_path / "whole", 0)

    for kill_at in kills:  # one before the first checkpoint as well
        assert run(name, model, tmp_path / "killed", kill_at=kill_at) == -signal.SIGKILL
    died_with = latest(tmp_path / "killed")
    assert run(name, model, tmp_path / "killed", kill_at=0) == 0

    whole, resumed = load_file(tmp_path / "whole.safetensors"), load_file(tmp_path / "killed.safetensors")
    assert died_with is not None
    assert died_with.name == "step-00000002"
    assert whole.keys() == resumed.keys()
    assert any(bool(tensor.abs().sum() > 0) for key, tensor in whole.items() if "lora_B" in key)
    for key, tensor in whole.items():
        assert torch.equal(tensor, resumed[key]), key
