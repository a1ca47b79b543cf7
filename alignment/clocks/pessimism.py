"""The rewards and preferences that policies learn from: less where the model of them only guesses."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from alignment.core.heads import Ensemble, PairEnsemble
from alignment.core.methods.forward import prompt_numbers
from alignment.core.methods.nash import Preference
from alignment.core.methods.rollouts import Reward
from alignment.core.text import Encoded
from alignment.execution import Execution


def rewards_of(execution: Execution) -> Reward:
    """Mean of the heads less lambda times their standard deviation, in nats (Coste et al., 2023, 2310.02743).

    Of several completions of a prompt, it is the deviation of each one's lead over their mean.
    With lambda 0, or a reward model of one head, it is the mean.
    """
    model, deviations = execution.reward_model, execution.plan.rewards.pessimism
    if not deviations:
        return model.score

    def pessimistic(encoded: Sequence[Encoded]) -> Tensor:
        rewards, groups = model.member_rewards(encoded), prompt_numbers(encoded)
        return Ensemble.pessimistic(rewards, deviations=deviations, groups=groups)

    return pessimistic


def preferences_of(execution: Execution) -> Preference:
    """P(y beats y'), the mean of the heads less lambda times their standard deviation, for Nash-MD.

    So a completion that may as well be worse wins less; what wins surely wins as before. With lambda 0, or a preference
    model of one head, it is the mean.
    """
    model, deviations = execution.preference_model, execution.plan.rewards.pessimism
    if not deviations:
        return model.compare

    def pessimistic(first: Sequence[Encoded], second: Sequence[Encoded]) -> Tensor:
        return PairEnsemble.pessimistic(model.member_preferences(first, second), deviations=deviations)

    return pessimistic
