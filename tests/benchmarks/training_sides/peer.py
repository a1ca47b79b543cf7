"""TRL's sides: the same model, token ids, batches, optimizer and learning rates through its own trainers."""

from __future__ import annotations

import tempfile
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import datasets
import torch

from alignment.core.heads import ScalarHead
from alignment.core.running.schedule import step_generator
from alignment.core.text import Encoded, Template
from tests.benchmarks.training_sides.process import Turns, peak_mb
from tests.benchmarks.training_sides.workload import HEAD_SEED, Work, baseline_mb, library

trl: Any = import_module("trl")  # the extra `peers`, which may be absent when types are checked
PAIRS = 8
"""Pairs in a forward pass."""


def rankings(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """RewardTrainer on all C(K,2) pairs of the rankings."""
    work = Work.from_json(spec)
    template, tokenizer = _template(work)
    before = _baseline_mb(work)
    model = library.AutoModelForSequenceClassification.from_pretrained(work.model, num_labels=1, dtype=torch.float32)
    with torch.no_grad():
        model.score.weight.copy_(ScalarHead(model.config.hidden_size, seed=HEAD_SEED).linear.weight)
    rows = [row for step in range(work.steps) for row in _reward_rows(work, template, step=step)]
    trainer = trl.RewardTrainer(
        model=model,
        args=_arguments(trl.RewardConfig, work, pairs=len(rows) // work.steps),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[_Turns(turns)],
    )
    losses = _train(trainer, turns)
    peak = peak_mb() - before
    return {"peak_mb": peak, "losses": losses, "margins": _margins(model, work, template)}


def dpo(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """DPOTrainer on pairs."""
    work = Work.from_json(spec)
    template, tokenizer = _template(work)
    before = _baseline_mb(work)
    model = library.AutoModelForCausalLM.from_pretrained(work.model, dtype=torch.float32)
    rows = []
    for number in range(work.steps):
        for judgement in work.step(number):
            chosen, rejected = template.encode(judgement.prompt, judgement.completions)
            ids = {"chosen_ids": chosen.completion_ids, "rejected_ids": rejected.completion_ids}
            rows.append({"prompt_ids": chosen.prompt_ids, **ids})
    trainer = _EncodedDPO(
        model=model,
        args=_arguments(trl.DPOConfig, work, pairs=work.per_step, beta=0.1),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[_Turns(turns)],
    )
    losses = _train(trainer, turns)
    return {"peak_mb": peak_mb() - before, "losses": losses}


class _EncodedDPO(trl.DPOTrainer):  # type: ignore[misc]  # its base is Any
    """Takes token ids as they are: its own way from text to ids has no room for a template of ours."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


class _Turns(library.TrainerCallback):  # type: ignore[misc]  # its base is Any
    """Ends a step by a report, and begins the next one when the parent says so."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        self.turns.report()
        control.should_training_stop = not self.turns.wait()
        return control


def _train(trainer: Any, turns: Turns) -> list[float]:
    turns.wait()
    trainer.train()
    return [each["loss"] for each in trainer.state.log_history if "loss" in each]


def _baseline_mb(work: Work) -> float:
    kinds = [trl.RewardTrainer, trl.RewardConfig, trl.DPOTrainer, trl.DPOConfig]  # loads their code
    assert all(kinds)
    return baseline_mb(work.model)


def _template(work: Work) -> tuple[Template, Any]:
    tokenizer = library.AutoTokenizer.from_pretrained(work.model)
    config = library.AutoConfig.from_pretrained(work.model)
    return Template.for_tokenizer(tokenizer, context_length=config.max_position_embeddings), tokenizer


def _arguments(kind: Any, work: Work, *, pairs: int, **more: Any) -> Any:
    """Its defaults but for what both sides share, and gradient checkpointing, which saves memory for time."""
    trainer, on_gpu = work.trainer, torch.cuda.is_available()
    if pairs % PAIRS:
        raise ValueError(f"{pairs} pairs a step are no whole number of batches of {PAIRS}")
    return kind(
        output_dir=str(Path(tempfile.gettempdir()) / "prefloop-benchmark-trl"),
        per_device_train_batch_size=PAIRS,
        gradient_accumulation_steps=pairs // PAIRS,
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        learning_rate=trainer.lr,
        adam_epsilon=trainer.adam_epsilon,
        max_grad_norm=trainer.max_grad_norm,
        weight_decay=trainer.weight_decay,
        lr_scheduler_type="linear",
        gradient_checkpointing=False,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        save_strategy="no",
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
        **more,
    )


def _reward_rows(work: Work, template: Template, *, step: int) -> list[dict[str, list[int]]]:
    """All pairs of a step, shuffled."""
    rows = []
    for judgement in work.step(step):
        encoded = template.encode(judgement.prompt, judgement.completions)
        rows += [{"chosen_ids": _ids(a), "rejected_ids": _ids(b)} for a, b in combinations(encoded, 2)]
    generator = step_generator(seed=work.trainer.seed, step=step)
    return [rows[index] for index in torch.randperm(len(rows), generator=generator).tolist()]


def _ids(encoded: Encoded) -> list[int]:
    return [*encoded.prompt_ids, *encoded.completion_ids]


def _margins(model: Any, work: Work, template: Template) -> list[float]:
    """Reward of the better less that of the worse, of each held-out pair."""
    margins = []
    model.eval()
    with torch.no_grad():
        for judgement in work.held_out:
            rewards = [
                model(input_ids=torch.tensor([_ids(each)], device=model.device)).logits[0, 0].double()
                for each in template.encode(judgement.prompt, judgement.completions)
            ]
            margins.append(float(rewards[0] - rewards[1]))
    return margins
