"""Heads on hidden states: scalar reward or value, the two-argument preference, and ensembles of them. Float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from alignment.core.checkpoints import replaced_folder
from alignment.core.model.loading import ModelError

HEAD = "head.safetensors"


class ScalarHead(nn.Module):
    """A reward in nats (or a value) from a hidden state: gain * (w . h + b) + bias.

    w ~ N(0, 1 / sqrt(d + 1)), b = 0 (Stiennon et al., 2020); gain and bias are no parameters: ``normalise`` sets them
    once, so that the reference policy's mean reward is 0, and they are saved with the head.
    """

    gain: Tensor
    bias: Tensor

    def __init__(self, hidden_size: int, *, zero: bool = False, seed: int | None = None) -> None:
        """``zero`` starts a value head at 0; ``seed`` draws the weights without moving anybody's random numbers."""
        super().__init__()
        self.linear = _linear(hidden_size, 1, bias=True)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.linear.weight.normal_(std=1 / math.sqrt(hidden_size + 1), generator=generator)
            self.linear.bias.zero_()
            if zero:
                self.linear.weight.zero_()
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, states: Tensor) -> Tensor:
        """(..., d) to (...), float32."""
        raw: Tensor = self.linear(states.float())[..., 0]
        return raw * self.gain + self.bias

    @torch.no_grad()
    def normalise(self, rewards: Tensor, *, unit_variance: bool = False) -> None:
        """Shift (and scale) so that these rewards, as this head gave them now, have mean 0 (and variance 1).

        Args:
            rewards: of text of the reference policy, (M,).

        Raises:
            ValueError: no rewards, one that is not finite, or all equal when the variance is to be 1.
        """
        if rewards.numel() == 0 or not bool(torch.isfinite(rewards).all()):
            raise ValueError(f"normalising needs finite rewards, got {rewards.flatten()[:8].tolist()}")
        mean = rewards.float().mean()
        scale = torch.ones(())
        if unit_variance:
            deviation = rewards.float().std(unbiased=False)
            if not deviation > 0:
                raise ValueError(f"all {rewards.numel()} rewards are {mean.item():.4g}: their variance can't become 1")
            scale = 1 / deviation
        # r' = scale * (gain * raw + bias - mean)
        self.bias.copy_((self.bias - mean) * scale)
        self.gain.mul_(scale)


class _Members(nn.Module):
    """M heads on the same features, each with a seed of its own."""

    def __init__(self, make: Callable[[int | None], nn.Module], members: int, *, seed: int | None, step: int) -> None:
        super().__init__()
        if members < 1:
            raise ValueError(f"an ensemble has {members} members; give 1 or more")
        self.members = nn.ModuleList(make(None if seed is None else seed + step * number) for number in range(members))


class Ensemble(_Members):
    """M scalar heads on the same features (Coste et al., 2023); their spread tells where the reward is a guess."""

    def __init__(self, hidden_size: int, members: int, *, seed: int | None = None) -> None:
        super().__init__(lambda own: ScalarHead(hidden_size, seed=own), members, seed=seed, step=1)

    def forward(self, states: Tensor) -> Tensor:
        """(..., d) to (..., M), float32."""
        return torch.stack([member(states) for member in self.members], dim=-1)

    @staticmethod
    def worst(rewards: Tensor) -> Tensor:
        """Worst-case reward, (..., M) to (...): min over the members."""
        return rewards.min(dim=-1).values

    @staticmethod
    def uncertain(rewards: Tensor, *, penalty: float) -> Tensor:
        """Mean minus ``penalty`` times the variance between members, (..., M) to (...)."""
        return rewards.mean(dim=-1) - penalty * rewards.var(dim=-1, unbiased=False)

    @staticmethod
    def pessimistic(rewards: Tensor, *, deviations: float, groups: Tensor | None = None) -> Tensor:
        """Mean less so many standard deviations between members, in nats, (N, M) to (N,); one member has none.

        Args:
            groups: number of the prompt of each completion, long, (N,). Judgements only tell of differences between
                completions of a prompt, so where a prompt has several, how far a completion's lead over the mean of
                them is in doubt counts, and not what all members add to all completions of the prompt.
        """
        told = rewards
        if groups is not None:
            _, place, sizes = torch.unique(groups, return_inverse=True, return_counts=True)
            sums = rewards.new_zeros(len(sizes), rewards.shape[-1]).index_add_(0, place, rewards)
            means = sums / sizes[:, None]
            told = torch.where(sizes[place, None] > 1, rewards - means[place], rewards)
        return rewards.mean(dim=-1) - deviations * told.std(dim=-1, unbiased=False)

    def normalise(self, rewards: Tensor, *, unit_variance: bool = False) -> None:
        """Normalise each member by its own rewards, (N, M)."""
        for number, member in enumerate(self.members):
            assert isinstance(member, ScalarHead)
            member.normalise(rewards[:, number], unit_variance=unit_variance)


class PairHead(nn.Module):
    """Logit of "the first completion is preferred", which turns its sign when the two change places.

    u(h) - u(h') + p(h)^T q(h') - q(h)^T p(h')   with linear u, p, q: the rank-k part is skew, so it can hold cycles
    that no scalar reward can (an antisymmetric P as Nash learning needs, Munos et al., 2023).
    """

    def __init__(self, hidden_size: int, *, rank: int = 16, seed: int | None = None) -> None:
        super().__init__()
        if rank < 1:
            raise ValueError(f"rank is {rank}; give 1 or more")
        self.scalar = ScalarHead(hidden_size, seed=seed)
        self.left = _linear(hidden_size, rank, bias=False)
        self.right = _linear(hidden_size, rank, bias=False)
        generator = None if seed is None else torch.Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for part in (self.left, self.right):
                part.weight.normal_(std=1 / math.sqrt((hidden_size + 1) * math.sqrt(rank)), generator=generator)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two (..., d) to (...): P(first preferred) = sigmoid of it; exactly antisymmetric, float32."""
        first, second = first.float(), second.float()
        skew = (self.left(first) * self.right(second)).sum(-1) - (self.right(first) * self.left(second)).sum(-1)
        difference: Tensor = self.scalar(first) - self.scalar(second) + skew
        return difference


class PairEnsemble(_Members):
    """M pair heads on the same features; their spread tells where the preference is a guess."""

    def __init__(self, hidden_size: int, members: int, *, rank: int = 16, seed: int | None = None) -> None:
        # A head takes two seeds.
        super().__init__(lambda own: PairHead(hidden_size, rank=rank, seed=own), members, seed=seed, step=2)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two (..., d) to (..., M), float32, antisymmetric."""
        return torch.stack([member(first, second) for member in self.members], dim=-1)

    @staticmethod
    def pessimistic(preferences: Tensor, *, deviations: float) -> Tensor:
        """Mean probability less so many standard deviations between members, (..., M) to (...), at least 0."""
        lower = preferences.mean(dim=-1) - deviations * preferences.std(dim=-1, unbiased=False)
        return lower.clamp(min=0.0)


def save_head(head: nn.Module, folder: Path) -> None:
    """Write a head's parameters and buffers as a folder with one safetensors file, atomically."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()}
    with replaced_folder(Path(folder)) as place:
        save_file(tensors, place / HEAD)


def load_head(head: nn.Module, folder: Path) -> None:
    """Read into a head of the same kind and size what ``save_head`` wrote, bit for bit.

    Raises:
        ModelError: no head there, damaged, or of another kind or size.
    """
    file = Path(folder) / HEAD
    try:
        head.load_state_dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} is missing or cut short; train or save the head again") from error
    except RuntimeError as error:
        raise ModelError(f"{file} belongs to another head than this {type(head).__name__}: {error}") from error


def _linear(width: int, out: int, *, bias: bool) -> nn.Linear:
    """A float32 layer without a start of its own: torch's would use up global random numbers."""
    skip_init: Any = nn.utils.skip_init
    layer: nn.Linear = skip_init(nn.Linear, width, out, bias=bias, dtype=torch.float32)
    return layer
