"""Heads on frozen features, fitted at once and drawn from what is known of them: a reward model for few judgements.

The reward of a completion is w . phi, phi the base's states in units of their deviation, w ~ N(0, I / precision) before
any judgement; the precision makes the reward of an average completion as uncertain as the settings say. The posterior
is Laplace's: normal around the best w, with the precision of the prior plus the gradients' second moments over
judgements, which is the Fisher information where the model is right (MacKay, 1992; for preferences Dwaracherla et al.,
2024, 2402.00396, draw from such a posterior to choose what to ask).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.heads import ScalarHead
from alignment.core.methods.judged import Judged, Said, agreement, said_of
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement
from alignment.core.running.determinism import reproducible
from alignment.core.running.processes import together
from alignment.core.trainer import NonFiniteLoss, RunResult

MOST_ITERATIONS = 200
"""Of L-BFGS; the loss is convex in w, and a few dozen do."""


@dataclass(frozen=True)
class Posterior:
    """What is known of w, for features in their own units.

    Attributes:
        mean: of w, (d,).
        cholesky: lower, of the precision in units of the features' deviations, (d, d), float64.
        scale: 1 / deviation of each feature, 0 where it never differs, (d,).
    """

    mean: Tensor
    cholesky: Tensor
    scale: Tensor

    def draws(self, count: int, *, generator: torch.Generator) -> Tensor:
        """So many w, (count, d): in pairs on both sides of the mean, so that theirs is exactly it; an odd one is it."""
        drawn = torch.randn(len(self.mean), count // 2, generator=generator, dtype=torch.float64)
        offsets = torch.linalg.solve_triangular(self.cholesky.T, drawn, upper=True).T * self.scale  # (count // 2, d)
        middle = self.mean[None].expand(count % 2, -1)
        return torch.cat([middle, self.mean + offsets, self.mean - offsets])


@reproducible()
@together()
def fit_heads(model: RewardModel, data: Sequence[Judgement], *, seed: int) -> RunResult:
    """Fit a reward model with frozen features to judgements, in one go.

    Args:
        seed: of the draws. The same data and seed give the same heads.

    Returns:
        One entry of history for each evaluation of the loss, which is in mean over judgements without the prior.

    Raises:
        ValueError: the model's features are trained, or no judgement says anything.
        NonFiniteLoss: the states of the base are no finite numbers.
    """
    if not model.is_frozen:
        raise ValueError('fit_heads fits reward models with features = "frozen"; train the others with train')
    units = model.examples(data)
    features = model.features([each for unit in units for each in unit.encoded]).to(model.backbone.device)
    deviation = features.std(0, unbiased=False)
    scale = torch.where(deviation > 1e-6, 1 / deviation.clamp(min=1e-6), torch.zeros_like(deviation))
    scaled, said = features * scale, said_of(units, device=features.device)
    precision = features.shape[1] / model.config.prior_deviation**2
    best, history = _most_likely(model, scaled, said, precision=precision, mass=sum(map(model.mass, data)))
    posterior = Posterior(
        mean=(best * scale).double().cpu(),
        cholesky=torch.linalg.cholesky(_information(model, scaled, best, units, said, precision=precision)).cpu(),
        scale=scale.double().cpu(),
    )
    drawn = posterior.draws(model.config.members, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for weights, head in zip(drawn, model.head.members, strict=True):
            assert isinstance(head, ScalarHead)
            head.linear.weight.copy_(weights[None])
            head.linear.bias.zero_()
    return RunResult(steps=len(history), metrics=history[-1], history=history, stopped=False, checkpoint=None)


def _most_likely(
    model: RewardModel, features: Tensor, said: Said, *, precision: float, mass: float
) -> tuple[Tensor, list[dict[str, float]]]:
    """The best w, (d,), with the cuts of ratings and the tie share where they are learned; and the way there."""
    weights = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    learned = [model.cuts] if model.config.rating_weight else []
    learned += [model.tie_logit] if model.config.learn_tie_share else []
    started = [each.detach().clone() for each in learned]
    optimizer = torch.optim.LBFGS([weights, *learned], max_iter=MOST_ITERATIONS, line_search_fn="strong_wolfe")
    history: list[dict[str, float]] = []
    pairs = said.pairs.winners_first()

    def evaluated() -> Tensor:
        optimizer.zero_grad()
        rewards = features @ weights
        loss = model.loss_of(rewards, said)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(
                f"the loss is {loss.item()} on frozen features: the base's states are no finite numbers"
            )
        # few judgements leave cuts between ratings open that nobody gave: a unit normal holds them where they started
        strayed = sum((each - start).square().sum() for each, start in zip(learned, started, strict=True))
        penalised = loss + precision / 2 * weights.square().sum() + strayed / 2
        torch.autograd.backward(penalised)
        means = agreement((rewards[pairs.first] - rewards[pairs.second]).detach())
        metrics = {name: float(total) / max(count, 1) for name, (total, count) in means.items()}
        history.append({"loss": loss.item() / mass, **metrics})
        return penalised

    optimizer.step(evaluated)  # type: ignore[no-untyped-call]  # torch types no optimiser of its own
    return weights.detach(), history


def _information(
    model: RewardModel, features: Tensor, weights: Tensor, units: Sequence[Judged], said: Said, *, precision: float
) -> Tensor:
    """Precision of w behind the judgements, (d, d), float64: the prior's and the empirical Fisher information."""
    rewards = (features @ weights).requires_grad_()
    (by_reward,) = torch.autograd.grad(model.loss_of(rewards, said), rewards)  # (N,)
    sizes = torch.tensor([len(unit.encoded) for unit in units], device=features.device)
    owner = torch.arange(len(units), device=features.device).repeat_interleave(sizes)  # (N,)
    gradients = features.new_zeros(len(units), features.shape[1])
    gradients.index_add_(0, owner, features * by_reward[:, None])
    mass = torch.tensor([model.mass(unit.judgement) for unit in units], device=features.device)
    gradients = (gradients / mass.sqrt()[:, None]).double()  # m judgements that agree: gradients of m, information of m
    return gradients.T @ gradients + precision * torch.eye(
        features.shape[1], dtype=torch.float64, device=features.device
    )
