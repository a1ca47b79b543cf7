"""Runs and policies in Django's admin: to look at. They are changed by services only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from alignment.models import Evaluation, LoopSettings, Policy, RewardModel, Run

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:  # generic in the stubs only
    Base = admin.ModelAdmin


class ReadOnly(Base):
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(Run)
class RunAdmin(ReadOnly):
    """Runs."""

    list_display = ("id", "project", "method", "state", "stage", "trigger", "created")
    list_filter = ("state", "method", "project")
    list_select_related = ("project",)


@admin.register(Policy)
class PolicyAdmin(ReadOnly):
    """Policy versions."""

    list_display = ("project", "version", "is_serving", "method", "created")
    list_filter = ("project", "is_serving")
    list_select_related = ("project",)


admin.site.register([Evaluation, LoopSettings, RewardModel], ReadOnly)
