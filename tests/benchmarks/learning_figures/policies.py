"""How much true reward a nat of KL buys: DPO, PPO, Nash-MD, best-of-n; and how a proxy reward is over-optimised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import comb
from statistics import fmean
from typing import Any

from alignment.core.batches import Encoded
from alignment.core.config import DirectConfig, NashMDConfig, PPOConfig, PreferenceModelConfig
from alignment.core.heads import Ensemble
from alignment.core.methods.direct import Direct
from alignment.core.methods.nash import NashMD
from alignment.core.methods.ppo import PPO
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement
from alignment.core.statistics.kl import best_of_n_kl
from alignment.core.trainer import Step, train
from tests.benchmarks.learning_figures.world import (
    MAX_NEW_TOKENS,
    World,
    fit_reward_model,
    judge,
    measure,
    trainer,
    truth,
)

DPO_BETAS = (1.0, 0.3, 0.1, 0.05)
ROLLOUTS: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "completions_per_prompt": 4}
PPO_LR, NASH_LR = 2e-3, 2e-3
FEW = 48
"""Rankings behind the reward model that is over-optimised."""
PENALTY = 1.0
"""Variances between the members of the ensemble that are taken from its mean (UWO, Coste et al., 2023)."""

Point = dict[str, Any]


def frontier(world: World, *, steps: int, best_of: int, say: Callable[[str], object]) -> dict[str, list[Point]]:
    """True reward and KL of each method, all from the same rankings, on prompts that nobody judged."""
    groups = world.write(world.backbone(), world.prompts, adapter=None, completions=4, seed=1)
    judged = judge(groups, seed=1)
    found = {"dpo": [_dpo(world, judged, beta=beta) for beta in DPO_BETAS]}
    say(f"dpo: {_shown(found['dpo'])}")
    found["ppo"] = _ppo(world, fit_reward_model(world.backbone(), judged, seed=1, groups=groups), steps=steps)
    say(f"ppo: {_shown(found['ppo'])}")
    found["nash_md"] = _nash_md(world, judged, steps=steps)
    say(f"nash_md: {_shown(found['nash_md'])}")
    model = fit_reward_model(world.backbone(), judged, seed=1, groups=groups)
    found["best_of_n"] = _best_of_n(world, model, most=best_of)
    say(f"best_of_n: {_shown(found['best_of_n'])}")
    return found


def over_optimisation(world: World, *, steps: int, say: Callable[[str], object]) -> dict[str, list[Point]]:
    """Proxy and true reward along one PPO run for a reward model of few labels, and for a pessimistic ensemble."""
    groups = world.write(world.backbone(), world.prompts[:FEW], adapter=None, completions=4, seed=5)
    judged = judge(groups, seed=5)
    found = {}
    for name, members in (("single", 1), ("ensemble", 4)):
        model = fit_reward_model(world.backbone(), judged, seed=5, groups=groups, members=members)
        found[name] = _ppo(world, model, steps=steps, beta=0.0, pessimistic=members > 1)
        say(f"over-optimisation, {name}: {_shown(found[name])}")
    return found


def _dpo(world: World, judged: Sequence[Judgement], *, beta: float) -> Point:
    backbone = world.backbone()
    method = Direct(backbone, DirectConfig(beta=beta), seed=1)
    train(method, judged, trainer(len(judged), seed=1, lr=5e-4, warmup_steps=5))
    groups = world.write(backbone, world.unseen, adapter="policy", completions=4, seed=9)
    return {"beta": beta, **asdict(measure(backbone, groups, adapter="policy"))}


def _ppo(world: World, model: RewardModel, *, steps: int, beta: float = 0.05, pessimistic: bool = False) -> list[Point]:
    def rewards(encoded: Sequence[Encoded]) -> Any:
        if not pessimistic:
            return model.score(encoded)
        return Ensemble.uncertain(model.member_rewards(encoded), penalty=PENALTY)

    config = PPOConfig(beta=beta, epochs=4, **ROLLOUTS)
    method = PPO(model.backbone, config, reward=rewards, seed=1)
    return _along(world, method, steps=steps, lr=PPO_LR, model=model)


def _nash_md(world: World, judged: Sequence[Judgement], *, steps: int) -> list[Point]:
    backbone = world.backbone()
    preference = PreferenceModel(backbone, PreferenceModelConfig(), seed=1)
    train(preference, judged, trainer(len(judged), seed=1))
    method = NashMD(backbone, NashMDConfig(beta=0.0125, **ROLLOUTS), preference=preference.compare, seed=1)
    return _along(world, method, steps=steps, lr=NASH_LR)


def _along(world: World, method: Any, *, steps: int, lr: float, model: RewardModel | None = None) -> list[Point]:
    """Train, and measure on the way: at an eighth, a quarter, a half and at the end."""
    wanted = sorted({max(1, steps * part // 8) for part in (1, 2, 4, 8)})
    points: list[Point] = []

    def look(step: Step) -> None:
        if step.step in wanted:
            groups = world.write(method.backbone, world.unseen, adapter="policy", completions=4, seed=9)
            found = measure(method.backbone, groups, adapter="policy", model=model)
            points.append({"step": step.step, **asdict(found)})

    train(method, world.prompts, trainer(1, seed=1, lr=lr, steps=steps, schedule="constant"), on_step=look)
    return points


def _best_of_n(world: World, model: RewardModel, *, most: int) -> list[Point]:
    groups = world.write(model.backbone, world.unseen, adapter=None, completions=most, seed=9)
    scores = iter(model.score([each.encoded() for group in groups for each in group.completions]).tolist())
    return best_of_n([[(next(scores), truth(group.prompt, text)) for text in group.texts] for group in groups])


def best_of_n(scored: Sequence[Sequence[tuple[float, float]]]) -> list[Point]:
    """The best of n = 1, 2, 4 ... by the proxy: its exact mean over all choices of n among a prompt's completions.

    Args:
        scored: by prompt, the (proxy, true reward) of each completion; as many of each prompt.
    """
    most, points, n = len(scored[0]), [], 1
    while n <= most:
        # The completion at this place from below is the best of n when the other n - 1 are from below it.
        shares = [comb(place, n - 1) / comb(most, n) for place in range(most)]
        proxy, true = (
            fmean(
                sum(share * pair[side] for share, pair in zip(shares, sorted(group), strict=True)) for group in scored
            )
            for side in (0, 1)
        )
        points.append({"n": n, "kl": best_of_n_kl(n), "true_reward": true, "proxy": proxy})
        n *= 2
    return points


def _shown(points: Sequence[Point]) -> str:
    return ", ".join(f"{point['true_reward']:+.2f} at {point['kl']:.1f} nats" for point in points)
