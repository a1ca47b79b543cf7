"""Checkpoints that are whole or not there: written beside, synced, renamed; checked by digest when read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

logger = logging.getLogger(__name__)

TENSORS, STATE, DIGEST = "tensors.safetensors", "state.json", "digest.json"
_STEP = re.compile(r"step-\d+")
_WRITING, _REPLACED = ".writing-", ".replaced-"


class CheckpointError(RuntimeError):
    """A checkpoint that is cut short, altered or missing; the message names the file and the remedy."""


def save_checkpoint(folder: Path, state: Mapping[str, Any], *, step: int, keep: int = 2) -> Path:
    """Write ``state`` as ``folder/step-<step>`` and delete all but the newest ``keep``; returns the new one.

    ``state`` may nest dicts, lists and tuples of tensors, numbers, strings, None and bool: optimizer state, random
    number generators (``rng_state``) and cursors included. A process killed in here leaves the older ones as they are.
    A folder has one writer at a time.

    Raises:
        CheckpointError: the state holds something else, named by its place.
        ValueError: keep is below 1.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}; at least the newest checkpoint has to stay")
    tensors: dict[str, Tensor] = {}
    plain = _flatten(state, path="state", tensors=tensors)
    target = Path(folder) / f"step-{step:08d}"
    with replaced_folder(target) as place:
        save_file(tensors, place / TENSORS)
        (place / STATE).write_text(json.dumps({"step": step, "state": plain}), encoding="utf-8")
        digests = {name: _file_digest(place / name) for name in (TENSORS, STATE)}
        (place / DIGEST).write_text(json.dumps(digests), encoding="utf-8")
    unfinished = target.parent.glob(f"{_WRITING}step-*")  # of writers that were killed: a folder has one writer
    older = [path for path in _steps(target.parent)[:-keep] if path != target]
    for path in (*unfinished, *older):
        shutil.rmtree(path, ignore_errors=True)
    return target


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state that ``save_checkpoint`` was given, tensors on the CPU, bit for bit.

    Raises:
        CheckpointError: a file is missing, cut short or altered.
    """
    path = Path(path)
    _verify(path)
    try:
        plain = json.loads((path / STATE).read_text(encoding="utf-8"))["state"]
        state = _restore(plain, load_file(path / TENSORS))
    except (ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{path} can't be read ({error}); delete it and resume from an older one") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path / STATE} holds no state; delete {path} and resume from an older one")
    return state


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint of a folder, None without one; damaged ones are passed over with a warning."""
    for path in reversed(_steps(Path(folder))):
        try:
            _verify(path)
        except CheckpointError as error:
            logger.warning("passed over: %s", error)
        else:
            return path
    return None


def rng_state() -> dict[str, Any]:
    """The state of every random number generator that training may use: Python, numpy, torch, all CUDA devices."""
    import numpy as np

    state: Any = np.random.get_state(legacy=True)
    name, keys, position, has_gauss, cached = state
    return {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_rng_state(state: Mapping[str, Any]) -> None:
    """Put back what ``rng_state`` returned."""
    import numpy as np

    name, keys, position, has_gauss, cached = state["numpy"]
    random.setstate(state["python"])
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``target`` when the block ends well, and is deleted when it does not.

    Everything is on the disk before the name changes. One process writes a target at a time; what an earlier one left
    when it was killed is cleared away.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    place, old = target.parent / f"{_WRITING}{target.name}", target.parent / f"{_REPLACED}{target.name}"
    if old.exists() and not target.exists():
        old.rename(target)  # killed between the two renames below: the old one is the good one
    for stale in (place, old):
        shutil.rmtree(stale, ignore_errors=True)
    place.mkdir()
    try:
        yield place
        for file in sorted(place.iterdir()):
            _sync(file)
        _sync(place)
        if target.exists():
            target.rename(old)
        place.rename(target)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _steps(folder: Path) -> list[Path]:
    """Checkpoints by step, oldest first; one that was being replaced when its writer died counts again."""
    if not folder.is_dir():
        return []
    for old in folder.glob(f"{_REPLACED}step-*"):
        original = folder / old.name.removeprefix(_REPLACED)
        if not original.exists():
            old.rename(original)
    found = [path for path in folder.iterdir() if path.is_dir() and _STEP.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def _verify(path: Path) -> None:
    remedy = f"delete {path} and resume from an older checkpoint"
    if not path.is_dir():
        raise CheckpointError(f"there is no checkpoint {path}; give a folder that save_checkpoint wrote")
    try:
        digests = json.loads((path / DIGEST).read_text(encoding="utf-8"))
        expected = {name: str(digests[name]) for name in (TENSORS, STATE)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path / DIGEST} is missing or damaged; {remedy}") from error
    for name, digest in expected.items():
        file = path / name
        if not file.is_file():
            raise CheckpointError(f"{file} is missing; {remedy}")
        if _file_digest(file) != digest:
            raise CheckpointError(f"{file} is cut short or was altered (its digest differs); {remedy}")


def _flatten(value: Any, *, path: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for everything but tensors, which go into ``tensors`` under their place."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        # A copy: safetensors refuses tensors that share memory.
        tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": path}
    if isinstance(value, Mapping):
        items = [
            [_flatten(key, path=f"{path}.key", tensors=tensors), _flatten(part, path=f"{path}.{key}", tensors=tensors)]
            for key, part in value.items()
        ]
        return {"dict": items}
    if isinstance(value, (list, tuple)):
        parts = [_flatten(part, path=f"{path}.{number}", tensors=tensors) for number, part in enumerate(value)]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    raise CheckpointError(f"{path} is a {type(value).__name__}; save tensors, numbers, strings, lists and dicts")


def _restore(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restore(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "tuple" in value:
        return tuple(_restore(part, tensors) for part in value["tuple"])
    return {_restore(key, tensors): _restore(part, tensors) for key, part in value["dict"]}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
