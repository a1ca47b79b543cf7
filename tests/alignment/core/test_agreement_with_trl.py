"""Losses of TRL 1.16.0 (transformers 5.23.0, torch 2.13.0, CPU, float32), recomputed from token log-probabilities.

TRL's trainers ran in evaluation mode, through their own tokenization and collators, on three pairs of token ids with a
prompt each and an EOS (id 1) that TRL appended:

    prompt 5 9 2      chosen 7 7 12 1     rejected 3 20 1
    prompt 11         chosen 4 1          rejected 15 16 17 18 1
    prompt 8 21 6 13  chosen 19 10 1      rejected 22 5 1

The models were transformers' GPT-2 (24 tokens, 32 positions, width 16, 2 layers, 2 heads, no dropout); parameter number
i in the order of names holds 0.4 sin(f n^2 + 1.3 i) at its flat index n, with f = 0.7 for the policy, 0.9 for the
reference policy and 1.1 for the reward model (GPT2ForSequenceClassification). The log-probabilities below are
log_softmax of the same models' logits. The tokenizer had no BOS, which CPO and ORPO would have put in front.
"""

from __future__ import annotations

import pytest
import torch

from alignment.core.likelihoods import bradley_terry, center, hinge, ipo, kto
from alignment.core.scores import average, implicit, log_odds

POLICY_CHOSEN = [
    [-3.4498172, -3.3910625, -3.1091182, -3.3423371],
    [-2.6133718, -3.0663984],
    [-2.8655655, -3.1264086, -3.3196955],
]
POLICY_REJECTED = [
    [-3.5332499, -2.6526172, -3.4372146],
    [-3.4277196, -2.7866633, -3.4432132, -2.8462348, -3.1629384],
    [-2.7428813, -3.5685723, -3.2974474],
]
REFERENCE_CHOSEN = [
    [-3.7962189, -3.8871913, -2.2805314, -3.7541454],
    [-3.972841, -3.6804128],
    [-3.9037812, -2.5708427, -3.5745838],
]
REFERENCE_REJECTED = [
    [-2.9279251, -3.2100224, -3.6244869],
    [-3.7431815, -3.8705416, -3.5185595, -3.0851216, -3.6909122],
    [-2.7706878, -3.6395578, -3.7316461],
]
PROMPTS = [[-3.3786457, -3.6269875], [], [-4.0133266, -3.9131961, -2.7810991]]
"""Prompt tokens after the first under the policy: TRL counts them in ORPO's likelihood term."""


def padded(rows):
    width = max(len(row) for row in rows)
    values = torch.tensor([row + [float("nan")] * (width - len(row)) for row in rows])
    return values, ~values.isnan()


def log_ratios(*, average=False):
    chosen, chosen_mask = padded(POLICY_CHOSEN)
    rejected, rejected_mask = padded(POLICY_REJECTED)
    return (
        implicit(chosen, padded(REFERENCE_CHOSEN)[0], chosen_mask, beta=1.0, average=average),
        implicit(rejected, padded(REFERENCE_REJECTED)[0], rejected_mask, beta=1.0, average=average),
    )


def assert_agrees(loss, *expected):
    torch.testing.assert_close(loss, torch.tensor(expected), atol=2e-6, rtol=1e-5)


def test_dpo_of_trl():
    chosen, rejected = log_ratios()

    assert_agrees(bradley_terry(0.5 * (chosen - rejected)), 0.6241081, 0.7624072, 0.6433171)


def test_robust_dpo_of_trl():
    chosen, rejected = log_ratios()

    loss = bradley_terry(0.5 * (chosen - rejected), smoothing=0.2, robust=True)

    assert_agrees(loss, 0.5763746, 0.8070846, 0.6092257)


def test_hinge_of_trl():
    chosen, rejected = log_ratios()

    assert_agrees(hinge(0.5 * (chosen - rejected)), 0.8567996, 1.1340322, 0.8977261)


def test_ipo_of_trl_which_averages_over_length():
    chosen, rejected = log_ratios(average=True)

    assert_agrees(ipo(chosen - rejected, beta=0.5), 0.8836234, 0.213045, 0.8682837)


def test_kto_of_trl():
    chosen, rejected = log_ratios()
    log_ratio = torch.stack([chosen, rejected], dim=1).flatten()
    # Each prompt with the completion of the row before, the first with the last: TRL's pairing, log pi and log pi_ref.
    mismatched = torch.tensor([-9.7418869, -13.292335, -9.2978424, -5.6797702, -16.1259383, -9.3116696])
    mismatched -= torch.tensor([-9.7259603, -13.718087, -10.258394, -7.6532538, -17.8746598, -10.0492077])

    loss = kto(log_ratio, torch.tensor([True, False] * 3), mismatched.mean(), beta=0.5, undesirable_weight=1.5)

    assert_agrees(loss.mean()[None], 0.6198366)


def test_simpo_of_trl():
    chosen, rejected = padded(POLICY_CHOSEN), padded(POLICY_REJECTED)

    loss = bradley_terry(average(*chosen, beta=2.0) - average(*rejected, beta=2.0), margin=0.6)

    assert_agrees(loss, 1.1924388, 0.6997001, 0.9141206)  # TRL's simpo_gamma 0.6, which it divides by beta


def test_orpo_of_trl():
    difference = log_odds(*padded(POLICY_CHOSEN)) - log_odds(*padded(POLICY_REJECTED))
    tokens = [prompt + chosen for prompt, chosen in zip(PROMPTS, POLICY_CHOSEN, strict=True)]
    likelihood = torch.tensor([-sum(row) / len(row) for row in tokens])

    assert_agrees(difference, -0.1199734, 0.3091284, 0.1034992)
    assert_agrees(likelihood + 0.3 * bradley_terry(difference), 3.6094744, 3.0050292, 3.5293694)


@pytest.mark.parametrize(
    ("margin", "coefficient", "expected"),
    [
        ([0.0, 0.0, 0.0], 0.0, (0.649231, 0.6212921, 0.6864847)),
        ([0.0, 1.0, 0.5], 0.0, (0.649231, 1.2063725, 0.965776)),
        ([0.0, 0.0, 0.0], 0.01, (0.6690118, 0.6428924, 0.7087197)),
    ],
)
def test_reward_loss_of_trl(margin, coefficient, expected):
    rewards = torch.tensor([[0.7481455, 0.6582955], [0.8094898, 0.6602141], [0.7522562, 0.7388865]])

    loss = bradley_terry(rewards[:, 0] - rewards[:, 1], margin=torch.tensor(margin))
    loss = loss + coefficient * center(rewards, torch.ones(3, 2, dtype=torch.bool))

    assert_agrees(loss, *expected)
