"""What pages show of a run, prepared for templates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from alignment.methods import RECIPES
from alignment.models import Cause, Evaluation, Method, PromotionState, Run, RunState, Stage
from alignment.numbers import Local, fill
from alignment.plans import Plan

ALWAYS = ("lora", "start", "evaluation", "sampling")


@dataclass(frozen=True)
class ShownStage:
    """A stage with where it stands: done, now, ended (where the run ended early) or ahead; and what it found."""

    stage: Stage
    state: str
    facts: list[tuple[str, str]]


def shown_stages(run: Run) -> list[ShownStage]:
    """The stages of the run's method, in their order."""
    return [
        ShownStage(stage=stage, state=_state(run, stage), facts=_facts(run, stage, run.results.get(stage, {})))
        for stage in RECIPES[run.method].stages
    ]


def _state(run: Run, stage: Stage) -> str:
    if stage in run.results:
        return "done"
    if stage != run.stage:
        return "ahead"
    return "now" if run.state == RunState.RUNNING else "ended"


def _facts(run: Run, stage: Stage, found: dict[str, Any]) -> list[tuple[str, str]]:
    if not found:
        return []
    match stage:
        case Stage.SNAPSHOT:
            names = {"train": _("train"), "held_out": _("held out"), "comparisons": _("comparisons")}
            return [(said, _count(found[name])) for name, said in names.items()]
        case Stage.REWARD_MODEL if fits_heads(run) and not found.get("reused"):
            return [*_judging(found), *_fitted(run)]
        case Stage.REWARD_MODEL | Stage.PREFERENCE_MODEL:
            return [
                *_judging(found),
                (_("steps"), _count(found["steps"]) if "steps" in found else _("none: it was there")),
            ]
        case Stage.POLICY:
            return [
                (_("version"), str(found["version"])),
                (_("steps"), f"{Local(found['steps']):,.0f}"),
                *_distance(found),
            ]
        case Stage.EVALUATION:
            return [
                (_("verdict"), _verdict(found)),
                (
                    _("held-out prompts") if found["held_out"] else _("training prompts"),
                    _count(found["prompts"]),
                ),
                ("KL", fill(_("{kl:.2f} nats"), kl=found["kl"])),
            ]
    return [(_("items written"), _count(found["items"]))]


def _count(number: int) -> str:
    return f"{Local(number):,.0f}"


def _verdict(found: dict[str, Any]) -> str:
    """What the gate said when the run came to it; runs of before there was one say whether they promoted."""
    if "state" not in found:
        return _("promoted") if found["promoted"] else _("not promoted: {reason}").format(reason=found["refused"])
    state = PromotionState(found["state"]).label
    if not found["cause"]:
        return str(state)
    return _("{state}: {reason}").format(state=state, reason=Cause(found["cause"]).label)


def _distance(found: dict[str, Any]) -> list[tuple[str, str]]:
    """How far a policy went from the reference, how far it may, and what was taken back for that."""
    if "kl" not in found:  # of before there were budgets
        return []
    said = fill(_("{kl:.1f} nats"), kl=found["kl"])
    if found["kl_budget"] is not None:
        said = fill(_("{kl:.1f} of {budget:.1f} nats"), kl=found["kl"], budget=found["kl_budget"])
    kept = [(_("kept of what it learned"), f"{Local(found['share']):.0%}")] if found["share"] < 1 else []
    return [("KL", said), *kept]


def _judging(found: dict[str, Any]) -> list[tuple[str, str]]:
    accuracy = _("no held-out judgements yet")
    if "accuracy" in found:
        text = _("{share:.1%} ({low:.1%} to {high:.1%})")
        accuracy = fill(text, share=found["accuracy"], low=found["accuracy_low"], high=found["accuracy_high"])
    facts = [(_("held-out accuracy"), accuracy)]
    if "number" in found:
        facts.insert(0, (_("reward model"), str(found["number"])))
    return facts


def fits_heads(run: Run) -> bool:
    """Whether a run's reward model is heads that are fitted at once to frozen features, instead of trained."""
    rewards = run.config.get("reward_model", {})
    return Stage.REWARD_MODEL in RECIPES[run.method].stages and rewards.get("features") == "frozen"


def _fitted(run: Run) -> list[tuple[str, str]]:
    """What was fitted, and to what."""
    rewards = run.config["reward_model"]
    return [
        (_("heads, fitted at once"), _count(rewards["members"])),
        (_("prior deviation"), fill(_("{deviation:.1f} nats"), deviation=rewards["prior_deviation"])),
        (_("judgements"), _count(run.snapshot_counts.get("train", 0))),
    ]


OF_FEATURES = {"frozen": {"head_lr_factor"}, "trained": {"prior_deviation"}}
"""Settings of a reward model that mean nothing with such features."""


def _unused(run: Run) -> set[str]:
    """Sections that the run did nothing with: how rewards are trained, where heads were fitted or a model was there."""
    reused = bool(run.results.get(Stage.REWARD_MODEL, {}).get("reused"))
    trains = Stage.PREFERENCE_MODEL in RECIPES[run.method].stages or not (reused or fits_heads(run))
    unused = set() if trains else {"reward_trainer"}
    if reused:
        unused.add("reward_model")
    if fits_heads(run) and run.method == Method.REWARD_MODEL:
        unused.add("lora")  # nothing of the base moves
    return unused


def shown_settings(run: Run, *, defaults: Plan) -> list[tuple[str, list[tuple[str, Any, bool]]]]:
    """The run's settings by section: (name, value, whether it differs from the preset); those that it makes use of."""
    usual = defaults.to_dict()
    hidden = OF_FEATURES["frozen" if fits_heads(run) else "trained"]
    unused = _unused(run)
    return [
        (
            section,
            [
                (name, value, usual.get(section, {}).get(name) != value)
                for name, value in run.config[section].items()
                if section != "reward_model" or name not in hidden
            ],
        )
        for section in (*RECIPES[run.method].sections, *ALWAYS)
        if section in run.config and section not in unused
    ]


def shown_evaluations(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The parent first, then the base."""
    return sorted(evaluations, key=lambda each: -each.against.version)


def shown_policies(policies: Iterable[Any]) -> list[tuple[Any, Evaluation | None, Evaluation | None]]:
    """Each version with how it did against its parent and against the base, which may be the same."""
    return [
        (policy, *((policy.compared[0], policy.compared[-1]) if policy.compared else (None, None)))
        for policy in policies
    ]


@dataclass(frozen=True)
class Measured:
    """A metric at the first and at the last step, for those who see no chart."""

    stage: str
    name: str
    step: int
    first: str
    last: str


def shown_metrics(curves: dict[str, dict[str, Any]]) -> list[Measured]:
    """The ends of all curves, in the order of stages and names."""
    found = []
    for stage in (stage for stage in Stage if stage in curves):
        for name, values in sorted(curves[stage]["values"].items()):
            known = [value for value in values if value is not None]
            step = curves[stage]["steps"][-1]
            ends = (f"{Local(known[0]):.4g}", f"{Local(known[-1]):.4g}") if known else ("", "")
            found.append(Measured(stage=str(stage.label), name=name, step=step, first=ends[0], last=ends[1]))
    return found
