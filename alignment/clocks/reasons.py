"""Why a run failed, in a sentence that people can act on."""

from __future__ import annotations

import errno

import torch

FULL = {errno.ENOSPC, errno.EDQUOT}


def readable(error: Exception) -> str:
    """What went wrong and, where it is known, what to do about it."""
    said = str(error).strip() or type(error).__name__
    if isinstance(error, torch.OutOfMemoryError):
        first = said.splitlines()[0].split(". ")[0]
        return (
            f"the accelerator ran out of memory ({first}): free it, or make trainer.micro_batch_tokens, max_new_tokens "
            "or the rollouts of a prompt smaller"
        )
    if not isinstance(error, OSError) or not error.strerror:
        return said
    place = f": {error.filename}" if error.filename else ""
    if error.errno in FULL:
        return f"the disk is full ({error.strerror}{place}): free some space, or keep fewer versions in the settings"
    return f"{error.strerror}{place}"
