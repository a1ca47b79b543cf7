"""Items that a reviewer decides: people disagree on them, or raised a harmful flag."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling.models.assignments import Item
from labeling.models.labels import Label
from labeling.models.projects import Project


class ReviewReason(models.TextChoices):
    """Why an item is to be reviewed."""

    DISAGREEMENT = "disagreement", _("people disagree")
    FLAG = "flag", _("a harmful flag")


class ReviewState(models.TextChoices):
    """Where a review stands."""

    OPEN = "open", _("open")
    DECIDED = "decided", _("decided")
    DISMISSED = "dismissed", _("needs no decision")


class Review(models.Model):
    """One item in the reviewers' queue. The decision is a label of its own; what others judged stays as it is."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="reviews")
    item = models.OneToOneField(Item, models.CASCADE, related_name="review")
    reason = models.CharField(max_length=20, choices=ReviewReason.choices)
    agreement = models.FloatField(null=True, blank=True, help_text="Share of shared comparisons alike, when it opened.")
    state = models.CharField(max_length=10, choices=ReviewState.choices, default=ReviewState.OPEN)
    label = models.OneToOneField(
        Label, models.PROTECT, null=True, blank=True, related_name="decides", help_text="The decision, as first made."
    )
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=ReviewReason.values), name="review_reason_known"),
            models.CheckConstraint(
                condition=Q(state=ReviewState.OPEN, label__isnull=True, reviewer__isnull=True)
                | Q(state=ReviewState.DECIDED, label__isnull=False, reviewer__isnull=False)
                | Q(state=ReviewState.DISMISSED, label__isnull=True, reviewer__isnull=False),
                name="review_decided_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "id"], condition=Q(state=ReviewState.OPEN), name="review_queue"),
        ]

    def __str__(self) -> str:
        return f"review of item {self.item_id}: {self.state}"
