"""Where weights are on the disk: the base model, reward models and policy versions, by folder and digest."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from django.conf import settings
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.checkpoints import replaced_folder
from alignment.core.config import LoraSettings, PreferenceModelConfig, RewardModelConfig
from alignment.core.loading import ModelError, weights_digest
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.tiny import is_complete, train_tiny
from alignment.models import Policy

logger = logging.getLogger(__name__)

HEAD, ABOUT, ADAPTER = "reward_head.safetensors", "reward_model.json", "adapter"
PREFERENCE_HEAD, PREFERENCE_ABOUT = "preference_head.safetensors", "preference_model.json"


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
    folder = data_folder(policy.path)
    if (found := folder_digest(folder)) != policy.digest:
        raise ModelError(
            f"{folder} has the digest {found[:12]}, {policy} was stored with {policy.digest[:12]}: restore it"
        )
    if name not in backbone.adapters:
        backbone.load_adapter(name, folder)
    return name


def save_reward_model(model: RewardModel, folder: Path) -> str:
    """Write a reward model (adapter, heads, cuts) atomically and return the folder's digest."""
    tensors = {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()}
    tensors |= {"cuts": model.cuts, "tie_logit": model.tie_logit}
    with replaced_folder(folder) as place:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, place / HEAD)
        (place / ABOUT).write_text(json.dumps(model.config.to_dict(), indent=1), encoding="utf-8")
        model.backbone.save_adapter(model.adapter, place / ADAPTER)
    return folder_digest(folder)


def load_reward_model(backbone: Backbone, folder: Path, *, adapter: str = "reward") -> RewardModel:
    """A reward model from its folder, on the base that it was trained on.

    Raises:
        ModelError: nothing there, damaged, or of another base.
    """
    try:
        config = RewardModelConfig.from_dict(json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        tensors = load_file(folder / HEAD)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder} is no reward model ({error}): train it again") from error
    backbone.load_adapter(adapter, folder / ADAPTER)
    model = RewardModel(backbone, config, adapter=adapter)
    head = {name.removeprefix("head."): tensor for name, tensor in tensors.items() if name.startswith("head.")}
    model.head.load_state_dict(head)
    with torch.no_grad():
        model.cuts.copy_(tensors["cuts"])
        model.tie_logit.copy_(tensors["tie_logit"])
    return model


def save_preference_model(model: PreferenceModel, folder: Path) -> str:
    """Write a preference model (adapter, head, tie share) atomically and return the folder's digest."""
    tensors = {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()} | {
        "tie_logit": model.tie_logit
    }
    with replaced_folder(folder) as place:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, place / PREFERENCE_HEAD
        )
        (place / PREFERENCE_ABOUT).write_text(json.dumps(model.config.to_dict(), indent=1), encoding="utf-8")
        model.backbone.save_adapter(model.adapter, place / ADAPTER)
    return folder_digest(folder)


def load_preference_model(backbone: Backbone, folder: Path, *, adapter: str = "preference") -> PreferenceModel:
    """A preference model from its folder, on the base that it was trained on.

    Raises:
        ModelError: nothing there, damaged, or of another base.
    """
    try:
        config = PreferenceModelConfig.from_dict(json.loads((folder / PREFERENCE_ABOUT).read_text(encoding="utf-8")))
        tensors = load_file(folder / PREFERENCE_HEAD)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder} is no preference model ({error}): train it again") from error
    backbone.load_adapter(adapter, folder / ADAPTER)
    model = PreferenceModel(backbone, config, adapter=adapter)
    head = {name.removeprefix("head."): tensor for name, tensor in tensors.items() if name.startswith("head.")}
    model.head.load_state_dict(head)
    with torch.no_grad():
        model.tie_logit.copy_(tensors["tie_logit"])
    return model


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sha.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()
