"""Runs and policies in Django's admin: to look at. They are changed by services only."""

from __future__ import annotations

from django.contrib import admin

from alignment.models import Policy, Run
from labeling.admin_tables import Base, LargeTable, ReadOnly, register_others


@admin.register(Run)
class RunAdmin(LargeTable, ReadOnly, Base):
    """Runs."""

    list_display = ("id", "project", "method", "state", "stage", "trigger", "created")
    list_filter = ("state", "method", "project")
    list_select_related = ("project",)


@admin.register(Policy)
class PolicyAdmin(LargeTable, ReadOnly, Base):
    """Policy versions."""

    list_display = ("project", "version", "is_serving", "method", "created")
    list_filter = ("project", "is_serving")
    list_select_related = ("project",)


register_others("alignment")
