"""What each method of a run does: its stages, the settings that it reads and those that it begins with. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alignment.models import Method, Stage

Changes = Mapping[str, Mapping[str, Any]]
"""Settings by section."""

JUDGED = (Stage.SNAPSHOT, Stage.REWARD_MODEL)
WRITTEN = (Stage.POLICY, Stage.EVALUATION, Stage.SAMPLING)


@dataclass(frozen=True)
class Recipe:
    """One method.

    Attributes:
        stages: what it does, in order. Those that train a policy have a reward model too: without one nothing could be
            evaluated.
        section: where the settings of its policy training are.
        begins_with: what it is set to before the settings of the loop's owner.
        rolls_out: whether it learns from what the policy writes while it trains, for prompts of the project.
    """

    stages: tuple[Stage, ...] = (*JUDGED, *WRITTEN)
    section: str = "direct"
    begins_with: Changes = field(default_factory=dict)
    rolls_out: bool = False

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections of a plan that it reads, beside those that every run reads."""
        found = ["reward_trainer", "reward_model"]
        if Stage.PREFERENCE_MODEL in self.stages:
            found.append("preference_model")
        return (*found, "trainer", self.section) if Stage.POLICY in self.stages else tuple(found)

    @property
    def trains_a_policy(self) -> bool:
        """Whether a new version comes out."""
        return Stage.POLICY in self.stages


def _direct(**settings: Any) -> Recipe:
    return Recipe(begins_with={"direct": settings})


RECIPES: dict[str, Recipe] = {
    Method.SFT: Recipe(section="sft"),
    Method.REWARD_MODEL: Recipe(stages=JUDGED),
    Method.PREFERENCE_MODEL: Recipe(stages=(Stage.SNAPSHOT, Stage.PREFERENCE_MODEL)),
    Method.DPO: Recipe(),  # with whatever direct.loss says
    Method.CDPO: _direct(loss="cdpo"),
    Method.ROBUST: _direct(loss="robust"),
    Method.IPO: _direct(loss="ipo"),
    Method.HINGE: _direct(loss="hinge"),
    Method.KTO: _direct(loss="kto"),
    # Their beta scales log-probabilities per token and is no KL strength: the papers' values.
    Method.SIMPO: _direct(loss="simpo", beta=2.0, margin=1.0),
    Method.ORPO: _direct(loss="orpo", beta=0.1),
    Method.TIE_DPO: _direct(loss="tie_dpo"),
    Method.TIE_DPO_RK: _direct(loss="tie_dpo_rk"),
    Method.LISTWISE: _direct(loss="listwise"),
    Method.BEST_OF: _direct(loss="best_of"),
    Method.APO_ZERO: _direct(loss="apo_zero"),
    Method.SPPO_HARD: _direct(loss="sppo_hard"),
    Method.PPO: Recipe(section="ppo", rolls_out=True),
    Method.REINFORCE: Recipe(section="reinforce", rolls_out=True),
    Method.GRPO: Recipe(section="reinforce", rolls_out=True, begins_with={"reinforce": {"baseline": "grpo"}}),
    Method.BEST_OF_N: Recipe(section="best_of_n", rolls_out=True),
    Method.NASH_MD: Recipe(stages=(*JUDGED, Stage.PREFERENCE_MODEL, *WRITTEN), section="nash_md", rolls_out=True),
}

PREFERENCE_BETA = 0.25
"""Near 1/2 a preference changes a quarter as fast as the reward behind it, so Nash-MD's beta is that share of PPO's."""


def with_beta(beta: float) -> dict[str, dict[str, Any]]:
    """The loop's KL strength, in the units of each method."""
    plain = {section: {"beta": beta} for section in ("direct", "ppo", "reinforce")}
    return {**plain, "nash_md": {"beta": beta * PREFERENCE_BETA}}
