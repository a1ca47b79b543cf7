"""Our methods on a tiny GPT-2 have the losses of TRL's trainers: tokenization, forward pass, reference and all.

The numbers are those of TRL 1.16.0 (transformers 5.23.0, peft 0.21.2, torch 2.13.0, CPU, float32), one for each pair of
the setting and in its order; `oracles/trl_losses.py` prints them again. Ours come from the judgements that the pairs
were made of: a ranking of three behind one copy of its prompt is three rows for TRL, and weighs as much as their mean.
The tokenizer has no BOS: CPO and ORPO would put one in front of prompts that have none, the other trainers would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

import pytest
import torch

from alignment.core.backbone import Backbone
from alignment.core.config import DirectConfig, RewardModelConfig
from alignment.core.methods.direct import Direct
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement
from tests.alignment.core.oracles.setting import (
    ASKED,
    JUDGED,
    PAIRS,
    RATED,
    RENDERED,
    SECOND_WINS,
    THREE,
    TURNS,
    fill_head,
    open_backbone,
    save_base,
)

EXACT: dict[str, Any] = {"abs": 1e-5, "rel": 1e-5}  # of squares of some nats float32 keeps no more
DIRECT = [
    ({"loss": "dpo"}, [0.3453796, 0.3616486, 0.7208412, 0.3851062, 0.7939035]),
    ({"loss": "hinge"}, [0.1145439, 0.1691856, 1.0546417, 0.2444887, 1.1922836]),
    ({"loss": "ipo", "average": True}, [1.0185845, 0.7952376, 0.7788264, 0.6396888, 1.1554818]),
    ({"loss": "robust", "label_smoothing": 0.2}, [0.0502276, 0.0847105, 0.739055, 0.1332691, 0.8579981]),
    ({"loss": "apo_zero"}, [0.8319213, 0.8442401, 1.0123188, 0.8160838, 1.0467997]),
    ({"loss": "sppo_hard"}, [9.0806885, 9.5827179, 5.5885057, 0.6122615, 3.6816399]),
]
SIMPO = [0.2816864, 0.686603, 1.8759787, 0.5134946, 0.7578192]
ORPO, ORPO_OF_TWO = [7.3272915, 7.3870301, 7.528933, 7.5938659, 7.2737255], 7.3918538
SFT_OF_TWO = 2.5980418
"""DPO and a quarter of the chosen completions' likelihood, of the last two pairs in one batch."""
KTO = 0.4373092
REWARD = [
    ({}, [0.4182859, 0.7921299, 1.2018135, 0.7077357, 0.6501617]),
    ({"margin": 1.0}, [0.61857, 1.4548733, 1.5759145, 1.3345207, 1.2497699]),
    ({"centre": 0.01}, [0.8074865, 1.2937913, 1.6149589, 1.0766408, 0.9425814]),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    """The policy and the reward of the setting; nothing here changes them."""
    return open_backbone(save_base(tmp_path_factory.mktemp("trl") / "base"))


def loss_of(method: Direct | RewardModel, judgements: Sequence[Judgement]) -> float:
    """The loss of one update, as the trainer divides it."""
    units = method.examples(judgements)
    method.prepare(units)
    (update,) = method.updates(units, generator=torch.Generator())
    (loss,) = method.losses(update.units)
    return float(sum(total.detach() / update.counts[part] for part, total in loss.totals.items()))


def of_judgements(of_pairs: Sequence[float]) -> list[float]:
    """The first three pairs are one judgement."""
    return [mean(of_pairs[:3]), *of_pairs[3:]]


def assert_agrees(method: Direct | RewardModel, of_pairs: Sequence[float]) -> None:
    """Each judgement alone, and all of them in one batch."""
    expected = of_judgements(of_pairs)
    assert [loss_of(method, [judgement]) for judgement in JUDGED] == pytest.approx(expected, **EXACT)
    assert loss_of(method, JUDGED) == pytest.approx(mean(expected), **EXACT)


def test_texts_become_the_same_tokens(backbone):
    chosen, rejected = backbone.template.encode(TURNS.prompt, TURNS.completions)

    assert chosen.prompt_ids == (
        29, 81, 83, 80, 281, 85, 31, 73, 74, 29, 16, 81, 83, 80, 281, 85, 31,  # <prompt>hi</prompt>
        29, 66, 79, 84, 88, 274, 31, 260, 261, 80, 29, 16, 66, 79, 84, 88, 274, 31,  # <answer>hello</answer>
        29, 81, 83, 80, 281, 85, 31, 264, 90, 29, 16, 81, 83, 80, 281, 85, 31, 29, 66, 79, 84, 88, 274, 31,
    )  # fmt: skip
    assert chosen.completion_ids == (42, 265, 78, 265, 267, 89, 0)  # TRL appends the EOS, 0, to a text
    assert rejected.completion_ids == (285, 274, 294, 296, 72, 0)


@pytest.mark.parametrize(("settings", "of_pairs"), DIRECT, ids=["dpo", "hinge", "ipo", "robust", "apo", "sppo"])
def test_direct_methods_of_trl(backbone, settings, of_pairs):
    assert_agrees(Direct(backbone, DirectConfig(beta=0.5, **settings)), of_pairs)


def test_simpo_of_trl(backbone):
    """Its simpo_gamma of 0.6 is divided by beta where it is used, so it is our margin as it stands."""
    assert_agrees(Direct(backbone, DirectConfig(loss="simpo", beta=2.0, margin=0.6)), SIMPO)


def test_orpo_of_trl_which_learns_the_prompt_too(backbone):
    method = Direct(backbone, DirectConfig(loss="orpo", beta=0.3, nll_tokens="prompt_and_completion"))
    by_token = DirectConfig(loss="orpo", beta=0.3, nll_tokens="prompt_and_completion", nll_average="token")

    pairs = [
        Judgement(prompt=ASKED[RENDERED.index(prompt)], completions=(chosen, rejected), ranks=(1, 2))
        for prompt, chosen, rejected in PAIRS
    ]
    assert [loss_of(method, [pair]) for pair in pairs] == pytest.approx(ORPO, **EXACT)
    assert loss_of(Direct(backbone, by_token), [SECOND_WINS, TURNS]) == pytest.approx(ORPO_OF_TWO, **EXACT)
    of_completions = loss_of(Direct(backbone, DirectConfig(loss="orpo", beta=0.3)), [TURNS])
    assert abs(of_completions - ORPO[4]) > 0.1  # our default is another thing


def test_dpo_with_the_likelihood_of_the_chosen_of_trl(backbone):
    config = DirectConfig(beta=0.5, nll_weight=0.25, nll_average="token")

    assert loss_of(Direct(backbone, config), [SECOND_WINS, TURNS]) == pytest.approx(SFT_OF_TWO, **EXACT)


def test_kto_of_trl_with_its_pairing_of_prompts_with_completions_of_the_row_before(backbone):
    config = DirectConfig(loss="kto", beta=0.5, desirable_weight=1.3, undesirable_weight=0.5)
    rated = [Judgement(prompt=ASKED[which], completions=(text,), ratings=(good,)) for which, text, good in RATED]

    assert loss_of(Direct(backbone, config), rated) == pytest.approx(KTO, **EXACT)


@pytest.mark.parametrize(("settings", "of_pairs"), REWARD, ids=["plain", "margin", "centre"])
def test_reward_model_of_trl(backbone, settings, of_pairs):
    model = RewardModel(backbone, RewardModelConfig(ties="drop", **settings))
    head: Any = model.head.members[0]
    fill_head(head.linear.weight)

    assert_agrees(model, of_pairs)


def test_a_ranking_of_three_is_one_row_with_one_copy_of_its_prompt(backbone):
    method = Direct(backbone, DirectConfig())
    (unit,) = method.examples([THREE])

    assert method.size([unit]) == len(unit.encoded[0].prompt_ids) + sum(len(e.completion_ids) for e in unit.encoded)
