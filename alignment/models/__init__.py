"""Runs and what they made; fields and constraints, no rules: those are in alignment.services."""

from __future__ import annotations

from alignment.models.loop import Features, LoopSettings, Method, Preset, Start
from alignment.models.policies import BlindEvaluation, BlindState, Evaluation, Policy, RewardModel, Sample
from alignment.models.promotions import (
    OPEN_PROMOTIONS,
    SERVED_PROMOTIONS,
    Cause,
    GatePair,
    GateSettings,
    Promotion,
    PromotionState,
    SecondRewardModel,
)
from alignment.models.runs import OPEN_STATES, Metric, Run, RunState, Stage, Trigger
from alignment.models.seeing import Standings

__all__ = [
    "OPEN_PROMOTIONS",
    "OPEN_STATES",
    "SERVED_PROMOTIONS",
    "BlindEvaluation",
    "BlindState",
    "Cause",
    "Evaluation",
    "Features",
    "GatePair",
    "GateSettings",
    "LoopSettings",
    "Method",
    "Metric",
    "Policy",
    "Preset",
    "Promotion",
    "PromotionState",
    "RewardModel",
    "Run",
    "RunState",
    "Sample",
    "SecondRewardModel",
    "Stage",
    "Standings",
    "Start",
    "Trigger",
]
