"""The second reward model: it learns from judgements that nothing else learns from, and guards the gate."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from alignment.artifacts import data_folder, folder_digest
from alignment.comparing import held_out_accuracy
from alignment.core.methods.model_files import save_model
from alignment.core.methods.reward_model import RewardModel
from alignment.execution import Beside, Execution
from alignment.models import RewardModel as RewardModelRow
from alignment.models import SecondRewardModel
from alignment.patience import patiently


def train_second(execution: Execution, row: RewardModelRow, *, after: int) -> SecondRewardModel | None:
    """Train the model beside a run's reward model, as that was trained, on what was set aside; None: on nothing.

    Args:
        row: the reward model that it stands beside.
        after: steps that this one took.

    Raises:
        Interrupted, StopRequested: after a checkpoint was written.
    """
    plan, run, snapshot = execution.plan, execution.run, execution.snapshot
    if not snapshot.second:
        return None
    config = replace(plan.reward_model, members=1)
    model = RewardModel(execution.backbone, config, adapter="second", seed=run.seed + 1)
    execution.learn_rewards(model, snapshot.second, beside=Beside("second", after))
    accuracy = held_out_accuracy(model, snapshot.held_out, seed=run.seed)
    path = f"second_reward_models/{execution.project.slug}/{run.pk}"
    save_model(model, data_folder(path))
    return patiently(
        _store,
        row,
        path=path,
        digest=folder_digest(data_folder(path)),
        num_judgements=len(snapshot.second),
        accuracy=None if accuracy is None else accuracy.overall.estimate,
    )


@transaction.atomic
def _store(row: RewardModelRow, **fields: object) -> SecondRewardModel:
    found, _ = SecondRewardModel.objects.update_or_create(reward_model=row, defaults=fields)
    return found
