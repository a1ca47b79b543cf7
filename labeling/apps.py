"""The app in which people give preferences."""

from __future__ import annotations

import gc

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Judging: pages, API, data."""

    name = "labeling"
    verbose_name = "Labeling"

    def ready(self) -> None:
        """Register the system checks."""
        from labeling import checks  # noqa: F401  # importing registers them

        # Rows make many small objects and no cycles: looking for some every 700 objects, and every 70,000 through all
        # that Django has loaded, took a third of an export's time.
        gc.set_threshold(50_000, 20, 20)
