"""The app in which preferences become a policy."""

from __future__ import annotations

from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    """Runs, reward models, policies and the loop."""

    name = "alignment"
    verbose_name = "Alignment"

    def ready(self) -> None:
        """Have the loop's settings copied with a project."""
        from labeling import exchange

        exchange.when_cloned("alignment.copying.copy_loop")
