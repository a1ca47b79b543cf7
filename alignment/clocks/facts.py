"""The facts that the clocks go by, read from the database: a fixed number of queries, however long a loop has run."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from alignment.loop import Clock, Facts
from alignment.models import OPEN_STATES, LoopSettings, Method, RewardModel, Run, RunState, Trigger
from alignment.models.loop import POLICY_METHODS
from alignment.selectors import loop_settings
from labeling import exchange

MOST_FAILURES = 20
REFRESHES = Q(method=Method.REWARD_MODEL)
POLICIES = Q(method__in=POLICY_METHODS)
SEEN = (RunState.FINISHED, RunState.STOPPED)
"""A run that failed has used nothing up: what it was for is still due."""


def facts(project_id: int, *, written_out: bool = False, settings: LoopSettings | None = None) -> Facts:
    """What the loop decides by; ``settings``: if they were these."""
    settings = settings or loop_settings(project_id)
    seen = _last_used_up(project_id)
    new = exchange.count_judgements_after(project_id, seen, at_most=settings.judgements_per_refresh)
    waits = new > 0 and settings.minutes_at_most is not None
    return Facts(
        enabled=settings.enabled,
        now=timezone.now(),
        refresh=_clock(project_id, REFRESHES, enabled=settings.refresh_enabled),
        policy=_clock(project_id, POLICIES, enabled=settings.policy_enabled),
        new_judgements=new,
        waiting_since=exchange.first_judgement_after(project_id, seen) if waits else None,
        refreshes=_refreshes(project_id, at_most=settings.refreshes_per_policy),
        open_slots=exchange.count_open_slots(project_id, at_most=settings.prompts_per_round),
        has_prompts=bool(exchange.prompts_to_sample(project_id, limit=1)),
        written_out=written_out,
        **_triggers(settings),
    )


def _triggers(settings: LoopSettings) -> dict[str, Any]:
    names = (
        "judgements_per_refresh",
        "refreshes_per_policy",
        "minutes_between_runs",
        "minutes_at_most",
        "prompts_per_round",
    )
    return {name: getattr(settings, name) for name in names}


def last_seen(project_id: int) -> int:
    """The newest judgement that a reward model has seen; 0 before the first."""
    models = RewardModel.objects.filter(project=project_id)
    return models.aggregate(last=Max("run__snapshot_last"))["last"] or 0


def _last_used_up(project_id: int) -> int:
    """The newest judgement that calls for no refresh any more: it was seen, or a person stopped the refresh on it."""
    stopped = Run.objects.filter(REFRESHES, project=project_id, state=RunState.STOPPED)
    return max(last_seen(project_id), stopped.aggregate(last=Max("snapshot_last"))["last"] or 0)


def _refreshes(project_id: int, *, at_most: int) -> int:
    """Reward models since the last policy run that did not fail, counted to what is needed and no further."""
    ended = Run.objects.filter(POLICIES, project=project_id, state__in=SEEN).aggregate(last=Max("pk"))["last"] or 0
    return RewardModel.objects.filter(project=project_id, run__gt=ended)[:at_most].count()


def _clock(project_id: int, kind: Q, *, enabled: bool) -> Clock:
    runs: QuerySet[Run] = Run.objects.filter(kind, project=project_id).order_by("-id")
    latest = list(runs.values("pk", "state", "trigger", "created", "finished")[: MOST_FAILURES + 1])
    failures = []
    for run in (run for run in latest if run["state"] not in OPEN_STATES):
        if run["state"] != RunState.FAILED or run["trigger"] != Trigger.LOOP:
            break
        failures.append(run["finished"])
    return Clock(
        enabled=enabled,
        open_run=next((run["pk"] for run in reversed(latest) if run["state"] in OPEN_STATES), None),
        started=latest[0]["created"] if latest else None,
        failures=len(failures),
        failed=failures[0] if failures else None,
    )
