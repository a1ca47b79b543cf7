"""Conversations: what was said at each turn, what was offered for it, and what carried on."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labeling.models.assignments import Assignment
from labeling.models.keys import KEY
from labeling.models.projects import Project
from labeling.models.prompts import Completion, Prompt

TURN_SOURCE = "conversation"
"""The source of prompts that turns made."""


class TurnState(models.TextChoices):
    """Where a turn stands."""

    WAITING = "waiting", "the completions are still to be written"
    OFFERED = "offered", "the completions are there to be ranked"
    SETTLED = "settled", "one of them carries the conversation on"


class Turn(models.Model):
    """One turn of the conversation that an assignment is: what the user said makes a prompt, and what is written for it
    is ranked.

    ``client_id`` came with what the user said, ``settled_id`` with the ranking: sending either again is harmless.
    """

    assignment = models.ForeignKey(Assignment, models.PROTECT, related_name="turns")
    number = models.PositiveSmallIntegerField()
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="turns", help_text="All messages so far.")
    client_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, choices=TurnState.choices, default=TurnState.WAITING)
    asked = models.DateTimeField(default=timezone.now, help_text="When the worker was asked last.")
    error = models.TextField(blank=True, help_text="Why nothing could be written.")
    order = ArrayField(models.BigIntegerField(), default=list, help_text="Completion ids in the random order shown.")
    carried = models.ForeignKey(
        Completion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What carries the conversation on.",
    )
    settled_id = models.UUIDField(null=True, blank=True, unique=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["assignment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "number"], name="turn_number_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=~Q(state=TurnState.SETTLED), name="turn_one_is_open"
            ),
            models.CheckConstraint(condition=Q(number__range=(1, 20)), name="turn_number_1_to_20"),
            models.CheckConstraint(
                condition=Q(state=TurnState.WAITING, order__len=0, carried__isnull=True, settled_id__isnull=True)
                | Q(state=TurnState.OFFERED, order__len__range=(1, 9), carried__isnull=True, settled_id__isnull=True)
                | Q(state=TurnState.SETTLED, carried__isnull=False, settled_id__isnull=False),
                name="turn_has_what_its_state_says",
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of assignment {self.assignment_id}"


class ImportedConversation(models.Model):
    """A conversation that was held elsewhere, as its file told it: exports repeat it. It never changes.

    ``key`` names it wherever it goes, ``rankings`` the judgements of its turns, which come in a file of their own.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="imported_conversations", db_index=False)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="+", help_text="What it was begun with.")
    key = models.CharField(max_length=16)
    prompt_key = models.CharField(max_length=16, help_text="What its prompt was called.")
    topic = models.TextField(blank=True, help_text="What it was to be about, when that was not said first.")
    messages = models.JSONField(help_text="All that was said and carried on.")
    turns = models.PositiveSmallIntegerField(help_text="How many of them were judged.")
    rankings = ArrayField(models.CharField(max_length=16), default=list)
    is_finished = models.BooleanField(null=True)
    annotator = models.CharField(max_length=100, blank=True, help_text="The pseudonym of who held it.")
    newest_label = models.BigIntegerField(help_text="Of the project, when this came: exports up to one before lack it.")
    created = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="imported_conversation_once"),
            models.CheckConstraint(
                condition=Q(key__regex=KEY) & Q(prompt_key__regex=KEY), name="imported_conversation_keys_are_ones"
            ),
            models.CheckConstraint(condition=Q(messages__1__isnull=False), name="imported_conversation_has_messages"),
        ]
        indexes = [models.Index(fields=["project", "id"], name="imported_conversation_order")]

    def __str__(self) -> str:
        return f"conversation {self.key}"
