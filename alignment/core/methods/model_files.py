"""Reward and preference models as folders: adapter, head and what else was learned, and the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from alignment.core.backbone import Backbone
from alignment.core.checkpoints import replaced_folder
from alignment.core.methods.judgement_model import JudgementModel
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.model.loading import ModelError

Model = TypeVar("Model", RewardModel, PreferenceModel)

ADAPTER = "adapter"
_HEAD = "head."


def save_model(model: JudgementModel, folder: Path) -> None:
    """Write a model as ``<role>_head.safetensors``, ``<name>.json`` and a folder of its adapter, atomically."""
    state = {name: value for name, value in model.state_dict().items() if name != ADAPTER}
    tensors = {f"{_HEAD}{name}": tensor for name, tensor in state.pop("head").items()} | state
    with replaced_folder(folder) as place:
        stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(stored, place / f"{model.role}_head.safetensors")
        (place / f"{model.name}.json").write_text(json.dumps(model.config.to_dict(), indent=1), encoding="utf-8")
        model.backbone.save_adapter(model.adapter, place / ADAPTER)


def load_model(kind: type[Model], backbone: Backbone, folder: Path, *, adapter: str | None = None) -> Model:
    """A model from its folder, bit for bit, on the base that it was trained on.

    Args:
        kind: `RewardModel` or `PreferenceModel`.
        adapter: the name that its adapter gets; that of its role by default.

    Raises:
        ModelError: nothing there, damaged, of another base, or the adapter's name is taken.
    """
    name = adapter or kind.role
    try:
        config = kind.config_kind.from_dict(json.loads((folder / f"{kind.name}.json").read_text(encoding="utf-8")))
        tensors = load_file(folder / f"{kind.role}_head.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder} is no {kind.name.replace('_', ' ')} ({error}): train it again") from error
    backbone.load_adapter(name, folder / ADAPTER)
    model = kind(backbone, config, adapter=name)
    head = {key.removeprefix(_HEAD): tensor for key, tensor in tensors.items() if key.startswith(_HEAD)}
    rest = {key: tensor for key, tensor in tensors.items() if not key.startswith(_HEAD)}
    model.load_state_dict({ADAPTER: backbone.named_parameters(name), "head": head, **rest})
    return model
