"""A short training run that kills itself in the middle, or goes on to its end from where it was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from safetensors.torch import save_file

from alignment.core.checkpoints import latest
from tests.joint_training import run


def train_or_die(name: str, model: Path, folder: Path, kill_at: int) -> None:
    """Five steps, on from the newest checkpoint in the folder; the weights lie beside it at the end.

    Args:
        kill_at: the step after which the process kills itself; 0 for none.
    """

    def on_step(step):
        if step.step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps = {"steps": 5, "batch_size": 3, "checkpoint_every_steps": 2}
    found, _ = run(name, model, folder=folder, on_step=on_step, resume_from=latest(folder), **steps)
    save_file(found, folder.parent / f"{folder.name}.safetensors")
