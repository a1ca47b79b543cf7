"""What people decided. A label is written once: a revision supersedes it and both remain."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Greatest, Least
from django.db.models.lookups import Regex
from django.utils.translation import gettext_lazy as _

from labeling.models.assignments import Assignment, Item
from labeling.models.conversations import Turn
from labeling.models.kinds import Kind
from labeling.models.projects import Project
from labeling.models.prompts import Completion


class Source(models.TextChoices):
    """Who judged."""

    PERSON = "person", _("person")
    IMPORT = "import", _("import")
    SIMULATION = "simulation", _("simulated annotator")
    REVIEW = "review", _("reviewer's decision")


class Label(models.Model):
    """One judgement of one item.

    ``client_id`` makes a submit idempotent. ``is_extra`` marks a judgement that came after its slot went to somebody
    else: it is kept, and outside the overlap count.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    item = models.ForeignKey(Item, models.CASCADE, related_name="labels")
    assignment = models.ForeignKey(Assignment, models.PROTECT, null=True, blank=True, related_name="labels")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="labels"
    )
    turn = models.ForeignKey(
        Turn,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="labels",
        help_text="Of the conversation it belongs to.",
    )
    client_id = models.UUIDField(unique=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what was submitted.")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.PERSON)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.RANKING, help_text="The item's.")
    best = models.ForeignKey(
        Completion, models.PROTECT, null=True, blank=True, related_name="+", help_text="The one picked, kind best."
    )
    strength = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of a pair without a tie: 1 slightly better, 2 better, 3 much better."
    )
    demonstration = models.ForeignKey(
        Completion, models.PROTECT, null=True, blank=True, related_name="demonstrated_by", help_text="What was written."
    )
    suggestion = models.ForeignKey(
        Completion, models.PROTECT, null=True, blank=True, related_name="+", help_text="What it was written from."
    )
    notes = models.TextField(blank=True)
    seconds = models.FloatField(default=0.0, help_text="Active time, idle excluded.")
    guidelines_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The guidelines that were in force for the annotator; unknown for imports."
    )
    is_extra = models.BooleanField(default=False)
    superseded_by = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="supersedes")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            # A conversation is one assignment with a judgement of each turn; every other assignment has one judgement.
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(superseded_by__isnull=True, turn__isnull=True),
                name="label_one_current_per_assignment",
            ),
            models.UniqueConstraint(
                fields=["turn"], condition=Q(superseded_by__isnull=True), name="label_one_current_per_turn"
            ),
            models.CheckConstraint(
                condition=Q(turn__isnull=True) & ~Q(kind=Kind.CONVERSATION)
                | Q(turn__isnull=False, assignment__isnull=False, kind__in=[Kind.CONVERSATION, Kind.DEMONSTRATION]),
                name="label_of_a_turn_of_its_conversation",
            ),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="label_seconds_not_negative"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="label_source_known"),
            models.CheckConstraint(
                condition=Q(source=Source.IMPORT) | Q(annotator__isnull=False, assignment__isnull=False),
                name="label_knows_its_annotator",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="label_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=Kind.BEST, best__isnull=False) | ~Q(kind=Kind.BEST) & Q(best__isnull=True),
                name="label_best_of_kind_best",
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True) | Q(kind=Kind.PAIR, strength__range=(1, 3)),
                name="label_strength_of_a_pair",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.DEMONSTRATION, demonstration__isnull=False)
                | Q(kind=Kind.CONVERSATION, demonstration__isnull=False)
                | ~Q(kind=Kind.DEMONSTRATION) & Q(demonstration__isnull=True, suggestion__isnull=True),
                name="label_demonstration_of_its_kind",
            ),
        ]
        indexes = [models.Index(fields=["project", "id"], name="label_by_project")]

    def __str__(self) -> str:
        return f"label {self.pk}"


class Rating(models.Model):
    """1 (worst) to 7 (best) for one completion, with the flags raised on it."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="ratings")
    completion = models.ForeignKey(Completion, models.PROTECT, related_name="ratings")
    value = models.PositiveSmallIntegerField(null=True, blank=True)
    flags = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["label", "completion"], name="rating_once"),
            models.CheckConstraint(condition=Q(value__isnull=True) | Q(value__range=(1, 7)), name="rating_1_to_7"),
            # Which codes a project has is checked by services.verdicts; here, that they are codes.
            models.CheckConstraint(
                condition=Regex(
                    Func(F("flags"), Value(" "), function="array_to_string", output_field=models.TextField()),
                    r"^([a-z][a-z0-9_]*( [a-z][a-z0-9_]*)*)?$",
                ),
                name="rating_flags_are_codes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} for completion {self.completion_id}"


class Rank(models.Model):
    """Place of one completion in a ranking: 1 is best, equal ranks are ties."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="ranks")
    completion = models.ForeignKey(Completion, models.PROTECT, related_name="ranks")
    rank = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["rank", "id"]
        constraints = [
            models.UniqueConstraint(fields=["label", "completion"], name="rank_once"),
            models.CheckConstraint(condition=Q(rank__range=(1, 9)), name="rank_1_to_9"),
        ]

    def __str__(self) -> str:
        return f"rank {self.rank} for completion {self.completion_id}"


class Outcome(models.TextChoices):
    """Of a comparison: the first completion won, or neither did."""

    WIN = "win", _("win")
    TIE = "tie", _("tie")


class Comparison(models.Model):
    """Two completions of one prompt: ``chosen`` won over ``rejected``, or they tie (then the order means nothing)."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="comparisons")
    chosen = models.ForeignKey(Completion, models.PROTECT, related_name="+")
    rejected = models.ForeignKey(Completion, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=3, choices=Outcome.choices)
    weight = models.FloatField(help_text="1 / C(k,2) of the ranking it came from.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                F("label"), Least("chosen", "rejected"), Greatest("chosen", "rejected"), name="comparison_once"
            ),
            models.CheckConstraint(condition=~Q(chosen=F("rejected")), name="comparison_of_two"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="comparison_outcome_known"),
            models.CheckConstraint(condition=Q(weight__gt=0, weight__lte=1), name="comparison_weight_0_to_1"),
        ]

    def __str__(self) -> str:
        return f"{self.chosen_id} {'=' if self.outcome == Outcome.TIE else '>'} {self.rejected_id}"
