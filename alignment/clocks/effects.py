"""What a change of the loop's settings does to what is under way: said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alignment import selectors
from alignment.clocks.facts import facts
from alignment.clocks.retention import kept_policies, kept_reward_models
from alignment.clocks.showing import gate_next
from alignment.loop import policy_next, refresh_next
from alignment.models import OPEN_PROMOTIONS, LoopSettings, Policy, Promotion, RewardModel
from labeling import exchange

WRITING = ("temperature", "max_new_tokens")
LEARNING = ("method", "start", "preset", "features", "members", "pessimism", "kl_budget", "beta", "seed")
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Effect:
    """What changing one setting does; ``setting`` is empty where it is what a clock does next, by several of them."""

    setting: str
    clock: str
    text: str


def effects_of(project_id: int, changes: Mapping[str, Any]) -> list[Effect]:
    """What a change does to the clocks, to the queue, to runs under way and to kept files; nothing where it does none.

    Args:
        changes: any of services.LOOP_FIELDS, with values that they may have.
    """
    before = selectors.loop_settings(project_id)
    changed = {name: value for name, value in changes.items() if value != getattr(before, name)}
    if not changed:
        return []
    after = copy(before)
    for name, value in changed.items():
        setattr(after, name, value)
    return [
        *_clocks(project_id, before, after),
        *_queue(project_id, changed),
        *_runs(project_id, changed),
        *_files(project_id, before, after),
    ]


def _clocks(project_id: int, before: LoopSettings, after: LoopSettings) -> list[Effect]:
    """What each clock does next, where that is something else than now."""
    now = facts(project_id, settings=before)
    then = replace(facts(project_id, settings=after), now=now.now)
    rows = Promotion.objects.filter(project=project_id, state__in=OPEN_PROMOTIONS)
    asked = rows.select_related("candidate", "against").order_by("-id").first()
    gates = [gate_next(asked, runs=each.enabled and each.promotion_enabled) for each in (before, after)]
    said = (
        (_("Reward model"), refresh_next(now), refresh_next(then)),
        (_("Policy"), policy_next(now), policy_next(then)),
        (_("Promotion"), *gates),
    )
    return [Effect("", clock, text) for clock, was, text in said if was != text]


def _queue(project_id: int, changed: Mapping[str, Any]) -> list[Effect]:
    wanted = exchange.count_open_slots(project_id, at_most=MOST_COUNTED)
    if not wanted:
        return []
    text = ngettext(
        "What waits in the queue stays as it was written: {count} judgement is still wanted of it. What is written "
        "from now on follows the new setting.",
        "What waits in the queue stays as it was written: {count} judgements are still wanted of it. What is written "
        "from now on follows the new setting.",
        wanted,
    ).format(count=wanted)
    return [Effect(name, "", text) for name in WRITING if name in changed]


def _runs(project_id: int, changed: Mapping[str, Any]) -> list[Effect]:
    run = selectors.open_run(project_id)
    if run is None:
        return []
    text = _("Run {number} is under way and goes on as it began; the next one learns by the new setting.")
    return [Effect(name, "", text.format(number=run.pk)) for name in LEARNING if name in changed]


def _files(project_id: int, before: LoopSettings, after: LoopSettings) -> list[Effect]:
    """Files that are kept now and won't be: removing them can't be undone."""
    versions, models = (
        at_first - later for at_first, later in zip(_kept(project_id, before), _kept(project_id, after), strict=True)
    )
    if versions + models <= 0:
        return []
    older = ngettext("{count} older version", "{count} older versions", versions).format(count=versions)
    rewards = ngettext("{count} older reward model", "{count} older reward models", models).format(count=models)
    text = _(
        "The files of these are removed for good after the next run: {versions}, {models}. Their rows, figures and "
        "judgements stay."
    )
    return [Effect("keep_policies", "", text.format(versions=older, models=rewards))]


def _kept(project_id: int, settings: LoopSettings) -> tuple[int, int]:
    """How many versions and reward models have files that stay."""
    newest = settings.keep_policies
    policies = kept_policies(project_id, newest=newest)
    models = kept_reward_models(project_id, newest=newest, policies=policies)
    there = Policy.objects.filter(project=project_id, version__gt=1, removed__isnull=True, pk__in=policies)
    rewarding = RewardModel.objects.filter(project=project_id, removed__isnull=True, pk__in=models)
    return there.count(), rewarding.count()
