"""Figures that are kept, so that they cost the same however many labels there are (services.figures)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

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
    agreed_label = models.BigIntegerField(default=0, db_default=0, help_text="As `label`, for AgreementFigures.")
    standing_label = models.BigIntegerField(default=0, db_default=0, help_text="As `label`, for OutcomeSums, FlagSums.")
    standing_weights = models.JSONField(
        default=dict, db_default={}, help_text="What each annotator's judgements count in OutcomeSums, where not 1."
    )
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


class Measure(models.TextChoices):
    """What people can agree on (quality.sums)."""

    COMPARISONS = "comparisons", _("comparisons")
    RATINGS = "ratings", _("ratings")
    PICKS = "picks", _("picks of the best")
    RANKINGS = "rankings", _("whole rankings")
    UNFLAGGED = "unflagged", _("completions, as if no flag was raised")
    FLAG = "flag", _("a flag, beside what it would be if it was not raised")


class AgreementFigures(models.Model):
    """Sums from which coefficients of agreement and their intervals are made (quality.sums), kept as labels come.

    An item counts in the week of its first judgement, and as a whole. ``sums`` are the little-endian 64-bit floats of
    an array (BLOCKS, number of sums): prompts are dealt out to blocks, so that a bootstrap over blocks draws whole
    prompts, however many there are.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="agreement_figures")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="With each other person; empty: of all.",
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    week = models.DateField(null=True, blank=True, help_text="Its Monday (UTC); empty: of all time.")
    measure = models.CharField(max_length=20, choices=Measure.choices)
    flag = models.CharField(max_length=40, blank=True)
    sums = models.BinaryField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "annotator", "week", "kind", "measure", "flag"],
                name="agreement_figures_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(measure=Measure.FLAG) & ~Q(flag="") | ~Q(measure=Measure.FLAG) & Q(flag=""),
                name="agreement_figures_of_a_flag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.kind}"


class Reliability(models.Model):
    """The chance that an annotator of a project is right about a comparison (Crowd-BT), and from how much."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="reliabilities")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    value = models.FloatField()
    low = models.FloatField(null=True, blank=True, help_text="Of its interval of 90 %.")
    high = models.FloatField(null=True, blank=True)
    comparisons = models.PositiveIntegerField(help_text="That two others made, too.")
    known = models.FloatField(default=0.0, db_default=0.0, help_text="Comparisons whose answer is known.")
    known_right = models.FloatField(default=0.0, db_default=0.0, help_text="Of these, what was right; a tie is half.")
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


class Level(models.TextChoices):
    """How far somebody's judgements can be used."""

    TRUSTED = "trusted", _("trusted")
    WATCHED = "watched", _("watched")
    AWAY = "away", _("routed away")


class Trust(models.Model):
    """What is decided about an annotator from their reliability, and from which figures; or what an admin decided."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="trusts")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    level = models.CharField(max_length=10, choices=Level.choices)
    evidence = models.JSONField(default=dict, help_text="The figures that it was decided from.")
    is_adversary = models.BooleanField(default=False, help_text="Surely says the opposite more often than not.")
    decided = models.DateTimeField()
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The admin whose choice holds, whatever the figures say.",
    )

    class Meta:
        ordering = ["project", "annotator"]
        constraints = [
            models.UniqueConstraint(fields=["project", "annotator"], name="trust_once"),
            models.CheckConstraint(condition=Q(level__in=Level.values), name="trust_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id}: {self.level}"
