"""The same inputs give the same weights on a CPU, on any number of threads.

Torch's gradient of advanced indexing adds into the same row from several threads, in whatever order they come; the sums
differ in their last bits, and after a few steps the weights do too. It has an exact way, which has to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def reproducible() -> Iterator[None]:
    """Inside, torch takes its exact ways on the CPU; behind, what was set before. On CUDA nothing changes.

    Usable as a decorator. With CUDA the exact ways are slow or missing, and kernels of several sizes differ anyway.
    """
    if torch.cuda.is_available():
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)
