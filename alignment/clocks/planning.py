"""What a run is set to: the preset, the settings of the loop, what its method begins with, and what somebody wants."""

from __future__ import annotations

from typing import Any

from alignment.core.fields import InvalidSetting
from alignment.gating.settings import gate_settings
from alignment.methods import RECIPES, with_beta
from alignment.models import LoopSettings, Preset
from alignment.plans import PRESETS, SMALL_ROLLOUT_STEPS, Plan, for_judgements
from labeling import exchange

RATING = "rating"
"""The kind of item that is rated and not ranked."""


def default_plan(settings: LoopSettings, *, completions: int) -> Plan:
    """The settings of a run of the loop: the preset, with what the settings of the loop and of its gate say."""
    gate = gate_settings(settings.pk)
    sampling = {
        "prompts": settings.prompts_per_round,
        "completions": completions,
        "temperature": settings.temperature,
        "max_new_tokens": settings.max_new_tokens,
    }
    written = {"temperature": settings.temperature, "max_new_tokens": settings.max_new_tokens}
    return (
        PRESETS[settings.preset]
        .changed(with_beta(settings.beta))
        .changed(dict.fromkeys(("ppo", "reinforce", "nash_md", "best_of_n"), written))
        .changed({"start": {"weights": settings.start, "kl_budget": settings.kl_budget}, "sampling": sampling})
        .changed({section: {"members": settings.members} for section in ("reward_model", "preference_model")})
        .changed({"reward_model": {"features": settings.features}, "rewards": {"pessimism": settings.pessimism}})
        .changed({"evaluation": {"second_share": gate.second_share, "second_least": gate.least_judgements}})
    )


def checked_plan(settings: LoopSettings, *, method: str, changes: dict[str, dict[str, Any]]) -> Plan:
    """The settings of a run by a method, with what somebody wants to be different.

    Raises:
        Invalid: a setting that does not exist, or a value out of its range.
    """
    project = exchange.project_record(settings.pk)
    number = exchange.count_judgements(settings.pk, at_most=10_000)
    usual = for_judgements(default_plan(settings, completions=project.completions_per_item), number)
    if RATING in project.kinds:  # what is only rated teaches nothing otherwise
        usual = usual.changed({"reward_model": {"rating_weight": 1.0}})
    recipe = RECIPES[method]
    if recipe.rolls_out and settings.preset == Preset.SMALL:
        usual = usual.changed({"trainer": {"steps": SMALL_ROLLOUT_STEPS}})
    if "reward_trainer" in changes:  # who says how it is to be trained wants it trained, unless they say otherwise
        usual = usual.changed({"reward_model": {"features": "trained"}})
    if not {"reward_model", "reward_trainer", "lora"}.isdisjoint(changes):  # asked for: not what is there already
        usual = usual.changed({"rewards": {"model": "own"}})
    try:
        return usual.changed(recipe.begins_with).changed(changes)
    except InvalidSetting as error:
        raise exchange.Invalid(str(error), code="invalid_setting") from error
