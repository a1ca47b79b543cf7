"""manage.py prepare_model: makes the default model, or checks the one that MODEL names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

LINE_SECONDS = 15.0  # between two lines where no terminal shows a bar


class Lines:
    """Lines of progress for a log: one at the first step, then one now and then."""

    def __init__(self, write: Callable[[str], object], *, every: float = LINE_SECONDS) -> None:
        self.write = write
        self.every = every
        self.due = 0.0

    def on_step(self, step: int, total: int, loss: float) -> None:
        """Say how far it is when that is due."""
        now = time.monotonic()
        if now >= self.due:
            self.due = now + self.every
            self.write(f"default model: step {step} of {total}, loss {loss:.3f}")


class Command(BaseCommand):
    """Idempotent: a model that is there is found."""

    help = "Train the default model (under a minute), or check the model that MODEL names."

    def handle(self, *args: Any, **options: Any) -> None:
        """Train or check, and say where the model is."""
        from alignment.artifacts import base_model, load_base
        from alignment.core.config import LoraSettings
        from alignment.core.model.loading import ModelError

        lines = Lines(self._say)
        with tqdm(desc="default model", unit="step", disable=None, leave=False) as bar:

            def on_step(step: int, total: int, metrics: Mapping[str, float]) -> None:
                if bar.disable:  # tqdm's, where there is no terminal
                    lines.on_step(step, total, metrics["loss"])
                    return
                bar.total = total
                bar.update(step - bar.n)
                bar.set_postfix({"loss": f"{metrics['loss']:.3f}"}, refresh=False)

            try:
                where = base_model(on_step=on_step)
                digest = load_base(lora=LoraSettings()).digest
            except (ModelError, OSError) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"model {where} (digest {digest[:12]})")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()  # a pipe would keep it to the end
