"""The three clocks as their page shows them: what each does next and why, what came of it last, what one can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alignment import selectors
from alignment.clocks.facts import POLICIES, REFRESHES, facts
from alignment.loop import Clock, Facts, policy_next, refresh_next, what_next
from alignment.models import OPEN_PROMOTIONS, Policy, Promotion, PromotionState, RewardModel, Run, RunState
from alignment.numbers import fill
from labeling import exchange

OLDER = 3
"""Reward models to roll back to that are offered."""


@dataclass(frozen=True, kw_only=True)
class ShownClock:
    """One clock.

    Attributes:
        name: as in the field that pauses it, ``<name>_enabled``.
        state: running, failed, paused or waiting.
        next: what it does next, and why.
        last: what came of it last, in parts.
        progress: (value, most, what is counted), or None.
        act: address of the button that does it now, and what the button says; None where there is none.
    """

    name: str
    title: str
    state: str
    enabled: bool
    next: str
    last: list[str]
    run: int | None = None
    failed: Run | None = None
    warning: str = ""
    progress: tuple[int, int, str] | None = None
    act: tuple[str, str] | None = None


def loop_context(project: exchange.ProjectRecord) -> dict[str, Any]:
    """What the templates of the loop need; a fixed number of queries."""
    known, settings = facts(project.id), selectors.loop_settings(project.id)
    current, serving = selectors.current_reward_model(project.id), selectors.serving_policy(project.id)
    older = RewardModel.objects.filter(project=project.id, is_current=False, removed__isnull=True)
    return {
        "facts": known,
        "next": what_next(known),
        "current": selectors.open_run(project.id),
        "serving": serving,
        "loop": settings,
        "clocks": [
            _rewards(project, known, current),
            _policies(project, known),
            _promotions(project, known, enabled=settings.promotion_enabled, serving=serving),
        ],
        "older_reward_models": older.order_by("-number")[:OLDER] if project.is_managed else [],
        "reward_model": current,
    }


def _state(clock: Clock, *, enabled: bool) -> str:
    if clock.open_run is not None:
        return "running"
    if not enabled or not clock.enabled:
        return "paused"
    return "failed" if clock.failures else "waiting"


def _failed(project_id: int, kind: Q) -> Run | None:
    """The last run of a clock, where it failed."""
    last = Run.objects.filter(kind, project=project_id).exclude(state__in=("queued", "running"))
    run = last.order_by("-id").only("pk", "state", "error").first()
    return run if run is not None and run.state == RunState.FAILED else None


def _rewards(project: exchange.ProjectRecord, known: Facts, current: RewardModel | None) -> ShownClock:
    counted = (known.new_judgements, known.judgements_per_refresh, _("New judgements"))
    last, warning = _accuracy(project.id, current)
    return ShownClock(
        name="refresh",
        title=_("Reward model"),
        state=_state(known.refresh, enabled=known.enabled),
        enabled=known.refresh.enabled,
        next=refresh_next(known),
        last=last,
        run=known.refresh.open_run,
        failed=_failed(project.id, REFRESHES),
        warning=warning,
        progress=counted if known.refresh.open_run is None else None,
        act=(reverse("alignment:loop-refresh", args=[project.slug]), _("Refresh now")),
    )


def _accuracy(project_id: int, current: RewardModel | None) -> tuple[list[str], str]:
    """How good the reward model is, held against how often two people agree; and whether that says anything."""
    if current is None:
        return [_("There is none yet.")], ""
    said = [_("Model {number} gives the rewards.").format(number=current.number)]
    few = _("Too few held-out judgements to say whether the reward model is better than chance: do not rely on it yet.")
    if current.accuracy is None or current.accuracy_low is None or current.accuracy_high is None:
        return said, few
    accuracy = _("It agrees with {share:.0%} of held-out comparisons ({low:.0%} to {high:.0%}, {number}).")
    said.append(
        fill(
            accuracy,
            share=current.accuracy,
            low=current.accuracy_low,
            high=current.accuracy_high,
            number=current.num_comparisons,
        )
    )
    ceiling = exchange.human_ceiling(project_id)
    if ceiling is not None:
        people = _("Two people agree on {share:.0%} ({low:.0%} to {high:.0%}).")
        said.append(fill(people, share=ceiling.value, low=ceiling.low, high=ceiling.high))
    return said, few if current.accuracy_low <= 0.5 else ""


def _policies(project: exchange.ProjectRecord, known: Facts) -> ShownClock:
    newest = Policy.objects.filter(project=project.id, version__gt=1).select_related("run").order_by("-version").first()
    counted = (known.refreshes, known.refreshes_per_policy, _("Refreshes"))
    return ShownClock(
        name="policy",
        title=_("Policy"),
        state=_state(known.policy, enabled=known.enabled),
        enabled=known.policy.enabled,
        next=policy_next(known),
        last=_trained(newest),
        run=known.policy.open_run,
        failed=_failed(project.id, POLICIES),
        progress=counted if known.policy.open_run is None and known.refreshes_per_policy > 1 else None,
        act=(reverse("alignment:loop-train", args=[project.slug]), _("Train now")),
    )


def _trained(newest: Policy | None) -> list[str]:
    if newest is None or newest.run is None:
        return [_("No version was trained yet.")]
    found = newest.run.results.get("policy", {})
    trained = _("Version {version} was trained last, with {method}.")
    said = [trained.format(version=newest.version, method=newest.get_method_display())]
    if found.get("kl") is not None:
        kl = _("It is {kl:.1f} nats from the base.")
        if found.get("kl_budget") is not None:
            kl = _("It is {kl:.1f} nats from the base; the budget was {budget:.1f}.")
        said.append(fill(kl, kl=found["kl"], budget=found.get("kl_budget")))
    if found.get("ended_by_budget"):
        text = ngettext(
            "Training ended at its budget, after {steps} step.",
            "Training ended at its budget, after {steps} steps.",
            found["steps"],
        )
        said.append(text.format(steps=found["steps"]))
    if found.get("share", 1.0) < 1:
        said.append(fill(_("To stay within it, {share:.0%} of what it learned is kept."), share=found["share"]))
    return said


def _promotions(project: exchange.ProjectRecord, known: Facts, *, enabled: bool, serving: Policy | None) -> ShownClock:
    rows = Promotion.objects.filter(project=project.id).select_related("candidate", "against").order_by("-id")
    # The one that people are asked about comes before those that wait.
    asked = rows.filter(state__in=OPEN_PROMOTIONS).order_by("state", "-id").first()
    ended = rows.exclude(state__in=OPEN_PROMOTIONS).first()
    last = [_("Version {version} serves.").format(version=serving.version)] if serving else []
    if ended is not None:
        text = _("Version {version}: {state}, {cause}.")
        cause = ended.get_cause_display()
        last.append(text.format(version=ended.candidate.version, state=ended.get_state_display(), cause=cause))
    runs = known.enabled and enabled
    state = "running" if asked is not None and runs else "waiting" if runs else "paused"
    return ShownClock(
        name="promotion",
        title=_("Promotion"),
        state=state,
        enabled=enabled,
        next=gate_next(asked, runs=runs),
        last=last,
    )


def gate_next(asked: Promotion | None, *, runs: bool) -> str:
    """What the gate does next with what is there, or waits for it; ``runs``: by itself."""
    if asked is None:
        return _("No candidate waits: the next policy run brings one to the gate.")
    if not runs:
        text = _("Paused: version {version} waits at the gate until you promote it, or let the gate decide again.")
        return text.format(version=asked.candidate.version)
    if asked.state == PromotionState.WAITING:
        return _("Version {version} waits for its turn at the gate.").format(version=asked.candidate.version)
    text = ngettext(
        "People compare version {version} with version {against}, which serves: after {most} pair at most the gate "
        "decides.",
        "People compare version {version} with version {against}, which serves: after {most} pairs at most the gate "
        "decides.",
        asked.most_pairs,
    )
    return text.format(version=asked.candidate.version, against=asked.against.version, most=asked.most_pairs)
