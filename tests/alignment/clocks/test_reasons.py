"""Why a run failed, in words."""

from __future__ import annotations

import errno

import pytest
import torch

from alignment.clocks.reasons import readable


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("too few"), "too few"),
        (RuntimeError(), "RuntimeError"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/a"),
            "the disk is full (No space left on device: /data/a): free some space, or keep fewer versions in the "
            "settings",
        ),
        (OSError(errno.EACCES, "Permission denied", "/data/a"), "Permission denied: /data/a"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total of 79 GiB."),
            "the accelerator ran out of memory (CUDA out of memory): free it, or make trainer.micro_batch_tokens, "
            "max_new_tokens or the rollouts of a prompt smaller",
        ),
    ],
)
def test_a_failure_says_what_to_do(error, said):
    assert readable(error) == said
