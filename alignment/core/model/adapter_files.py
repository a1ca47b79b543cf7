"""Adapters as folders: peft's format, with the digest of the base that they were trained on beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from alignment.core.checkpoints import replaced_folder
from alignment.core.model.adapters import LoraConfig
from alignment.core.model.loading import ModelError

WEIGHTS, ABOUT = "adapter_model.safetensors", "prefloop.json"
_PREFIX = "base_model.model."


def write_adapter(
    folder: Path, *, tensors: Mapping[str, Tensor], base: str, lora: LoraConfig | None, config: Any | None
) -> None:
    """Write an adapter's tensors atomically; ``config`` is peft's, None for a full copy of the weights."""
    prefix = _PREFIX if lora else ""
    stored = {f"{prefix}{name}": tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replaced_folder(folder) as place:
        if config is not None:
            config.save_pretrained(place)
        save_file(stored, place / WEIGHTS, metadata={"format": "pt"})
        about = {"base": base, "lora": asdict(lora) if lora else None}
        (place / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


def read_adapter(folder: Path, *, base: str) -> tuple[LoraConfig | None, dict[str, Tensor]]:
    """Settings (None for a full copy) and tensors of an adapter of this base.

    Raises:
        ModelError: no adapter there, damaged, or of another base.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        made_for, settings = str(about["base"]), about["lora"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} is no adapter: {ABOUT} is missing or damaged; train or save it again") from error
    if made_for != base:
        raise ModelError(
            f"adapter {folder} was trained on base {made_for[:12]}, this is base {base[:12]}; "
            "load the model that it was made for"
        )
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS} is missing or cut short; train or save the adapter again") from error
    if settings is None:
        return None, tensors
    lora = LoraConfig(rank=settings["rank"], alpha=settings["alpha"], targets=tuple(settings["targets"]))
    return lora, {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names and the bits of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
