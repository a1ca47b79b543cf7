"""The settings of a run. Standard library only, so that a web form can check them without torch.

Sources: LMHP is openai/lm-human-preferences, N+ is Huang et al. (2403.17031), TRL is huggingface/trl 1.16.
Every number that a run depends on is here; `to_dict` is what is stored with the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alignment.core.fields import InvalidSetting, Settings, choice, flag, real, text, whole

__all__ = [
    "DirectConfig",
    "InvalidSetting",
    "LoraSettings",
    "NashMDConfig",
    "PPOConfig",
    "PreferenceModelConfig",
    "ReinforceConfig",
    "RewardModelConfig",
    "SFTConfig",
    "TrainerConfig",
]


@dataclass(frozen=True, kw_only=True)
class LoraSettings(Settings):
    """Low-rank adapters (Hu et al., 2021): what is trained of a backbone when it is not trained whole."""

    rank: int = whole(16, low=1, high=1024)
    """Rank of each update matrix; 8 to 64 is usual (TRL: 16)."""
    alpha: float = real(32.0, low=0, above=True)
    """Updates are scaled by alpha / rank; twice the rank is usual."""
    targets: str = text("all-linear")
    """Layers that get an adapter: `all-linear`, or ends of their names joined by commas."""

    def keywords(self) -> dict[str, Any]:
        """The arguments of `alignment.core.backbone.LoraConfig`, which this module cannot import: it knows torch."""
        targets = tuple(name.strip() for name in self.targets.split(",") if name.strip())
        return {"rank": self.rank, "alpha": self.alpha, "targets": targets}


@dataclass(frozen=True, kw_only=True)
class TrainerConfig(Settings):
    """The loop that is the same for all methods."""

    epochs: float = real(1.0, low=0, above=True, high=1000)
    """Passes over the data when `steps` is not given; 1, because reward models overfit after it (Stiennon et al.)."""
    steps: int | None = whole(None, low=1, optional=True)
    """Batches to train on, whatever the size of the data; None: as many as `epochs` needs."""
    batch_size: int = whole(64, low=1)
    """Prompts, judgements or demonstrations per step (N+, DPO: 64)."""
    micro_batch_tokens: int = whole(8192, low=1)
    """Tokens, padding included, in one forward pass. Memory and speed only: the result does not depend on it."""
    lr: float = real(1e-4, low=0, above=True, high=1)
    """Peak learning rate of AdamW; 1e-4 is for LoRA (TRL), full fine-tuning wants 1e-6 to 5e-6."""
    schedule: str = choice("linear", "cosine", "constant")
    """How the learning rate goes to 0 at the last step (LMHP, N+: linear), or that it does not."""
    warmup_steps: int = whole(0, low=0)
    """Steps in which the learning rate rises linearly from 0 (DPO: 150)."""
    adam_epsilon: float = real(1e-5, low=0, above=True)
    """Added to AdamW's denominator (N+: 1e-5; torch's 1e-8 makes the first steps larger)."""
    weight_decay: float = real(0.0, low=0, high=1)
    """AdamW's decay per unit of learning rate; 0 in every source."""
    max_grad_norm: float = real(1.0, low=0, above=True)
    """Gradients are scaled down to this norm (TRL: 1, DPO: 10)."""
    seed: int = whole(0, low=0, high=2**63 - 1)
    """Of the order of the data, of new heads and adapters, and of sampling."""
    checkpoint_folder: str | None = text(None, optional=True)
    """Where checkpoints are written; None: nowhere."""
    checkpoint_every_steps: int | None = whole(None, low=1, optional=True)
    """Steps between two checkpoints."""
    checkpoint_every_seconds: float | None = real(30.0, low=0, optional=True)
    """Seconds between two checkpoints, whichever comes first: what a killed worker loses at most."""
    halve_when_out_of_memory: bool = flag(True)
    """When the accelerator runs out of memory: halve `micro_batch_tokens` and do the step again, saying so."""


@dataclass(frozen=True, kw_only=True)
class SFTConfig(Settings):
    """Supervised fine-tuning on demonstrations; the loss is on the completion only."""

    average: str = choice("token", "completion")
    """Mean over tokens (long completions count more, TRL), or over completions (each counts the same)."""


@dataclass(frozen=True, kw_only=True)
class RewardModelConfig(Settings):
    """A reward for each completion, learned from judgements. Each kind of judgement has a weight; 0 leaves it out."""

    ties: str = choice("davidson", "rao_kupper", "drop")
    """Likelihood of the comparisons of a ranking; `drop` is Bradley-Terry without the ties."""
    tie_share: float | None = real(None, low=0, high=0.99, optional=True)
    """P(tie) of two completions with equal rewards; None: the share of ties in the data. 0.5 is nu = 1, theta = 3."""
    learn_tie_share: bool = flag(False)
    """Learn it with the rewards, from `tie_share` on."""
    margin: float = real(0.0, low=0)
    """Nats by which the first-ranked must lead the last-ranked, less for nearer ranks (Llama 2: 1 small, 3 large)."""
    centre: float = real(0.0, low=0)
    """Weight of (r_i + r_j)^2 per comparison (2312.09244, eq. 2, recommends 0.01), which holds rewards near 0."""
    comparison_weight: float = real(1.0, low=0)
    """Of the C(K,2) comparisons of a ranking, each weighted 1/C(K,2) (Ouyang et al., 2022, eq. 1)."""
    ranking_weight: float = real(0.0, low=0)
    """Of the whole ranking by Plackett-Luce; in place of the comparisons."""
    ranking_ties: str = choice("average", "davidson_luce")
    """Ties of a whole ranking: the mean over the orders that break them, or outcomes with a probability, `tie_share`
    for two equals (Firth, Kosmidis and Turner, 2019)."""
    best_weight: float = real(1.0, low=0)
    """Of a pick of the best by softmax selection (LMHP)."""
    rating_weight: float = real(0.0, low=0)
    """Of each 1-7 rating by ordered logit, in mean over the ratings of a judgement."""
    members: int = whole(1, low=1, high=64)
    """Heads on the shared features; their spread is the model's disagreement with itself."""
    features: str = choice("trained", "frozen")
    """trained: an adapter learns with the heads. frozen: the heads read the states of the base, last and summed over
    the completion, and are fitted at once, as draws from the posterior: for few judgements, in seconds."""
    prior_deviation: float = real(1.0, low=0, above=True, high=100)
    """Standard deviation of a reward before any judgement, nats; of frozen features only."""
    head_lr_factor: float = real(1.0, low=0, above=True)
    """Learning rate of the head and its cuts, as a multiple of the adapter's."""
    normalise_samples: int = whole(256, low=2)
    """Completions of the reference policy from which `normalise` takes the mean that becomes 0 (LMHP: 256)."""


@dataclass(frozen=True, kw_only=True)
class PreferenceModelConfig(Settings):
    """P(y beats y' | x) of two completions of a prompt, learned from comparisons; it may hold cycles."""

    ties: str = choice("davidson", "rao_kupper", "drop")
    """Likelihood of a win, a tie or a loss; `drop` is Bradley-Terry without the ties."""
    tie_share: float | None = real(None, low=0, high=0.99, optional=True)
    """P(tie) of two completions that are equally good; None: the share of ties in the data."""
    learn_tie_share: bool = flag(False)
    """Learn it with the preferences, from `tie_share` on."""
    members: int = whole(1, low=1, high=64)
    """Heads on shared features; where they differ, the preference is a guess (Coste et al., 2023, on rewards)."""
    rank: int = whole(16, low=1, high=1024)
    """Of the skew part of the head, which holds what no reward can; 1 is enough for one cycle."""
    head_lr_factor: float = real(1.0, low=0, above=True)
    """Learning rate of the head, as a multiple of the adapter's."""


@dataclass(frozen=True, kw_only=True)
class DirectConfig(Settings):
    """Direct preference optimisation and its family: a likelihood of the judgement on the policy's own scores."""

    loss: str = choice(
        *("dpo", "cdpo", "robust", "ipo", "hinge", "apo_zero", "sppo_hard", "simpo", "orpo", "kto"),
        *("tie_dpo", "tie_dpo_rk", "listwise", "best_of"),
    )
    """dpo (Rafailov), cdpo, robust (flipped labels), ipo (Azar), hinge (SLiC), apo_zero (D'Oosterlinck: chosen ones up,
    rejected ones down), sppo_hard (Wu: each to a target of its own), simpo and orpo (no reference), kto (single ones),
    tie_dpo (Davidson), tie_dpo_rk (Rao-Kupper), listwise (Plackett-Luce), best_of (picks)."""
    beta: float = real(0.1, low=0, above=True)
    """KL strength: smaller lets the policy go further from the reference (DPO 0.1, summaries 0.5; SimPO 2)."""
    label_smoothing: float = real(0.1, low=0, high=0.49)
    """Share of labels taken to be flipped; cdpo and robust only."""
    average: bool = flag(False)
    """ipo on log-probabilities per token (TRL) instead of per completion (the paper); its beta means another thing."""
    margin: float = real(0.5, low=0)
    """SimPO's gamma: nats, already multiplied by beta, by which the chosen must lead (paper: beta / 2; TRL: 0.5)."""
    nll_weight: float = real(0.0, low=0)
    """Weight of the chosen completion's mean negative log-likelihood: the cure for chosen ones that become rarer (RPO;
    OpenRLHF, LLaMA-Factory and TRL's `sft` have it). It is 1 for orpo, whatever is set here."""
    nll_tokens: str = choice("completion", "prompt_and_completion")
    """What that likelihood is of: the completion (ORPO, eq. 2), or all tokens but the first one (ORPO's code, TRL)."""
    nll_average: str = choice("completion", "token")
    """Its mean: each chosen completion counts the same, or each token does, so that long ones count more (TRL)."""
    tie_share: float | None = real(None, low=0, high=0.99, optional=True)
    """P(tie) of two completions with equal scores, for the losses with ties; None: the share of ties in the data."""
    ranking_ties: str = choice("average", "davidson_luce")
    """listwise: ties are the mean over the orders that break them, or outcomes with a probability, by `tie_share`."""
    desirable_weight: float = real(1.0, low=0)
    """KTO's lambda_D; times the number of good ones it should be 1 to 4/3 of the other product (the paper)."""
    undesirable_weight: float = real(1.0, low=0)
    """KTO's lambda_U."""
    good_rating: int = whole(5, low=2, high=7)
    """KTO: rated so or better is good, the rest bad. Without ratings the first-ranked are good, the last-ranked bad."""


@dataclass(frozen=True, kw_only=True)
class PPOConfig(Settings):
    """Proximal policy optimisation: reward of the reward model less beta times the KL to the reference."""

    beta: float = real(0.05, low=0)
    """KL strength, in reward per nat (N+: 0.05, LMHP: 0.15)."""
    target_kl: float | None = real(None, low=0, above=True, optional=True)
    """Nats per completion that beta is steered to (LMHP: 6); None: beta stays."""
    kl_horizon: int = whole(10_000, low=1)
    """Completions over which beta follows the KL (LMHP: 10,000)."""
    completions_per_prompt: int = whole(1, low=1, high=64)
    """Rollouts of each prompt in a batch."""
    max_new_tokens: int = whole(64, low=1)
    """Tokens that a rollout may have (N+: 53)."""
    temperature: float = real(1.0, low=0, above=True)
    """Of sampling, and of every log-probability (LMHP, N+: 0.7)."""
    epochs: int = whole(4, low=1, high=64)
    """Passes over each batch of rollouts (LMHP, N+: 4)."""
    minibatches: int = whole(1, low=1, high=64)
    """Updates per pass (LMHP: 1)."""
    gamma: float = real(1.0, low=0, high=1)
    """Discount per token; 1, because text is one episode."""
    lam: float = real(0.95, low=0, high=1)
    """GAE's lambda (LMHP, N+: 0.95)."""
    clip: float = real(0.2, low=0, above=True, high=1)
    """How far a ratio may go from 1 (all sources: 0.2)."""
    value_clip: float = real(0.2, low=0, above=True)
    """How far a value may go from its old one (all sources: 0.2)."""
    value_lr_factor: float = real(1.0, low=0, above=True)
    """Learning rate of the value adapter, as a multiple of the policy's (N+: 1, verl: 10)."""
    value_head_lr_factor: float = real(10.0, low=0, above=True)
    """Learning rate of the value head, as a multiple of the policy's: the head starts at 0."""
    whiten_rewards: bool = flag(False)
    """Scale shaped rewards to unit variance, mean kept (LMHP: yes, N+: no)."""
    whiten_advantages: bool = flag(True)
    """Shift and scale advantages to mean 0 and variance 1 over the batch's tokens (LMHP, N+: yes)."""
    missing_eos_penalty: float = real(1.0, low=0)
    """Taken from the reward of a rollout that never ended (TRL: 1)."""
    reward_clip: float | None = real(None, low=0, above=True, optional=True)
    """Rewards are cut to plus and minus this (DeepSpeed-Chat: 5)."""
    ptx_weight: float = real(0.0, low=0)
    """PPO-ptx: weight of the mean negative log-likelihood of demonstrations (Ouyang et al., 2022, eq. 2)."""
    ptx_batch_size: int = whole(16, low=1)
    """Demonstrations in each update, when ptx_weight is not 0."""


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(Settings):
    """REINFORCE with the other completions of a prompt as the baseline; no critic."""

    baseline: str = choice("rloo", "grpo", "dr_grpo")
    """rloo: less the mean of the others (Ahmadian et al.); dr_grpo: of all; grpo: that in standard deviations."""
    beta: float = real(0.05, low=0)
    """KL strength, in units of the advantage per nat (TRL: 0.05 for rloo)."""
    completions_per_prompt: int = whole(4, low=2, high=64)
    """Rollouts of each prompt (TRL: 2 for rloo, 8 for grpo)."""
    max_new_tokens: int = whole(64, low=1)
    """Tokens that a rollout may have (N+: 53)."""
    temperature: float = real(1.0, low=0, above=True)
    """Of sampling, and of every log-probability."""
    epochs: int = whole(1, low=1, high=64)
    """Passes over each batch of rollouts; with one, the policy is that which sampled."""
    clip: float = real(0.2, low=0, above=True, high=1)
    """How far a ratio may go from 1 in later passes (TRL: 0.2)."""
    missing_eos_penalty: float = real(1.0, low=0)
    """Taken from the reward of a rollout that never ended (TRL: 1)."""
    reward_clip: float | None = real(None, low=0, above=True, optional=True)
    """Rewards are cut to plus and minus this (DeepSpeed-Chat: 5)."""


@dataclass(frozen=True, kw_only=True)
class NashMDConfig(Settings):
    """Nash-MD: the policy that no other policy is preferred to, less beta times its KL (Munos et al., 2023)."""

    beta: float = real(0.008, low=0)
    """KL strength, in probability of being preferred per nat, the paper's tau (0.008; TRL: 0.1). Near 1/2 a preference
    changes a quarter as fast as a reward, so 0.0125 is what 0.05 is to PPO."""
    opponent: str = choice("mixture", "past")
    """Whose completions must be beaten: the geometric mixture of policy and reference, or past policies in turn."""
    mixture: float = real(0.25, low=0, high=1)
    """Weight of the reference in the mixture: 0 is self-play, 1 the best response to the reference. The paper: 0.125 to
    0.375 are best (TRL: 0.5). The equilibrium itself is that of 0."""
    completions_per_prompt: int = whole(4, low=1, high=64)
    """Rollouts of each prompt, and of its opponent; each is compared with all of the other side."""
    max_new_tokens: int = whole(64, low=1)
    """Tokens that a rollout may have (TRL: 64)."""
    temperature: float = real(1.0, low=0, above=True)
    """Of sampling, and of every log-probability (TRL: 0.9)."""
    epochs: int = whole(1, low=1, high=64)
    """Passes over each batch of rollouts; with one, the policy is that which sampled."""
    clip: float = real(0.2, low=0, above=True, high=1)
    """How far a ratio may go from 1 in later passes (PPO: 0.2)."""
    missing_eos_penalty: float = real(1.0, low=0)
    """Taken from the preference for a rollout that never ended; with 1 it is worse than any that did (TRL: none)."""
