"""The app in which preferences become a policy."""

from __future__ import annotations

from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    """Runs, reward models, policies and the loop."""

    name = "alignment"
    verbose_name = "Alignment"
