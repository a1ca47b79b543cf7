"""Runs and what they made; fields and constraints, no rules: those are in alignment.services."""

from __future__ import annotations

from alignment.models.loop import LoopSettings, Method, Preset, Start
from alignment.models.policies import BlindEvaluation, BlindState, Evaluation, Policy, RewardModel, Sample
from alignment.models.runs import OPEN_STATES, Metric, Run, RunState, Stage, Trigger
from alignment.models.seeing import Standings

__all__ = [
    "OPEN_STATES",
    "BlindEvaluation",
    "BlindState",
    "Evaluation",
    "LoopSettings",
    "Method",
    "Metric",
    "Policy",
    "Preset",
    "RewardModel",
    "Run",
    "RunState",
    "Sample",
    "Stage",
    "Standings",
    "Start",
    "Trigger",
]
