"""The limits of the guards, as plain values. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

FRONT = 32_000
"""Priority of samples that showed a failure: before all that is asked about."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an admin set: see alignment.models.GateSettings."""

    least_judgements: int = 8
    win_rate: float = 0.5
    most_kl: float = 20.0
    length_ratio: float = 1.5
    eos_drop: float = 0.2
    repetition_rise: float = 0.15
    deviation_ratio: float = 1.15
    flag_rise: float = 0.0
    regression_margin: float = 1.0
    regression_lost: float = 0.1
