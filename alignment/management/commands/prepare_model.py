"""manage.py prepare_model: makes the default model, or checks the one that MODEL names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm


class Command(BaseCommand):
    """Idempotent: a model that is there is found."""

    help = "Train the default model (under a minute), or check the model that MODEL names."

    def handle(self, *args: Any, **options: Any) -> None:
        """Train or check, and say where the model is."""
        from alignment.artifacts import base_model, load_base
        from alignment.core.config import LoraSettings
        from alignment.core.model.loading import ModelError

        with tqdm(desc="default model", unit="step", disable=None, leave=False) as bar:

            def on_step(step: int, total: int, metrics: Mapping[str, float]) -> None:
                bar.total = total
                bar.update(step - bar.n)
                bar.set_postfix({"loss": f"{metrics['loss']:.3f}"}, refresh=False)

            try:
                where = base_model(on_step=on_step)
                digest = load_base(lora=LoraSettings()).digest
            except (ModelError, OSError) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"model {where} (digest {digest[:12]})")
