"""Collecting the files of old versions, reward models and checkpoints; their rows stay and say when.

Kept are the newest ones, as many as the settings say, and everything that something else stands on: versions that
serve or served, the parents of what is kept, both sides of everything that is at the gate or asked about blindly, what
writes for the queue, the current reward model and those that rewarded what is kept. Snapshots are never removed: what a
run has learned from can always be read. Neither are its logs for TensorBoard.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from alignment.models import (
    OPEN_PROMOTIONS,
    OPEN_STATES,
    BlindEvaluation,
    BlindState,
    LoopSettings,
    Method,
    Policy,
    Promotion,
    RewardModel,
    Run,
    SecondRewardModel,
    Stage,
)
from alignment.selectors import loop_settings
from labeling import exchange

logger = logging.getLogger(__name__)

CHECKPOINTS = frozenset((*Stage.values, "second_reward_model"))
"""Folders in a run's folder. What else is there is read later: by lineage, by who repeats the run, by TensorBoard."""

REMOVED = "removed"
"""In what a run found of its preference model: when its files went."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What was removed, or would be: versions, numbers of reward models, runs whose preference models or whose
    checkpoints went, and bytes."""

    versions: tuple[int, ...] = ()
    reward_models: tuple[int, ...] = ()
    preference_models: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.versions or self.reward_models or self.preference_models or self.runs)


def collect(project_id: int, *, dry_run: bool = False) -> Collected:
    """Remove what the rule does not keep. Twice is harmless; cut off in between, the next call does the rest."""
    found = _choose(project_id, dry_run=dry_run)
    folders = [*found.folders, *_left_over(project_id)]
    size = sum(_size(folder) for folder in folders)
    if not dry_run:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        Run.objects.filter(pk__in=[each.pk for each in found.runs]).update(removed=timezone.now())
    return Collected(
        versions=tuple(each.version for each in found.policies),
        reward_models=tuple(each.number for each in found.models),
        preference_models=tuple(each.pk for each in found.preferring),
        runs=tuple(each.pk for each in found.runs),
        size=size,
    )


@dataclass(frozen=True)
class _Chosen:
    policies: list[Policy]
    models: list[RewardModel]
    preferring: list[Run]
    runs: list[Run]

    @property
    def folders(self) -> list[Path]:
        checkpoints = [folder for run in self.runs for folder in _checkpoints(run.pk)]
        preferences = map(_preference_model, self.preferring)
        return [*(_folder(each.path) for each in self.policies), *_of_models(self.models), *preferences, *checkpoints]


@transaction.atomic
def _choose(project_id: int, *, dry_run: bool) -> _Chosen:
    """What goes, marked as gone before its files are: nobody may choose it any more while they are removed."""
    LoopSettings.objects.select_for_update().filter(pk=project_id).first()
    keep = loop_settings(project_id).keep_policies
    kept = kept_policies(project_id, newest=keep)
    policies = list(Policy.objects.filter(project=project_id, version__gt=1, removed__isnull=True).exclude(pk__in=kept))
    models = RewardModel.objects.filter(project=project_id, removed__isnull=True)
    models = models.exclude(pk__in=kept_reward_models(project_id, newest=keep, policies=kept))
    ended = Run.objects.filter(project=project_id, removed__isnull=True).exclude(state__in=OPEN_STATES)
    preferring = _with_preference_models(project_id).exclude(
        pk__in=kept_preference_models(project_id, newest=keep, policies=kept)
    )
    chosen = _Chosen(policies, list(models), list(preferring), list(ended.only("pk")))
    if dry_run:
        return chosen
    now = timezone.now()
    Policy.objects.filter(pk__in=[row.pk for row in policies]).update(removed=now)
    RewardModel.objects.filter(pk__in=[row.pk for row in chosen.models]).update(removed=now)
    for run in chosen.preferring:
        run.results[Stage.PREFERENCE_MODEL][REMOVED] = now.isoformat()
        run.save(update_fields=["results"])
    _remember(project_id, chosen)
    return chosen


def _remember(project_id: int, chosen: _Chosen) -> None:
    if not (chosen.policies or chosen.models or chosen.preferring):
        return
    after = {
        "versions": [each.version for each in chosen.policies],
        "reward_models": [each.number for each in chosen.models],
        "preference_models": [each.pk for each in chosen.preferring],
    }
    exchange.record_change(project_id=project_id, actor_id=None, action="files.removed", after=after)


def kept_policies(project_id: int, *, newest: int) -> set[int]:
    """Ids of the versions whose files are needed, or among the newest."""
    rows = {row.pk: row for row in Policy.objects.filter(project=project_id).only("pk", "version", "parent", "method")}
    latest = sorted(rows.values(), key=lambda row: -row.version)
    kept = {row.pk for row in latest[:newest]}
    kept |= {row.pk for row in latest if row.method == Method.SFT and row.version == _newest_sft(latest)}
    served = Policy.objects.filter(project=project_id).filter(Q(is_serving=True) | Q(promoted__isnull=False))
    kept |= set(served.values_list("pk", flat=True))
    at_gate = Promotion.objects.filter(project=project_id, state__in=OPEN_PROMOTIONS)
    kept |= _both(at_gate.values_list("candidate", "against"))
    asked = BlindEvaluation.objects.filter(project=project_id, state=BlindState.QUEUED)
    kept |= _both(asked.values_list("policy", "against"))
    going = Run.objects.filter(project=project_id, state__in=OPEN_STATES)
    kept |= _both(going.values_list("parent", "policy__pk"))
    waiting = list(kept)
    while waiting:  # what a kept version began from, and so on to the base
        parent = rows[waiting.pop()].parent_id
        if parent is not None and parent not in kept:
            kept.add(parent)
            waiting.append(parent)
    return kept


def _newest_sft(latest: Iterable[Policy]) -> int:
    return next((row.version for row in latest if row.method == Method.SFT), 0)


def kept_reward_models(project_id: int, *, newest: int, policies: set[int]) -> set[int]:
    """Ids of the reward models whose files are needed, or among the newest."""
    rows = RewardModel.objects.filter(project=project_id)
    kept = set(rows.order_by("-number").values_list("pk", flat=True)[:newest])
    kept |= set(rows.filter(is_current=True).values_list("pk", flat=True))
    using = Run.objects.filter(project=project_id).filter(Q(state__in=OPEN_STATES) | Q(policy__in=policies))
    kept |= set(using.filter(rewarded_by__isnull=False).values_list("rewarded_by", flat=True))
    return kept


def kept_preference_models(project_id: int, *, newest: int, policies: set[int]) -> set[int]:
    """Ids of the runs whose preference models are needed, or among the newest."""
    rows = _with_preference_models(project_id)
    kept = set(rows.order_by("-pk").values_list("pk", flat=True)[:newest])
    return kept | set(rows.filter(Q(state__in=OPEN_STATES) | Q(policy__in=policies)).values_list("pk", flat=True))


def _with_preference_models(project_id: int) -> QuerySet[Run]:
    """Runs whose preference model was not removed; the run is all that tells of it."""
    rows = Run.objects.filter(project=project_id, results__has_key=Stage.PREFERENCE_MODEL)
    return rows.exclude(**{f"results__{Stage.PREFERENCE_MODEL}__has_key": REMOVED})


def _both(pairs: Iterable[tuple[int | None, int | None]]) -> set[int]:
    return {each for pair in pairs for each in pair if each is not None}


def _folder(path: str) -> Path:
    return Path(site.DATA_DIR) / path


def _of_models(models: Iterable[RewardModel]) -> list[Path]:
    rows = list(models)
    second = SecondRewardModel.objects.filter(pk__in=[row.pk for row in rows]).values_list("path", flat=True)
    return [_folder(path) for path in (*(row.path for row in rows), *second)]


def _preference_model(run: Run) -> Path:
    return _folder(run.results[Stage.PREFERENCE_MODEL]["path"])


def _checkpoints(run_id: int) -> list[Path]:
    folder = _folder(f"runs/{run_id}")
    return [folder / name for name in CHECKPOINTS if (folder / name).is_dir()]


def _left_over(project_id: int) -> list[Path]:
    """What a process that was killed while it removed has left."""
    gone: dict[str, Any] = {"project": project_id, "removed__isnull": False}
    paths = [*Policy.objects.filter(**gone).values_list("path", flat=True)]
    models = list(RewardModel.objects.filter(**gone))
    preferring = Run.objects.filter(project=project_id, **{f"results__{Stage.PREFERENCE_MODEL}__has_key": REMOVED})
    folders = (*map(_folder, paths), *_of_models(models), *map(_preference_model, preferring))
    return [folder for folder in folders if folder.is_dir()]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
