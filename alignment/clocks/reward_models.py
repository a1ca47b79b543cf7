"""Which reward model gives the rewards: each gets a number, one of a project is the current one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from alignment.bookkeeping import held
from alignment.models import LoopSettings, RewardModel
from alignment.selectors import reward_model_in
from labeling import exchange


@transaction.atomic
def register(*, run_id: int, attempt: int, on_purpose: bool, **fields: Any) -> RewardModel:
    """The reward model that a run trained, which rewards that run; the same again after a restart.

    It becomes the current one unless the current one has seen more judgements.

    Args:
        on_purpose: somebody asked for other settings; what they try out becomes current only where there is none.
        fields: of RewardModel.

    Raises:
        RunTaken: see alignment.bookkeeping.
    """
    run = held(run_id, attempt)
    _lock(run.project_id)
    model = RewardModel.objects.filter(run=run).first()
    if model is None:
        newest = RewardModel.objects.filter(project=run.project_id).aggregate(Max("number"))["number__max"] or 0
        model = RewardModel(run=run, project_id=run.project_id, number=newest + 1)
    for name, value in fields.items():
        setattr(model, name, value)
    model.save()
    current = RewardModel.objects.filter(project=run.project_id, is_current=True).select_related("run").first()
    if current is None or (not on_purpose and current.run.snapshot_last <= run.snapshot_last):
        _switch(current, model)
    run.rewarded_by = model
    run.save(update_fields=["rewarded_by"])
    _tell(model)
    return model


@transaction.atomic
def use(*, run_id: int, attempt: int, model: RewardModel) -> None:
    """Let a run be rewarded by a model that another run trained.

    Raises:
        RunTaken: see alignment.bookkeeping.
    """
    run = held(run_id, attempt)
    run.rewarded_by = model
    run.save(update_fields=["rewarded_by"])


@transaction.atomic
def make_current(*, project_id: int, number: int, changed_by: int | None = None) -> RewardModel:
    """Let another reward model give the rewards: an older one is a rollback, which holds until the next refresh.

    Twice is harmless.

    Args:
        changed_by: id of who decides it; None for a command.

    Raises:
        NotFound: the project has none with this number.
        Conflict: its files were collected, or the project is archived.
    """
    exchange.refuse_archived(project_id)
    _lock(project_id)
    model = reward_model_in(project_id, number)
    if model.removed is not None:
        refusal = _("the files of reward model {number} were removed to save space: refresh, or choose a newer one")
        raise exchange.Conflict(refusal.format(number=number), code="files_removed")
    if model.is_current:
        return model
    current = RewardModel.objects.filter(project=project_id, is_current=True).first()
    _switch(current, model)
    exchange.record_change(
        project_id=project_id,
        actor_id=changed_by,
        action="rewards.changed",
        before={"number": current.number if current else None},
        after={"number": number},
    )
    _tell(model)
    return model


def _lock(project_id: int) -> None:
    """The settings row is the lock: one of a project after the other."""
    LoopSettings.objects.select_for_update().filter(pk=project_id).first()


def _switch(before: RewardModel | None, after: RewardModel) -> None:
    if before is not None:
        RewardModel.objects.filter(pk=before.pk).update(is_current=False)
    after.is_current = True
    after.save(update_fields=["is_current"])


def _tell(model: RewardModel) -> None:
    slug = exchange.project_record(model.project_id).slug
    exchange.publish(slug, "refresh", number=model.number, current=model.is_current)
