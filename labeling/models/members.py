"""Who works in a project."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from labeling.models.projects import MAX_DAILY, Project


class Role(models.TextChoices):
    """What a member does in a project."""

    ANNOTATOR = "annotator", _("annotator")
    REVIEWER = "reviewer", _("reviewer")
    RESEARCHER = "researcher", _("researcher")
    ADMIN = "admin", _("admin")


class Membership(models.Model):
    """One person's place in one project.

    ``num_submitted`` and ``num_extra`` are kept by services.labels: progress is a sum over members, never a count
    over labels. ``num_today`` counts what was judged on ``day`` (UTC) in the same way, for the daily limit.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    is_active = models.BooleanField(default=True)
    group = models.ForeignKey("labeling.Group", models.SET_NULL, null=True, blank=True, related_name="memberships")
    daily_limit = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Judgements a day; empty: as the project says, 0: as many as they like.")
    )
    day = models.DateField(null=True, blank=True, editable=False)
    num_today = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    num_submitted = models.PositiveIntegerField(default=0, editable=False)
    num_extra = models.PositiveIntegerField(default=0, editable=False)
    is_let_in = models.BooleanField(
        default=False, db_default=False, help_text=_("Needs no qualification, or none any more.")
    )
    is_routed_away = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Gets items with known answers alone (services.trust).",
    )
    num_known = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Of num_submitted, those of items with known answers."
    )
    known_right = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Of what such items asked once they were let in."
    )
    known_asked = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    seconds_worked = models.FloatField(default=0.0, editable=False)
    guidelines_read = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("The newest guidelines that they said they have read.")
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
            models.CheckConstraint(condition=Q(seconds_worked__gte=0), name="membership_seconds_not_negative"),
            models.CheckConstraint(condition=Q(known_right__lte=F("known_asked")), name="membership_right_of_asked"),
            models.CheckConstraint(condition=Q(daily_limit__lte=MAX_DAILY), name="membership_daily_limit_to_10000"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"
