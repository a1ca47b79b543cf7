"""What a copied project takes over of the loop."""

from __future__ import annotations

from alignment.models import LoopSettings
from alignment.models.asking import ASKING_FIELDS
from alignment.selectors import loop_settings
from alignment.services import LOOP_FIELDS


def copy_loop(from_project: int, to_project: int) -> None:
    """Have the loop of a new project run as that of another one does. Part of making the project."""
    settings = loop_settings(from_project)
    kept = {name: getattr(settings, name) for name in (*LOOP_FIELDS, *ASKING_FIELDS)}
    LoopSettings.objects.update_or_create(pk=to_project, defaults=kept)
