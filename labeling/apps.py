"""The app in which people give preferences."""

from __future__ import annotations

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Judging: pages, API, data."""

    name = "labeling"
    verbose_name = "Labeling"

    def ready(self) -> None:
        """Register the system checks."""
        from labeling import checks  # noqa: F401  # importing registers them
