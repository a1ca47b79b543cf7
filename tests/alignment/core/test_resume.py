"""A run that is killed and resumed in a new process ends with the very same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from alignment.core.checkpoints import latest

pytestmark = pytest.mark.slow

STEPS = 5

PROGRAM = """
import os, signal, sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.checkpoints import latest
from alignment.core.config import (
    DirectConfig,
    NashMDConfig,
    PPOConfig,
    PreferenceModelConfig,
    RewardModelConfig,
    TrainerConfig,
)
from alignment.core.methods.direct import Direct
from alignment.core.methods.nash import NashMD
from alignment.core.methods.ppo import PPO
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Demonstration, Judgement, Message
from alignment.core.trainer import train

name, model, folder, weights, kill_at = sys.argv[1:]
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
backbone = Backbone.load(model, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
prompts = [(Message("user", f"say {word}"),) for word in ("one", "two", "a small boat", "why not", "red", "dog")]
judged = [
    Judgement(prompt=prompt, completions=("a fox", "the dog", "why"), ranks=ranks, best=0)
    for prompt, ranks in zip(prompts, [(1, 2, 3), (3, 1, 1), (2, 1, 3), (1, 1, 2), (1, 3, 2), (2, 2, 1)])
]
even = lambda encoded: torch.tensor([float(sum(token % 2 == 0 for token in each.completion_ids)) for each in encoded])
demonstrations = [Demonstration(prompt, "a good name") for prompt in prompts]
method, data = {
    "reward_model": lambda: (RewardModel(backbone, RewardModelConfig(members=2, learn_tie_share=True)), judged),
    "direct": lambda: (Direct(backbone, DirectConfig(nll_weight=0.1)), judged),
    "ppo": lambda: (
        PPO(
            backbone,
            PPOConfig(max_new_tokens=5, minibatches=2, epochs=2, target_kl=0.5, kl_horizon=50, ptx_weight=0.1),
            reward=even,
            demonstrations=demonstrations,
        ),
        prompts,
    ),
    "nash_md": lambda: (
        NashMD(
            backbone,
            NashMDConfig(max_new_tokens=5, epochs=2, completions_per_prompt=2),
            preference=PreferenceModel(backbone, PreferenceModelConfig()).compare,
        ),
        prompts,
    ),
}[name]()

def on_step(step):
    if step.step == int(kill_at):
        os.kill(os.getpid(), signal.SIGKILL)

config = TrainerConfig(steps=5, batch_size=3, lr=5e-3, seed=3, checkpoint_folder=folder, checkpoint_every_steps=2)
train(method, data, config, on_step=on_step, resume_from=latest(Path(folder)))
tensors = {}
for adapter in backbone.adapters:
    tensors |= {f"{adapter}.{key}": value.detach() for key, value in backbone.named_parameters(adapter).items()}
for part in ("head", "value_head"):
    if hasattr(method, part):
        tensors |= {f"{part}.{key}": value.detach() for key, value in getattr(method, part).state_dict().items()}
save_file({key: value.contiguous() for key, value in tensors.items()}, weights)
"""


def run(name: str, model: Path, folder: Path, *, kill_at: int) -> int:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        name,
        model,
        folder,
        folder.parent / f"{folder.name}.safetensors",
        kill_at,
    ]
    return subprocess.run(list(map(str, command)), env=environment, check=False, capture_output=True).returncode


@pytest.mark.parametrize(("name", "kills"), [("reward_model", [3]), ("direct", [3]), ("ppo", [1, 3]), ("nash_md", [3])])
def test_a_killed_run_goes_on_to_bit_equal_weights(model_folder, tmp_path, name, kills):
    model = model_folder("gpt2")
    assert run(name, model, tmp_path / "whole", kill_at=0) == 0

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
