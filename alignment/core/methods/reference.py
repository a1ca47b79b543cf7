"""Log-probabilities of the reference policy, kept on the disk: a run that is resumed or repeated computes none of them.

A file holds those of exactly one list of completions, and not of all that were ever asked for: rows that were computed
together differ in their last bits from rows that were not, and the same run shall give the same weights.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.running.processes import on_first
from alignment.core.text import Encoded

logger = logging.getLogger(__name__)

KEPT = 8
"""Files that stay in a folder, those used last: each is 4 bytes for a token of the data."""
ABANDONED_SECONDS = 24 * 3600
"""Age at which the unfinished file of a killed process is deleted."""


def reference_logprobs(
    backbone: Backbone, completions: Sequence[Encoded], *, folder: Path | None, temperature: float = 1.0
) -> list[Tensor]:
    """log pi_ref of each token, nats, float32, on the CPU, a row (length,) per completion, in their order.

    Read from the folder when they are there, else computed and written to it. A damaged file is computed again, and a
    folder that cannot be written to costs the next run its time; both are logged.

    Args:
        folder: for files of all models, data and settings; None: nothing is kept.
        temperature: that the logits are divided by.
    """
    if folder is None or not completions:
        return logprobs_by_token(backbone, completions, adapter=None, temperature=temperature)
    key = cache_key(backbone, completions, temperature=temperature)
    path = folder / f"reference-{key}.safetensors"
    sizes = [len(each.completion_ids) for each in completions]
    # The first process decides for all of them: computing is shared out, and none may wait for one that reads.
    kept = on_first(lambda: _read(path, key=key, size=sum(sizes)))
    if kept is None:
        rows = logprobs_by_token(backbone, completions, adapter=None, temperature=temperature)
        on_first(lambda: _write(path, torch.cat(rows), key=key))
        return rows
    ends = list(accumulate(sizes))
    return [kept[end - size : end].clone() for end, size in zip(ends, sizes, strict=True)]


def cache_key(backbone: Backbone, completions: Sequence[Encoded], *, temperature: float) -> str:
    """SHA-256 over all that the numbers depend on.

    The token ids are what the tokenizer and the template have made of the data, so a change of either is one of them.
    """
    about = {
        "base": backbone.digest,
        "dtype": str(backbone.decoder().dtype),
        "device": torch.device(backbone.device).type,
        "temperature": temperature,
    }
    sha = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for each in completions:
        sha.update(json.dumps([each.prompt_ids, each.completion_ids]).encode() + b"\n")
    return sha.hexdigest()


def _read(path: Path, *, key: str, size: int) -> Tensor | None:
    """The numbers of a whole file, all rows one after the other; None where there is none."""
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            values: Tensor = file.get_tensor("logprobs")
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        logger.warning("%s is damaged (%s): the reference's log-probabilities are computed again", path, error)
        return None
    if said.get("key") != key or values.shape != (size,) or said.get("digest") != _digest(values):
        logger.warning("%s was altered: the reference's log-probabilities are computed again", path)
        return None
    with suppress(OSError):  # a folder that can only be read has no room made in it
        os.utime(path)  # used now: others go first
    return values


def _write(path: Path, values: Tensor, *, key: str) -> None:
    """Write the file whole or not at all, and make room for it; a folder that cannot be written to is passed over."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".reference-", suffix=".partial")
        os.close(descriptor)
        partial = Path(name)
        try:
            save_file({"logprobs": values}, partial, metadata={"key": key, "digest": _digest(values)})
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _make_room(path.parent)
    except (OSError, SafetensorError) as error:
        logger.warning("the reference's log-probabilities were not kept: %s can't be written (%s)", path, error)


def _make_room(folder: Path) -> None:
    """Delete all but the files used last, and what killed processes left unfinished."""
    by_use = sorted(folder.glob("reference-*.safetensors"), key=lambda path: path.stat().st_mtime)
    limit = time.time() - ABANDONED_SECONDS
    unfinished = [path for path in folder.glob(".reference-*.partial") if path.stat().st_mtime < limit]
    for path in (*by_use[:-KEPT], *unfinished):
        path.unlink(missing_ok=True)


def _digest(values: Tensor) -> str:
    return hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()
