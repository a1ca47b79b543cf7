"""Losses of TRL's own trainers on the setting beside this file, to be stored in `test_agreement_with_trl`.

Needs the extra `peers`, and takes half a minute. From the repository's root:

    python -m tests.alignment.core.oracles.trl_losses

prints the literals. TRL tokenizes the texts, appends EOS, collates and computes the loss, in evaluation mode, one pair
at a time and (where it takes a mean over tokens) for a batch of two. Its policy is the base with our adapter merged
into it by peft, its reference the base.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import torch
import trl
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2ForSequenceClassification
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from tests.alignment.core.oracles.setting import (
    PAIRS,
    POLICY,
    RATED,
    RENDERED,
    REWARD,
    fill_head,
    open_backbone,
    save_base,
)

TRL: Any = trl
ROWS = [{"prompt": prompt, "chosen": chosen, "rejected": rejected} for prompt, chosen, rejected in PAIRS]
DIRECT: dict[str, dict[str, Any]] = {
    "sigmoid": {},
    "hinge": {},
    "ipo": {},
    "robust": {"label_smoothing": 0.2},
    "apo_zero": {},
    "sppo_hard": {},
    "sft": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.25]},
}
MARGINS = [0.5, 1.0, 0.5, 1.0, 1.0]
"""One nat between first and last, half of it between neighbours of three."""


class Oracle:
    """The models, and TRL's trainers on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = save_base(folder / "base")
        backbone = open_backbone(self.base)
        for name in (POLICY, REWARD):
            backbone.save_adapter(name, folder / name)
        self.tokenizer = AutoTokenizer.from_pretrained(self.base)

    def model(self, adapter: str | None = None) -> Any:
        """The base, or with an adapter merged into it."""
        model = AutoModelForCausalLM.from_pretrained(self.base)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, str(self.folder / adapter)).merge_and_unload()
        return model.eval()

    def reward_model(self) -> Any:
        """A classifier of one class with our head."""
        merged = self.model(REWARD)
        model = GPT2ForSequenceClassification.from_pretrained(self.base, num_labels=1)
        model.config.pad_token_id = self.tokenizer.pad_token_id
        model.transformer.load_state_dict(merged.transformer.state_dict())
        fill_head(model.score.weight)
        return model.eval()

    def trainer(self, kind: Any, config: Any, model: Any, rows: list[dict[str, Any]], **settings: Any) -> Any:
        """A trainer in evaluation mode; more than its loss is never asked of it."""
        reference = {"ref_model": self.model()} if kind in (TRL.DPOTrainer, TRL.KTOTrainer) else {}
        arguments = config(
            output_dir=str(self.folder / "out"),
            per_device_train_batch_size=len(rows),
            report_to=[],
            use_cpu=True,
            bf16=False,
            disable_tqdm=True,
            gradient_checkpointing=False,
            max_length=90,
            **settings,
        )
        data = Dataset.from_list(rows)
        trainer = kind(model, args=arguments, train_dataset=data, processing_class=self.tokenizer, **reference)
        trainer.model.eval()
        return trainer


def losses(trainer: Any, compute: Callable[[Any, Any], Any], *, parts: list[list[int]]) -> list[float]:
    """Of batches of these rows."""
    found = []
    for part in parts:
        batch = trainer.data_collator([trainer.train_dataset[number] for number in part])
        with torch.no_grad():
            found.append(round(float(compute(trainer, batch)), 7))
    return found


def compute_dpo(trainer: Any, batch: Any) -> Any:
    """Of DPOTrainer and KTOTrainer."""
    return trainer._compute_loss(trainer.model, batch, False)


def compute_cpo(trainer: Any, batch: Any) -> Any:
    """Of CPOTrainer and ORPOTrainer."""
    return trainer.get_batch_loss_metrics(trainer.model, batch)[0]


def compute_reward(trainer: Any, batch: Any) -> Any:
    """Of RewardTrainer."""
    return trainer.compute_loss(trainer.model, dict(batch))


def main() -> None:
    """Print every loss by name, and the token ids of the last pair."""
    alone, two = [[number] for number in range(len(ROWS))], [[3, 4]]
    found: dict[str, Any] = {"version": trl.__version__}
    with tempfile.TemporaryDirectory() as place:
        oracle = Oracle(Path(place))
        for loss, more in DIRECT.items():
            settings: dict[str, Any] = {"loss_type": [loss], "beta": 0.5} | more
            trainer = oracle.trainer(TRL.DPOTrainer, TRL.DPOConfig, oracle.model(POLICY), ROWS, **settings)
            found[loss] = losses(trainer, compute_dpo, parts=alone + (two if loss == "sft" else []))
            found["ids"] = {key: trainer.train_dataset[4][f"{key}_ids"] for key in ("prompt", "chosen", "rejected")}
        rated = [{"prompt": RENDERED[which], "completion": text, "label": good > 4} for which, text, good in RATED]
        weights = {"desirable_weight": 1.3, "undesirable_weight": 0.5}
        trainer = oracle.trainer(TRL.KTOTrainer, TRL.KTOConfig, oracle.model(POLICY), rated, beta=0.5, **weights)
        found["kto"] = losses(trainer, compute_dpo, parts=[list(range(len(rated)))])
        settings = {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.0, "simpo_gamma": 0.6}
        trainer = oracle.trainer(CPOTrainer, CPOConfig, oracle.model(POLICY), ROWS, **settings)
        found["simpo"] = losses(trainer, compute_cpo, parts=alone)
        trainer = oracle.trainer(ORPOTrainer, ORPOConfig, oracle.model(POLICY), ROWS, beta=0.3)
        found["orpo"] = losses(trainer, compute_cpo, parts=alone + two)
        texts = [{"chosen": prompt + chosen, "rejected": prompt + rejected} for prompt, chosen, rejected in PAIRS]
        with_margin = [{**row, "margin": margin} for row, margin in zip(texts, MARGINS, strict=True)]
        for name, rows, settings in (
            ("reward", texts, {}),
            ("reward_margin", with_margin, {}),
            ("reward_centre", texts, {"center_rewards_coefficient": 0.01}),
        ):
            trainer = oracle.trainer(TRL.RewardTrainer, TRL.RewardConfig, oracle.reward_model(), rows, **settings)
            found[name] = losses(trainer, compute_reward, parts=alone)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
