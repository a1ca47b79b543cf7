"""Sides that sample: PPO split into sampling and learning, its memory against one role's, and sampling alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import transformers

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import PPOConfig, RewardModelConfig, SFTConfig
from alignment.core.methods.base import Method
from alignment.core.methods.ppo import PPO
from alignment.core.methods.reward_model import RewardModel
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration, Message
from alignment.core.rollout import LocalSampler, Sampled
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import Template
from alignment.core.trainer import Step, train
from tests.benchmarks.training_sides.process import Turns, peak_mb
from tests.benchmarks.training_sides.workload import Work, baseline_mb, load


class _Timed:
    """A sampler that remembers how long it took and how many tokens it wrote."""

    def __init__(self, sampler: LocalSampler) -> None:
        self.sampler = sampler
        self.seconds = self.tokens = 0.0

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        began = time.perf_counter()
        groups = self.sampler.sample(prompts, settings=settings, generator=generator)
        self.seconds += time.perf_counter() - began
        self.tokens += sum(len(each.ids) for group in groups for each in group)
        return groups


def ppo(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """PPO with its four roles on one backbone: adapters, or full copies. The reward is an untrained model's."""
    work, settings = Work.from_json(spec["work"]), spec["sampling"]
    before = baseline_mb(work.model)
    backbone = load(work.model, lora=None if spec["full"] else LoraConfig())
    config = PPOConfig(
        completions_per_prompt=settings["completions"], max_new_tokens=settings["tokens"], epochs=spec["epochs"]
    )
    reward = RewardModel(backbone, RewardModelConfig())
    method = PPO(backbone, config, reward=reward.score)
    sampler = _Timed(LocalSampler(backbone, method.adapter))
    method.sampler = sampler
    _train(method, [each.prompt for each in work.train], work, turns, sampler)
    return {"peak_mb": peak_mb() - before, "weights_mb": _weights_mb(backbone)}


def one_role(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """One model alone, the policy, learning by SFT from completions of the same number and length."""
    work, settings = Work.from_json(spec["work"]), spec["sampling"]
    before = baseline_mb(work.model)
    backbone = load(work.model, lora=None if spec["full"] else LoraConfig())
    method = SupervisedFineTuning(backbone, SFTConfig())
    words = backbone.template.decode(list(range(300, 300 + settings["tokens"] - 1)))
    demonstrations = [
        Demonstration(each.prompt, f"{words} {copy}") for each in work.train for copy in range(settings["completions"])
    ]
    wider = replace(work, per_step=work.per_step * settings["completions"])
    _train(method, demonstrations, wider, turns, None)
    return {"peak_mb": peak_mb() - before, "weights_mb": _weights_mb(backbone)}


def _train(
    method: Method[Any, Any, Any], data: Sequence[Any], work: Work, turns: Turns, sampler: _Timed | None
) -> None:
    def on_step(step: Step) -> bool:
        if sampler is None:
            turns.report()
        else:
            turns.report(sampling_seconds=sampler.seconds, tokens=sampler.tokens)
            sampler.seconds = sampler.tokens = 0.0
        return not turns.wait()

    turns.wait()
    train(method, data, work.trainer, on_step=on_step)


def _weights_mb(backbone: Backbone) -> float:
    """All weights of the process: the base's and the adapters'."""
    distinct = {id(each): each for each in backbone.decoder().parameters()}
    for name in backbone.adapters:
        distinct |= {id(each): each for each in backbone.parameters(name)}
    return float(sum(each.numel() * each.element_size() for each in distinct.values())) / 1e6


def sampling(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """Completions from the base by our own sampler."""
    work, settings = Work.from_json(spec["work"]), spec["sampling"]
    before = baseline_mb(work.model)
    backbone = load(work.model, lora=LoraConfig())
    sampler = LocalSampler(backbone, None)
    wanted = SamplingSettings(num_completions=settings["completions"], max_new_tokens=settings["tokens"])
    number = 0
    while turns.wait():
        prompts = [each.prompt for each in work.step(number % work.steps)]
        groups = sampler.sample(prompts, settings=wanted, generator=torch.Generator().manual_seed(number))
        turns.report(tokens=sum(len(each.ids) for group in groups for each in group))
        number += 1
    return {"peak_mb": peak_mb() - before}


def generate(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """The same job by transformers' own generate."""
    work, settings = Work.from_json(spec["work"]), spec["sampling"]
    before = baseline_mb(work.model)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(work.model)
    kind: Any = transformers.AutoModelForCausalLM
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = kind.from_pretrained(work.model, dtype=torch.bfloat16 if device == "cuda" else torch.float32).to(device)
    context, pad = int(model.config.max_position_embeddings), int(tokenizer.pad_token_id)
    template = Template.for_tokenizer(tokenizer, context_length=context)
    room, number = context - settings["tokens"], 0
    while turns.wait():
        torch.manual_seed(number)
        prompts = [template.encode_prompt(each.prompt, max_tokens=room) for each in work.step(number % work.steps)]
        width = max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(each)) + each for each in prompts], device=device)
        with torch.no_grad():
            written = model.generate(
                input_ids=ids,
                attention_mask=(ids != pad).long(),
                do_sample=True,
                top_k=0,
                top_p=1.0,
                temperature=1.0,
                num_return_sequences=settings["completions"],
                max_new_tokens=settings["tokens"],
                eos_token_id=template.eos_id,
                pad_token_id=pad,
            )[:, width:]
        turns.report(tokens=int((written != pad).sum()))
        number += 1
    return {"peak_mb": peak_mb() - before}
