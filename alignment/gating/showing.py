"""What the page and the API of the gate show: promotions and guards in words and figures. No torch, no NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alignment.core.statistics.e_process import threshold
from alignment.gating import records
from alignment.gating.settings import gate_settings
from alignment.models import OPEN_PROMOTIONS, GateSettings, Policy, Promotion, PromotionState
from alignment.numbers import Local
from alignment.selectors import serving_policy
from labeling.exchange import gate as exchange_gate

GUARDS = {
    "held_out": gettext_lazy("Second reward model"),
    "reward": gettext_lazy("Reward it learned from"),
    "kl": gettext_lazy("Distance from the base"),
    "overoptimised": gettext_lazy("Over-optimisation"),
    "length": gettext_lazy("Length"),
    "eos": gettext_lazy("Ends by itself"),
    "repetition": gettext_lazy("Repetition"),
    "deviation": gettext_lazy("Disagreement of the reward model's heads"),
    "regression": gettext_lazy("Regression set"),
    "flags_harmful": gettext_lazy("Flagged as harmful"),
    "flags_untruthful": gettext_lazy("Flagged as untruthful"),
    "flags_instruction": gettext_lazy("Flagged as not following the instruction"),
}
MOST_ODDS = 1e6


@dataclass(frozen=True, slots=True)
class ShownGuard:
    """A guard's figure, limit and verdict: ``passed``, ``failed``, ``unknown`` or ``nothing`` (to look at)."""

    name: str
    title: str
    verdict: str
    value: str
    limit: str
    note: str
    samples: list[dict[str, Any]]
    items: list[tuple[int, int | None]]
    """With the judgement of each, where there is one."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How far one of the two is from a proof: ``part`` of the way in per cent, and its odds in words."""

    version: int
    part: int
    odds: str
    goal: str


@dataclass(frozen=True, slots=True)
class ShownPromotion:
    """A promotion for a page. Pairs of equal texts, ``same``, are ties of the test, but no judgements of people."""

    promotion: Promotion
    bars: tuple[Bar, ...]
    judged: int
    ties: int
    same: int
    guards: list[ShownGuard]
    held: list[str]

    @property
    def failed(self) -> list[ShownGuard]:
        """The guards that refused it."""
        return [each for each in self.guards if each.verdict == "failed"]


@dataclass(frozen=True, slots=True)
class Gate:
    """What is at the gate of a project now."""

    settings: GateSettings
    serving: Policy | None
    asking: ShownPromotion | None
    waiting: list[Promotion]
    watched: ShownPromotion | None


def gate(project_id: int) -> Gate:
    """What people are asked now, who waits, and how what serves is watched; five queries."""
    settings = gate_settings(project_id)
    asking = records.asking(project_id)
    watched = records.watched(project_id)
    waiting = Promotion.objects.filter(project=project_id, state=PromotionState.WAITING)
    return Gate(
        settings=settings,
        serving=serving_policy(project_id),
        asking=shown(asking, settings) if asking else None,
        waiting=list(waiting.select_related("candidate", "against").order_by("-candidate__version")),
        watched=shown(watched, settings, is_watch=True) if watched and settings.watch_pairs else None,
    )


def history(project_id: int) -> QuerySet[Promotion]:
    """What was decided, the newest first."""
    rows = Promotion.objects.filter(project=project_id).exclude(state__in=OPEN_PROMOTIONS)
    return rows.select_related("candidate", "against", "decided_by", "ended_by").order_by("-id")


def shown_history(promotions: Iterable[Promotion], settings: GateSettings) -> list[ShownPromotion]:
    """Promotions with the judgements that showed what guards found: one query for all of them, or none."""
    rows = list(promotions)
    items = {item for row in rows for found in row.guards for item in found.get("items", ())}
    labels = exchange_gate.judgements_of(project_id=rows[0].project_id, items=items) if rows else {}
    return [shown(row, settings, labels=labels) for row in rows]


def shown(
    promotion: Promotion, settings: GateSettings, *, is_watch: bool = False, labels: Mapping[int, int] | None = None
) -> ShownPromotion:
    """A promotion with its evidence as bars and its guards in words; ``labels`` are the judgements of items."""
    evidence = promotion.watched if is_watch else promotion.evidence
    sides = (
        (promotion.candidate.version, evidence.get("log_e", 0.0)),
        (promotion.against.version, evidence.get("log_e_against", 0.0)),
    )
    return ShownPromotion(
        promotion=promotion,
        bars=tuple(_bar(version, log_e, alpha=promotion.alpha) for version, log_e in sides),
        judged=num_judged(evidence),
        ties=evidence.get("ties", 0) - evidence.get("same", 0),
        same=evidence.get("same", 0),
        guards=[_guard(each, settings, labels or {}) for each in _in_order(promotion.guards)],
        held=[_held(name) for name in evidence.get("held", ())],
    )


def num_judged(evidence: Mapping[str, Any]) -> int:
    """How many pairs people judged: those for which both versions wrote the same text are left out."""
    return int(sum(evidence.get(name, 0) for name in ("wins", "losses", "ties")) - evidence.get("same", 0))


def _in_order(found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    order = list(GUARDS)
    return sorted(found, key=lambda each: order.index(each["name"]) if each["name"] in order else len(order))


def _bar(version: int, log_e: float, *, alpha: float) -> Bar:
    goal = threshold(alpha)
    part = round(100 * min(1.0, max(0.0, log_e / goal)))
    return Bar(version=version, part=part, odds=_odds(log_e), goal=_odds(goal))


def _odds(log_e: float) -> str:
    value = math.exp(min(log_e, math.log(MOST_ODDS)))
    if value >= 10:
        return f"{Local(value):,.0f}"
    return f"{Local(value):.1f}" if value >= 0.1 else f"{Local(value):.2g}"


def _held(name: str) -> str:
    if name == "by_hand":
        return _("nothing is promoted by itself in this project")
    return _("{guard} cannot say anything yet").format(guard=GUARDS.get(name, name))


def _guard(found: Mapping[str, Any], settings: GateSettings, labels: Mapping[int, int]) -> ShownGuard:
    name, passed = found["name"], found["passed"]
    verdict = {True: "passed", False: "failed"}.get(passed, "unknown" if found.get("holds") else "nothing")
    return ShownGuard(
        name=name,
        title=str(GUARDS.get(name, name)),
        verdict=verdict,
        value=_value(found),
        limit=_limit(found),
        note=_note(found, settings),
        samples=list(found.get("samples", ())),
        items=[(item, labels.get(item)) for item in found.get("items", ())],
    )


def _value(found: Mapping[str, Any]) -> str:
    value, low, high = found.get("value"), found.get("low"), found.get("high")
    if value is None:
        return "–"
    name, value = found["name"], Local(value)
    if name in ("held_out", "reward"):
        said = _("wins {share:.0%}").format(share=value)
        return f"{said} ({Local(low):.0%} – {Local(high):.0%})" if low is not None and high is not None else said
    if name == "kl":
        return _("{kl:.2f} nats").format(kl=value)
    if name in ("length", "deviation", "overoptimised"):
        return f"× {value:.2f}"
    if name == "regression":
        return _("{share:.0%} lost").format(share=value)
    fell = name == "eos"
    change = Local(-value if fell else value)
    said = f"{change:+.1%}"
    if low is None or high is None:
        return said
    ends = [Local(end) for end in (sorted((-low, -high)) if fell else (low, high))]
    return f"{said} ({ends[0]:+.1%} – {ends[1]:+.1%})"


def _limit(found: Mapping[str, Any]) -> str:
    limit, name = found.get("limit"), found["name"]
    if limit is None:
        return "–"
    if name == "length":
        wide = max(limit, 1 / limit)
        return f"× {Local(1 / wide):.2f} – × {Local(wide):.2f}"
    said = {
        "held_out": _("not sure to win less than {limit:.0%}"),
        "reward": _("not sure to win less than {limit:.0%}"),
        "kl": _("not sure to be above {limit:.2f} nats"),
        "deviation": _("at most × {limit:.2f}"),
        "overoptimised": _("not sure to be above × {limit:.2f}"),
        "regression": _("at most {limit:.0%} lost"),
        "eos": _("a fall of at most {limit:.0%}"),
        "repetition": _("a rise of at most {limit:.0%}"),
    }
    return said.get(name, _("not sure to rise by more than {limit:.0%}")).format(limit=Local(limit))


def _note(found: Mapping[str, Any], settings: GateSettings) -> str:
    notes = {
        "few_labels": _("Too few judgements to say anything: {num} of {least}.").format(
            num=found.get("num", 0), least=settings.least_judgements
        ),
        "one_head": _("The reward model has one head, which cannot disagree with itself."),
        "no_prompts": _("No prompt has the tag {tag}.").format(tag=settings.regression_tag),
        "not_asked": _("This project does not ask about it."),
        "not_measured": _("It was not measured."),
    }
    return notes.get(found.get("note", ""), "")
