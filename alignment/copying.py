"""What a copied project takes over of the loop."""

from __future__ import annotations

from alignment.gating.settings import GATE_FIELDS, gate_settings
from alignment.models import GateSettings, LoopSettings
from alignment.models.asking import ASKING_FIELDS
from alignment.selectors import loop_settings
from alignment.services import LOOP_FIELDS


def copy_loop(from_project: int, to_project: int) -> None:
    """Have the loop of a new project run as that of another one does. Part of making the project."""
    settings = loop_settings(from_project)
    kept = {name: getattr(settings, name) for name in (*LOOP_FIELDS, *ASKING_FIELDS)}
    LoopSettings.objects.update_or_create(pk=to_project, defaults=kept)
    gate = gate_settings(from_project)
    GateSettings.objects.update_or_create(pk=to_project, defaults={name: getattr(gate, name) for name in GATE_FIELDS})
