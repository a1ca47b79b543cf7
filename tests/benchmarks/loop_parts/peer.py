"""Offline DPO through TRL's DPOTrainer: the same token ids, batches, schedule and recipes as our own in `offline`."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers

from alignment.core.backbone import Backbone
from alignment.core.records import Judgement
from tests.benchmarks.loop_parts.offline import BATCH, WARMUP, Recipe

trl: Any = import_module("trl")  # the extra `peers`, which may be absent when types are checked
library: Any = transformers


def dpo(
    backbone: Backbone, judgements: Sequence[Judgement], recipe: Recipe, *, adapter: str, seed: int, base: Path
) -> None:
    """Train an adapter, which starts as the base, on all the judgements.

    Args:
        base: the folder of the base model, whose weights the backbone has.
    """
    backbone.add_adapter(adapter)
    rows = []
    for judged in judgements:
        encoded = backbone.template.encode(judged.prompt, judged.completions)
        best, worst = encoded if judged.ranks == (1, 2) else reversed(encoded)
        rows.append(
            {
                "prompt_ids": best.prompt_ids,
                "chosen_ids": best.completion_ids,
                "rejected_ids": worst.completion_ids,
            }
        )
    with tempfile.TemporaryDirectory(prefix="prefloop-trl-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = _EncodedDPO(
            model=library.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            args=_arguments(recipe, len(judgements), seed=seed, folder=folder),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=library.AutoTokenizer.from_pretrained(base),
        )
        trainer.remove_callback(library.PrinterCallback)  # what is said goes through the benchmark
        trainer.train()
    backbone.load_parameters(adapter, dict(trainer.model.named_parameters()))


class _EncodedDPO(trl.DPOTrainer):  # type: ignore[misc]  # its base is Any
    """Takes token ids as they are: the two sides shall differ in how they learn alone."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


def _arguments(recipe: Recipe, num: int, *, seed: int, folder: str) -> Any:
    """Its defaults but for what both sides share."""
    logging.getLogger("transformers.trainer").setLevel(logging.ERROR)
    return trl.DPOConfig(
        output_dir=folder,
        beta=recipe.beta,
        learning_rate=recipe.lr,
        num_train_epochs=recipe.epochs(num),
        per_device_train_batch_size=BATCH,
        warmup_steps=WARMUP,
        lr_scheduler_type="linear",
        adam_epsilon=1e-5,
        max_grad_norm=1.0,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        seed=seed,
        save_strategy="no",
        report_to=[],
        logging_strategy="no",
        disable_tqdm=True,
    )
