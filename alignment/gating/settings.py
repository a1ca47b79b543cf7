"""The settings of a project's gate."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from alignment.changing import change
from alignment.gating.limits import Limits
from alignment.models import GateSettings
from labeling import exchange

GATE_FIELDS = tuple(field.name for field in GateSettings._meta.local_fields if field.name != "project")


def gate_settings(project_id: int) -> GateSettings:
    """The project's settings, or the defaults, unsaved, when nobody changed them yet."""
    return GateSettings.objects.filter(pk=project_id).first() or GateSettings(project_id=project_id)


def limits_of(settings: GateSettings) -> Limits:
    """What the guards need of them."""
    return Limits(**{each.name: getattr(settings, each.name) for each in fields(Limits)})


@transaction.atomic
def change_gate(*, project_id: int, changed_by: int | None = None, **changes: Any) -> GateSettings:
    """Change what a candidate must show. A candidate that is asked about keeps the error and the pairs it began with.

    Args:
        changed_by: id of who changes it; None for a command.
        changes: any of GATE_FIELDS.

    Raises:
        Invalid: an unknown setting, or a value outside its range.
    """
    exchange.refuse_archived(project_id)
    for name in changes:
        if name not in GATE_FIELDS:
            refusal = _("the gate has no setting {name!r}; it has {known}")
            raise exchange.Invalid(refusal.format(name=name, known=", ".join(GATE_FIELDS)))
        if isinstance(changes[name], float) and not math.isfinite(changes[name]):
            raise exchange.Invalid(_("{name} is {value}: give a number").format(name=name, value=changes[name]))
    GateSettings.objects.get_or_create(pk=project_id)
    settings = GateSettings.objects.select_for_update().get(pk=project_id)
    change(settings, changes, project_id=project_id, changed_by=changed_by, topic="gate")
    return settings
