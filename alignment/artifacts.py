"""Where weights are on the disk: the base model, reward models and policy versions, by folder and digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from django.conf import settings

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import LoraSettings
from alignment.core.methods.model_files import load_model
from alignment.core.methods.reward_model import RewardModel as CoreRewardModel
from alignment.core.model.loading import ModelError, weights_digest
from alignment.core.tiny import is_complete, train_tiny
from alignment.models import Policy, RewardModel


def data_folder(*parts: str | int) -> Path:
    """A folder below DATA_DIR."""
    return Path(settings.DATA_DIR).joinpath(*map(str, parts))


def run_folder(run_id: int) -> Path:
    """Where a run keeps its snapshot, its checkpoints and what it is about to hand over."""
    return data_folder("runs", run_id)


def base_model(*, known: str = "", on_step: Callable[[int, int, Mapping[str, float]], None] | None = None) -> str:
    """The folder or hub id of the model that everything starts from: MODEL, else the default one.

    The default model trains itself at the first call, in under a minute on two cores. A newer version of Prefloop may
    bring another one: a project goes on with the one that it began with.

    Args:
        known: digest of the project's base, empty before its first use.
    """
    if settings.MODEL:
        return str(settings.MODEL)
    for folder in sorted(data_folder("models").glob("tiny-*")):
        if known and is_complete(folder) and weights_digest(folder) == known:
            return str(folder)
    return str(train_tiny(settings.DEMO_CORPUS, data_folder("models"), on_step=on_step))


def load_base(*, lora: LoraSettings, device: str | None = None, known: str = "") -> Backbone:
    """The base model, with adapters to come; ``known`` as in base_model.

    Raises:
        ModelError: MODEL is no usable model; says why and what to do.
    """
    return Backbone.load(base_model(known=known), lora=LoraConfig(**lora.keywords()), device=device)


def load_policy(backbone: Backbone, policy: Policy, *, name: str) -> str | None:
    """Add a version's adapter under a name and return it; version 1 is the base, which has none.

    Raises:
        ModelError: its folder is missing or damaged, or it belongs to another base.
    """
    if not policy.path:
        return None
    folder = _stored(policy)
    if name not in backbone.adapters:
        backbone.load_adapter(name, folder)
    return name


def load_reward_model(backbone: Backbone, model: RewardModel, *, adapter: str = "reward") -> CoreRewardModel:
    """A project's reward model, ready to score: ``.score(encoded)`` and, by each head, ``.member_rewards(encoded)``.

    Args:
        adapter: the name that its adapter gets; to load a second one beside it, give that another.

    Raises:
        ModelError: its folder is missing or damaged, it belongs to another base, or the adapter's name is taken.
    """
    return load_model(CoreRewardModel, backbone, _stored(model), adapter=adapter)


def _stored(row: Policy | RewardModel) -> Path:
    """The folder of what a row tells of, unless it is not what was stored."""
    folder = data_folder(row.path)
    if row.removed is not None:
        raise ModelError(f"the files of {row} were removed on {row.removed:%Y-%m-%d} to save space: use a newer one")
    if (found := folder_digest(folder)) != row.digest:
        raise ModelError(f"{folder} has the digest {found[:12]}, {row} was stored with {row.digest[:12]}: restore it")
    return folder


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sha.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()


def choose_device(slot: int) -> str:
    """The device of a worker slot: its GPU, or the processor where there are fewer."""
    return f"cuda:{slot}" if slot < torch.cuda.device_count() else "cpu"
