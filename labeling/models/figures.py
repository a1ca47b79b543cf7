"""Figures that are kept, so that they cost the same however many labels there are (services.figures)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from labeling.models.kinds import Kind
from labeling.models.projects import Project


class Folded(models.Model):
    """How far the labels of a project are counted in DayFigures, in the same transaction as the counts.

    ``mark_label`` and ``mark_xid`` wait for transactions that were open when the mark was set: one of them may yet
    store a label with a lower id.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="folded")
    label = models.BigIntegerField(default=0, help_text="The last one that is counted.")
    mark_label = models.BigIntegerField(default=0)
    mark_xid = models.BigIntegerField(default=0)
    fitted_label = models.BigIntegerField(default=0, help_text="As `label`, when reliabilities were fitted last.")
    fitted = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["project"]

    def __str__(self) -> str:
        return f"labels of {self.project_id} up to {self.label}"


class DayFigures(models.Model):
    """What one person's judgements of one kind and day (UTC) come to, as they were first submitted.

    ``pairs`` are comparisons that somebody else made, too, ``same`` those on which they agree: they count for both
    people, on the day of the later judgement. ``later_pairs`` and ``later_same`` count for the later one alone, so that
    their sums are those of the project; the squares are sums over judgements, for the variance of their ratio.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="day_figures")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    day = models.DateField()
    judgements = models.PositiveIntegerField(default=0, db_default=0)
    seconds = models.FloatField(default=0.0, db_default=0.0)
    pairs = models.PositiveBigIntegerField(default=0, db_default=0)
    same = models.PositiveBigIntegerField(default=0, db_default=0)
    later_pairs = models.PositiveBigIntegerField(default=0, db_default=0)
    later_same = models.PositiveBigIntegerField(default=0, db_default=0)
    square_pairs = models.FloatField(default=0.0, db_default=0.0)
    square_same = models.FloatField(default=0.0, db_default=0.0)
    pairs_by_same = models.FloatField(default=0.0, db_default=0.0)
    decided = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Comparisons that were won.")
    first_shown = models.PositiveBigIntegerField(default=0, db_default=0, help_text="By the completion shown earlier.")
    longer = models.PositiveBigIntegerField(default=0, db_default=0, help_text="By the longer completion.")
    of_length = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Where one was longer.")
    ratings = models.PositiveBigIntegerField(default=0, db_default=0)
    fours = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["project", "day", "annotator", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["project", "annotator", "kind", "day"], name="day_figures_once"),
            models.CheckConstraint(condition=Q(same__lte=F("pairs")), name="day_figures_same_of_pairs"),
            models.CheckConstraint(condition=Q(later_same__lte=F("later_pairs")), name="day_figures_later_of_pairs"),
        ]
        indexes = [models.Index(fields=["project", "day"], name="day_figures_by_day")]

    def __str__(self) -> str:
        return f"{self.annotator_id} on {self.day}: {self.judgements}"


class Reliability(models.Model):
    """The chance that an annotator of a project is right about a comparison (Crowd-BT), and from how much."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="reliabilities")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    value = models.FloatField()
    comparisons = models.PositiveIntegerField(help_text="That two others made, too.")
    fitted = models.DateTimeField()

    class Meta:
        ordering = ["project", "annotator"]
        verbose_name_plural = "reliabilities"
        constraints = [
            models.UniqueConstraint(fields=["project", "annotator"], name="reliability_once"),
            models.CheckConstraint(condition=Q(value__range=(0, 1)), name="reliability_0_to_1"),
        ]

    def __str__(self) -> str:
        return f"{self.value:.2f} of {self.annotator_id}"
