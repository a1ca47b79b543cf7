"""What several processes train together in the tests: each method on a tiny model, in one process or under torchrun.

As a program (``torchrun --nproc-per-node 2 tests/joint_training.py MODEL OUT``) it writes what each process found into
``OUT/<rank>``: weights and losses of every method, and how runs ended that were stopped, resumed or that failed.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import distributed as dist
from torch.distributed.tensor import DTensor

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.checkpoints import latest
from alignment.core.config import (
    DirectConfig,
    NashMDConfig,
    PPOConfig,
    PreferenceModelConfig,
    RewardModelConfig,
    SFTConfig,
    TrainerConfig,
)
from alignment.core.methods.base import Loss
from alignment.core.methods.direct import Direct
from alignment.core.methods.nash import NashMD
from alignment.core.methods.ppo import PPO
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration, Judgement, Message
from alignment.core.running.sharding import whole
from alignment.core.trainer import train

WORDS = ("one", "two", "a small boat", "why not tell me", "red", "the lazy dog")
PROMPTS = [(Message("user", f"say {word}"),) for word in WORDS]
JUDGED = [
    Judgement(prompt=prompt, completions=("a fox", "the dog jumps over", "why")[: len(ranks)], ranks=ranks)
    for prompt, ranks in zip(PROMPTS, [(1, 2, 3), (3, 1, 1), (2, 1), (1, 1, 2), (1, 3, 2), (2, 1)], strict=True)
]
SHOWN = [Demonstration(prompt, text) for prompt, text in zip(PROMPTS, ["a good name", "yes"] * 3, strict=True)]
METHODS = ("sft", "reward_model", "direct", "kto", "ppo", "nash_md")


def even(encoded):
    """A reward that anybody can count: even tokens."""
    return torch.tensor([float(sum(token % 2 == 0 for token in each.completion_ids)) for each in encoded])


def build(name, backbone):
    """A method and what it trains on."""
    match name:
        case "sft":
            return SupervisedFineTuning(backbone, SFTConfig()), SHOWN
        case "reward_model":
            return RewardModel(backbone, RewardModelConfig(members=2, learn_tie_share=True)), JUDGED
        case "direct":
            return Direct(backbone, DirectConfig(nll_weight=0.1)), JUDGED
        case "kto":
            return Direct(backbone, DirectConfig(loss="kto")), JUDGED
        case "ppo":
            config = PPOConfig(
                max_new_tokens=6, completions_per_prompt=2, minibatches=2, epochs=2, target_kl=0.5, kl_horizon=50,
                ptx_weight=0.1, ptx_batch_size=3, whiten_rewards=True,
            )  # fmt: skip
            return PPO(backbone, config, reward=even, demonstrations=SHOWN), PROMPTS
    preference = PreferenceModel(backbone, PreferenceModelConfig()).compare
    often = NashMDConfig(max_new_tokens=5, epochs=2, completions_per_prompt=2)
    return NashMD(backbone, often, preference=preference), PROMPTS


def load(model, *, copies=False, **options):
    """A backbone with LoRA, or with full copies of the weights where ``copies`` is set."""
    return Backbone.load(model, device="cpu", lora=None if copies else LoraConfig(rank=4, alpha=8.0), **options)


def run(
    name, model, *, folder=None, on_step=None, resume_from=None, loading=None, scarce=False, reward=None, **options
):
    """Train a fresh method for a few steps of five prompts, with ``scarce`` memory; its weights and the result."""
    backbone = load(model, **(loading or {}))
    if scarce:
        backbone.decoder().register_forward_pre_hook(run_out, with_kwargs=True)
    method, data = build(name, backbone)
    if reward is not None:
        method.reward = reward
    settings = {"steps": 4, "batch_size": 5, "lr": 5e-3, "seed": 3, "weight_decay": 0.1} | options
    config = TrainerConfig(**settings, checkpoint_folder=folder and str(folder))
    result = train(method, data, config, on_step=on_step, resume_from=resume_from)
    return weights(backbone, method), result


def run_out(module, args, kwargs):
    """Memory for 40 tokens in a forward pass."""
    if kwargs["input_ids"].numel() > 40:
        raise torch.OutOfMemoryError("CUDA out of memory")


def weights(backbone, method):
    """All that was trained, by name."""
    found = {
        f"{adapter}.{key}": value.clone().contiguous()
        for adapter in backbone.adapters
        for key, value in whole(dict(backbone.named_parameters(adapter)), on_all=True).items()
    }
    for part in ("head", "value_head"):
        if hasattr(method, part):
            found |= {
                f"{part}.{key}": value.detach().clone() for key, value in getattr(method, part).state_dict().items()
            }
    return found


def ending(attempt):
    """What an attempt ended with: its error in words, or that there was none."""
    try:
        attempt()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def failing_reward(rank):
    """Even tokens, but for an error in one process."""

    def reward(encoded):
        if int(os.environ["RANK"]) == rank:
            raise ValueError("the judge of process 1 has lost its voice")
        return even(encoded)

    return reward


class BrokenInOne(SupervisedFineTuning):
    """Its loss is no number in the second process."""

    def losses(self, units):
        for loss in super().losses(units):
            yield Loss({"loss": loss.totals["loss"] * (math.nan if os.environ["RANK"] == "1" else 1.0)})


def launch(task: str, model: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Start this program in two processes."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    return subprocess.run(
        [*command, __file__, task, str(model), str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root), "CUDA_VISIBLE_DEVICES": ""},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def main(model: Path, out: Path) -> None:
    """Everything that a process is asked for."""
    rank = int(os.environ["RANK"])
    mine = out / str(rank)
    mine.mkdir(parents=True)
    histories, asked = {}, []

    def on_step(step):
        asked.append(step.step)

    for name in METHODS:
        found, result = run(name, model, on_step=on_step)
        save_file(found, mine / f"{name}.safetensors")
        histories[name] = result.history
    scarce, scarce_result = run("ppo", model, scarce=rank == 1)
    save_file(scarce, mine / "scarce.safetensors")
    other, _ = run("ppo", model, reward=lambda encoded: even(encoded) + rank * torch.rand(len(encoded)))
    save_file(other, mine / "other_opinion.safetensors")
    whole, _ = run("ppo", model, folder=out / "whole")
    resumed, resumed_result = run("ppo", model, folder=out / "killed", resume_from=latest(out / "killed"))
    _, stopped = run("sft", model, folder=out / "stopped", on_step=lambda step: step.step == 2)
    about = {
        "histories": histories,
        "asked": len(asked),
        "resumed": [name for name in whole if torch.equal(whole[name], resumed[name])] == list(whole),
        "resumed_steps": resumed_result.steps,
        "stopped": [stopped.stopped, stopped.steps, stopped.checkpoint and stopped.checkpoint.name],
        "errors": errors(model, rank),
        "out_of_memory": {name: each for name, each in scarce_result.metrics.items() if "out_of_memory" in name},
    }
    (mine / "about.json").write_text(json.dumps(about), encoding="utf-8")


def errors(model, rank):
    """How runs end in which one process alone fails, and one in which the two were given different data."""

    def lost_voice():
        backbone = load(model)
        train(PPO(backbone, PPOConfig(max_new_tokens=3), reward=failing_reward(1)), PROMPTS, TrainerConfig(steps=2))

    def broken_loss():
        backbone = load(model)
        train(BrokenInOne(backbone, SFTConfig()), SHOWN, TrainerConfig(steps=2, batch_size=4))

    def unwilling():
        def on_step(step):
            raise RuntimeError("the database is away")

        run("sft", model, on_step=on_step)

    def other_data():
        backbone = load(model)
        train(SupervisedFineTuning(backbone, SFTConfig()), SHOWN[rank:], TrainerConfig(steps=2))

    return {each.__name__: ending(each) for each in (lost_voice, broken_loss, unwilling, other_data)}


SHARDED = {
    "sft": {"copies": True},
    "reward_model": {"copies": False},
    "direct": {"copies": True, "gradient_checkpointing": True},
    "ppo": {"copies": True},
    "nash_md": {"copies": False, "gradient_checkpointing": True},
}
"""How the model is loaded with which a method is trained where it is sharded."""


def be_sharded(model: Path, out: Path) -> None:
    """Every method on a sharded model, in micro-batches; one of them stopped and resumed."""
    mine = out / os.environ["RANK"]
    mine.mkdir(parents=True)
    histories = {}
    for name, options in SHARDED.items():
        loading = {"sharded": True, **options}
        found, result = run(name, model, loading=loading, micro_batch_tokens=60)
        save_file(found, mine / f"{name}.safetensors")
        histories[name] = result.history
    loading = {"sharded": True, **SHARDED["ppo"]}
    two = {"micro_batch_tokens": 60, "folder": out / "stopped", "loading": loading}
    _, stopped = run("ppo", model, on_step=lambda step: step.step == 2, **two)
    resumed, _ = run("ppo", model, resume_from=stopped.checkpoint, **two)
    save_file(resumed, mine / "resumed.safetensors")
    backbone = load(model, sharded=True, copies=True)
    backbone.add_adapter("policy")
    backbone.save_adapter("policy", out / "adapter")
    part = sum(each.to_local().numel() for each in backbone.parameters("policy") if isinstance(each, DTensor))
    entire = sum(each.numel() for each in backbone.parameters("policy") if isinstance(each, DTensor))
    about = {"histories": histories, "held": part / entire, "in_on_step": ending(lambda: score_in_on_step(model))}
    (mine / "about.json").write_text(json.dumps(about), encoding="utf-8")


def score_in_on_step(model):
    """Ask a sharded reward model in the first process only."""
    backbone = load(model, sharded=True)
    method = RewardModel(backbone, RewardModelConfig())

    def on_step(step):
        method.rewards([(PROMPTS[0], "a fox")])

    train(method, JUDGED, TrainerConfig(steps=1, batch_size=4), on_step=on_step)


def be_killed(model: Path, out: Path) -> None:
    """Train, and lose the second process to SIGKILL in the third step."""
    steps = 0

    def reward(encoded):
        nonlocal steps
        steps += 1
        if steps == 3 and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return even(encoded)

    backbone = load(model)
    method, data = build("ppo", backbone)
    method.reward = reward
    config = TrainerConfig(
        steps=4, batch_size=5, lr=5e-3, seed=3, weight_decay=0.1, checkpoint_folder=str(out / "killed"),
        checkpoint_every_steps=1,
    )  # fmt: skip
    train(method, data, config)


if __name__ == "__main__":
    torch.set_num_threads(1)
    task, model_argument, out_argument = sys.argv[1:]
    # Registered before anything else, so asked after everything else.
    atexit.register(lambda: Path(out_argument, f"joined_{os.environ['RANK']}").write_text(str(dist.is_initialized())))
    {"main": main, "be_killed": be_killed, "be_sharded": be_sharded}[task](Path(model_argument), Path(out_argument))
