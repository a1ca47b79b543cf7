"""Django's admin, for looking and repairing. The daily work has pages of its own; labels are never changed here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model
from django.http import HttpRequest

from labeling.admin_tables import Kept, LargeTable, PlainTable, ReadOnly, register_others
from labeling.models import (
    ApiToken,
    Assignment,
    Comparison,
    Completion,
    Item,
    ItemCompletion,
    Label,
    Membership,
    Project,
    Prompt,
    Rank,
    Rating,
    SecondFactor,
    Session,
    Slot,
    User,
)

admin.site.site_header = "Prefloop"
admin.site.site_title = "Prefloop"


@admin.register(User)
class PersonAdmin(Kept, UserAdmin):
    """Repaired here; personal data are deleted by services.erasure, which leaves labels and their pseudonym."""


@admin.register(Project)
class ProjectAdmin(Kept, admin.ModelAdmin):
    list_display = ("name", "slug", "completions_per_item", "overlap", "is_paused", "num_slots", "created")
    list_filter = ("is_paused",)
    search_fields = ("name", "slug")
    readonly_fields = ("num_slots", "created")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: services.projects makes them, with an admin."""
        return False


@admin.register(Membership)
class MembershipAdmin(Kept, admin.ModelAdmin):
    list_display = ("user", "project", "role", "is_active", "num_submitted", "num_extra", "seconds_worked")
    list_filter = ("role", "is_active")
    list_select_related = ("user", "project")
    search_fields = ("user__username", "project__slug")
    raw_id_fields = ("user", "project", "group")
    readonly_fields = ("num_submitted", "num_extra", "seconds_worked")


@admin.register(SecondFactor)
class SecondFactorAdmin(ReadOnly, admin.ModelAdmin):
    """Deleted for who lost both phone and recovery codes; the secret is shown to nobody."""

    list_display = ("user", "confirmed")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "confirmed")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)


@admin.register(Prompt)
class PromptAdmin(LargeTable, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "project", "beginning", "held_out", "times_sampled", "source", "created")
    list_filter = ("held_out", "project")
    list_select_related = ("project",)
    search_fields = ("=id", "source")
    raw_id_fields = ("project",)

    @admin.display(description="last turn")
    def beginning(self, prompt: Prompt) -> str:
        """The first 80 characters of the last turn."""
        return prompt.last_turn[:80]


@admin.register(Completion)
class CompletionAdmin(LargeTable, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "prompt", "beginning", "origin", "policy_version", "model", "created")
    list_filter = ("origin",)
    list_select_related = ("prompt", "model")
    search_fields = ("=id", "=prompt__id")
    raw_id_fields = ("prompt", "author", "model")

    @admin.display(description="text")
    def beginning(self, completion: Completion) -> str:
        """The first 80 characters."""
        return completion.text[:80]


class EntryInline(ReadOnly, admin.TabularInline):
    model = ItemCompletion
    raw_id_fields = ("completion",)
    extra = 0


class SlotInline(ReadOnly, admin.TabularInline):
    model = Slot
    raw_id_fields = ("assignment", "project")
    extra = 0


@admin.register(Item)
class ItemAdmin(LargeTable, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "project", "prompt", "kind", "num_judgements", "overlap", "priority", "policy_version")
    list_filter = ("project", "kind")
    list_select_related = ("project", "prompt")
    search_fields = ("=id", "=prompt__id")
    raw_id_fields = ("project", "prompt")
    inlines = (EntryInline, SlotInline)


@admin.register(Assignment)
class AssignmentAdmin(LargeTable, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "item", "annotator", "state", "lease_expires", "changed")
    list_filter = ("state",)
    list_select_related = ("item", "annotator")
    search_fields = ("=id", "=item__id", "annotator__username")
    raw_id_fields = ("item", "annotator")


class RatingInline(ReadOnly, admin.TabularInline):
    model = Rating
    raw_id_fields = ("completion",)
    extra = 0


class RankInline(ReadOnly, admin.TabularInline):
    model = Rank
    raw_id_fields = ("completion",)
    extra = 0


class ComparisonInline(ReadOnly, admin.TabularInline):
    model = Comparison
    raw_id_fields = ("chosen", "rejected")
    extra = 0


@admin.register(Label)
class LabelAdmin(LargeTable, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "project", "item", "annotator", "source", "is_extra", "seconds", "created")
    list_filter = ("source", "is_extra", "project")
    list_select_related = ("project", "item", "annotator")
    search_fields = ("=id", "=item__id", "annotator__username", "=client_id")
    raw_id_fields = ("project", "item", "assignment", "annotator", "superseded_by")
    inlines = (RatingInline, RankInline, ComparisonInline)


@admin.register(ApiToken)
class ApiTokenAdmin(PlainTable):
    list_filter = ("is_login",)
    secrets = ("digest",)

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:  # type: ignore[override]  # of a token
        """Deleting one revokes it."""
        return True


# The key of a session opens it.
register_others("labeling", secrets=("sealed", "digest"), besides=[Session])
