"""Items whose right judgement is known: to see whether somebody is ready, and how they do later."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from labeling.models.assignments import Assignment, Item
from labeling.models.members import Membership


class KnownAnswer(models.Model):
    """The right judgement of an item of purpose ``known``, and how often people found it.

    The item has no slots in the queue: one is made for each person who is given it (services.known).
    """

    item = models.OneToOneField(Item, models.CASCADE, related_name="known_answer")
    answer = models.JSONField(help_text='{"ranks": {completion: rank}, "ratings": {...}, "best": completion}, by id.')
    explanation = models.TextField(blank=True, help_text="Why it is right, for feedback.")
    is_active = models.BooleanField(default=True, help_text="Whether it is given to people from now on.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    num_judged = models.PositiveIntegerField(default=0, editable=False)
    num_right = models.PositiveIntegerField(default=0, editable=False, help_text="Of everything asked, in all.")
    num_asked = models.PositiveIntegerField(default=0, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(num_right__lte=F("num_asked")), name="known_answer_right_of_asked")
        ]

    def __str__(self) -> str:
        return f"known answer of item {self.item_id}"


class QualificationState(models.TextChoices):
    """Where somebody's try stands."""

    OPEN = "open", _("begun")
    PASSED = "passed", _("passed")
    FAILED = "failed", _("not passed")


class Qualification(models.Model):
    """One try of a new annotator: so many items with known answers, and a mark to reach."""

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="qualifications")
    number = models.PositiveSmallIntegerField(help_text="Of the try, from 1.")
    wanted = models.PositiveSmallIntegerField(help_text="Items.")
    mark = models.PositiveSmallIntegerField(help_text="What had to be right, in %, when it began.")
    state = models.CharField(max_length=10, choices=QualificationState.choices, default=QualificationState.OPEN)
    num_right = models.PositiveIntegerField(default=0)
    num_asked = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    decided = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["membership", "number"], name="qualification_try_once"),
            models.UniqueConstraint(
                fields=["membership"], condition=Q(state=QualificationState.OPEN), name="qualification_one_open"
            ),
            models.CheckConstraint(condition=Q(state__in=QualificationState.values), name="qualification_state_known"),
            models.CheckConstraint(condition=Q(num_right__lte=F("num_asked")), name="qualification_right_of_asked"),
            models.CheckConstraint(
                condition=Q(state=QualificationState.OPEN) | Q(decided__isnull=False), name="qualification_decided"
            ),
        ]

    def __str__(self) -> str:
        return f"try {self.number} of {self.membership_id}: {self.state}"

    @property
    def percent(self) -> float:
        """What was right, in %; 0 when nothing was asked."""
        return 100 * self.num_right / self.num_asked if self.num_asked else 0.0


class Probe(models.Model):
    """An item with a known answer in the hands of one annotator; a part of a qualification, or mixed in later."""

    assignment = models.OneToOneField(Assignment, models.CASCADE, related_name="probe")
    answer = models.ForeignKey(KnownAnswer, models.CASCADE, related_name="probes")
    qualification = models.ForeignKey(Qualification, models.CASCADE, null=True, blank=True, related_name="probes")
    num_right = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty until it is judged.")
    num_asked = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(num_right__isnull=True, num_asked__isnull=True)
                | Q(num_right__isnull=False, num_asked__isnull=False, num_right__lte=F("num_asked")),
                name="probe_right_of_asked",
            )
        ]

    def __str__(self) -> str:
        return f"probe {self.pk}"
