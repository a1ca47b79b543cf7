"""How many GPUs this machine offers, without loading torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU, where NVIDIA's driver is loaded


def num_gpus(environment: Mapping[str, str], *, driver: Path = DRIVER) -> int:
    """GPUs that CUDA will show: those of the driver, or as many of them as CUDA_VISIBLE_DEVICES names."""
    present = len(list(driver.glob("*")))
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    # CUDA shows those before the first invalid name; "-1" and an empty value hide all.
    named = [name.strip() for name in visible.split(",")]
    shown = next((place for place, name in enumerate(named) if name in {"", "-1"}), len(named))
    return min(present, shown)
