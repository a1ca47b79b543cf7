"""What is asked (items), of how many people (slots), and who works on it (assignments, drafts, skips)."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from labeling.models.kinds import Kind, Purpose, Rule
from labeling.models.members import Membership
from labeling.models.projects import Project
from labeling.models.prompts import Completion, Prompt
from labeling.models.topics import topics_field

NEVER_LEASED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Item(models.Model):
    """A prompt with the completions to be judged.

    ``num_judgements`` counts submitted slots; the check keeps it from ever passing the overlap. ``rule`` and the
    propensities say how it was chosen among the prompts and completions that could have been asked about
    (alignment.asking): with them, what was asked about actively still tells without bias what is true in general.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="items")
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="items")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.RANKING)
    purpose = models.CharField(
        max_length=10, choices=Purpose.choices, default=Purpose.TRAINING, help_text="Annotators don't see it."
    )
    overlap = models.PositiveSmallIntegerField()
    priority = models.SmallIntegerField(default=0, help_text="Higher is served earlier.")
    policy_version = models.PositiveIntegerField(null=True, blank=True)
    num_judgements = models.PositiveSmallIntegerField(default=0, editable=False)
    rule = models.CharField(
        max_length=20, choices=Rule.choices, blank=True, default="", db_default="", help_text="Empty: by no rule."
    )
    propensity = models.FloatField(
        null=True, blank=True, help_text="How probable it was that just this would be asked about, 0 to 1."
    )
    random_propensity = models.FloatField(
        null=True, blank=True, help_text="How probable it would have been with everything chosen at random."
    )
    is_random = models.BooleanField(default=False, db_default=False, help_text="Of the share chosen at random.")
    left_queue = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it left the queue, untouched: it was out of date."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="item_overlap_at_least_1"),
            models.CheckConstraint(condition=Q(num_judgements__lte=F("overlap")), name="item_never_over_its_overlap"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="item_kind_known"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="item_purpose_known"),
            # Like every other pair to those who judge it.
            models.CheckConstraint(
                condition=~Q(purpose=Purpose.EVALUATION) | Q(kind=Kind.PAIR, policy_version__isnull=True),
                name="item_evaluation_is_a_pair_of_two_policies",
            ),
            models.CheckConstraint(condition=Q(rule__in=["", *Rule.values]), name="item_rule_known"),
            models.CheckConstraint(
                condition=Q(rule="", propensity__isnull=True, random_propensity__isnull=True, is_random=False)
                | ~Q(rule="")
                & Q(propensity__isnull=False, propensity__gt=0, propensity__lte=1)
                & Q(random_propensity__isnull=False, random_propensity__gt=0, random_propensity__lte=1),
                name="item_rule_with_its_propensity",
            ),
            models.CheckConstraint(
                condition=Q(left_queue__isnull=True) | Q(num_judgements=0), name="item_left_the_queue_unjudged"
            ),
        ]
        indexes = [
            models.Index(fields=["project"], condition=Q(left_queue__isnull=False), name="item_that_left_the_queue"),
            models.Index(fields=["project", "id"], condition=Q(purpose=Purpose.EVALUATION), name="item_of_evaluations"),
        ]

    def __str__(self) -> str:
        return f"item {self.pk}"


class ItemCompletion(models.Model):
    """One of the completions that an item asks about."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="entries")
    completion = models.ForeignKey(Completion, models.PROTECT, related_name="entries")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["item", "completion"], name="item_completion_once"),
            models.UniqueConstraint(fields=["item", "position"], name="item_position_once"),
        ]

    def __str__(self) -> str:
        return f"completion {self.completion_id} of item {self.item_id}"


class State(models.TextChoices):
    """Where one annotator's work on one item stands."""

    ACTIVE = "active", _("active")
    SUBMITTED = "submitted", _("submitted")
    SKIPPED = "skipped", _("skipped")


class Assignment(models.Model):
    """One annotator's work on one item: the order shown, the draft and the lease. It outlives the lease."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    lease_expires = models.DateTimeField()
    order = ArrayField(models.BigIntegerField(), help_text="Completion ids in the random order shown.")
    draft = models.JSONField(default=dict, blank=True)
    skip_reason = models.CharField(max_length=200, blank=True)
    guidelines_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="In force when the item was given to them last."
    )
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "annotator"], name="assignment_once_per_person"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="assignment_state_known"),
        ]
        indexes = [
            models.Index(fields=["annotator", "state", "-changed"], name="assignment_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"


class Slot(models.Model):
    """One of the n judgements that an item wants. Claimed with SKIP LOCKED, leased, and done exactly once."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="slots")
    project = models.ForeignKey(
        Project,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="slots",
        help_text="In whose queue it is; empty when it is for one annotator alone (services.known, prompt_changes).",
    )
    number = models.PositiveSmallIntegerField()
    priority = models.SmallIntegerField(default=0)
    assignment = models.OneToOneField(Assignment, models.SET_NULL, null=True, blank=True, related_name="slot")
    leased_until = models.DateTimeField(default=NEVER_LEASED)
    is_done = models.BooleanField(default=False)
    topics = topics_field("The prompt's, kept by services.topics as long as the slot is open.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="slot_number_once"),
            models.CheckConstraint(
                condition=Q(is_done=False) | Q(assignment__isnull=False), name="slot_done_by_somebody"
            ),
        ]
        indexes = [
            # The queue: by priority, then age; done slots are not in the index, so it stays short.
            models.Index(F("project"), F("priority").desc(), F("id"), condition=Q(is_done=False), name="slot_queue"),
            models.Index(fields=["item"], condition=Q(project__isnull=True, is_done=False), name="slot_in_no_queue"),
        ]

    def __str__(self) -> str:
        return f"slot {self.number} of item {self.item_id}"


class Passage(models.Model):
    """How far a member is through the queue of one priority, so that serving them does not begin at its front.

    No open slot of that priority before ``slot`` can be for them: they judged, skipped or wrote for its item, or opted
    out of its topics (when they change their mind, the passage is forgotten). What others hold is not passed, because
    it may come back. A slot that comes later has a higher id: slots of a project are made one transaction after the
    other (services.prompts).
    """

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="passages")
    priority = models.SmallIntegerField()
    slot = models.BigIntegerField(help_text="The id of the first slot that may be for them.")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["membership", "priority"], name="passage_once")]

    def __str__(self) -> str:
        return f"from slot {self.slot} on"
