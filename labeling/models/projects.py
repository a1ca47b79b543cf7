"""Projects: how judgements are asked for."""

from __future__ import annotations

import secrets

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling.models.flags import Question, check_asked, check_own_flags, default_flags, known_questions, own_questions
from labeling.models.kinds import Kind, Opening, Sides, default_kinds

MAX_DAILY = 10_000
SLUG = RegexValidator(r"^[a-z0-9][a-z0-9-]*$", _("Use lower-case letters, digits and hyphens."))


def new_key() -> str:
    """A secret of 256 bits, in hexadecimal."""
    return secrets.token_hex(32)


class Project(models.Model):
    """Prompts, people and labels that belong together, and how judgements are asked for."""

    slug = models.SlugField(
        unique=True,
        validators=[SLUG],
        help_text=_("The name in addresses: lower-case letters, digits and hyphens."),
    )
    name = models.CharField(max_length=200)
    guidelines_version = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text=_("The guidelines in force; none while it is empty.")
    )
    completions_per_item = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(2), MaxValueValidator(9)],
        help_text=_("K: how many completions are judged together (2 to 9)."),
    )
    overlap = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("How many people judge each new item (1 to 50)."),
    )
    shared_percent = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("Share of prompts whose new items more people judge, so that people can be compared (0 to 100 %)."),
    )
    shared_overlap = models.PositiveSmallIntegerField(
        default=3,
        db_default=3,
        validators=[MinValueValidator(2), MaxValueValidator(50)],
        help_text=_("How many people judge each of those (2 to 50); with 3 or more one can tell who is right."),
    )
    lease_minutes = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("How long an item is kept for the annotator who opened it, renewed while the page is in use."),
    )
    held_out_percent = models.PositiveSmallIntegerField(
        default=10,
        validators=[MaxValueValidator(50)],
        help_text=_("Share of prompts that is never trained on and by which every model is judged (0 to 50 %)."),
    )
    flags = ArrayField(
        models.CharField(max_length=40),
        default=default_flags,
        blank=True,
        help_text=_("The yes/no questions asked about each completion, in their order."),
    )
    own_flags = models.JSONField(
        default=list,
        blank=True,
        help_text='Flags beside the known ones: [{"code", "label", "key", "is_harmful"}, ...].',
    )
    kinds = ArrayField(
        models.CharField(max_length=20, choices=Kind.choices),
        default=default_kinds,
        help_text=_("What new items ask for; with several they take turns by prompt."),
    )
    conversation_turns = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("After so many turns of the user a conversation ends (1 to 20)."),
    )
    conversation_sides = models.CharField(
        max_length=10, choices=Sides.choices, default=Sides.USER, help_text=_("Who says what in a conversation.")
    )
    conversation_opening = models.CharField(
        max_length=10, choices=Opening.choices, default=Opening.PROMPT, help_text=_("What a conversation begins with.")
    )
    daily_limit = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_DAILY)],
        help_text=_("How many judgements each member may make in a day (UTC); empty: as many as they like."),
    )
    qualification_items = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("With how many items of known answers a new annotator begins; 0 for none."),
    )
    qualification_mark = models.PositiveSmallIntegerField(
        default=75,
        db_default=75,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("What has to be right of them: comparisons, picks and ratings within 1 (1 to 100 %)."),
    )
    qualification_tries = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("How often somebody may try, each time with other items (1 to 5)."),
    )
    qualification_feedback = models.BooleanField(
        default=False, db_default=False, help_text=_("Afterwards they see the known answers beside their own.")
    )
    tells_at_once = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("After each item of the qualification they see what was expected, before the next one."),
    )
    tells_later = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text=_(
            "After every so many of those mixed in they see how much was right, never which (5 to 100; 0: never)."
        ),
    )
    known_percent = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(50)],
        help_text=_("Share of items with known answers among those that an annotator is given later (0 to 50 %)."),
    )
    weighs_annotators = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Training counts each person's judgements by how reliable they are found to be."),
    )
    inverts_adversaries = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "Training turns around what people judged who are found to say the opposite, instead of leaving it out."
        ),
    )
    routes_away = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "Annotators whose judgements can't be used get items with known answers alone, until they do better."
        ),
    )
    review_below = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("Items are reviewed whose judges agree on fewer of the comparisons they share (in %; 0 for none)."),
    )
    reviews_harmful = models.BooleanField(
        default=False, db_default=False, help_text=_("Items are reviewed on which somebody raised a harmful flag.")
    )
    second_factor_roles = ArrayField(
        models.CharField(max_length=20),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Who has to have a second factor: without one, nobody of these roles gets in."),
    )
    is_paused = models.BooleanField(default=False, help_text=_("A paused project hands out no items."))
    is_archived = models.BooleanField(
        default=False, db_default=False, editable=False, help_text=_("Read-only, and hidden from lists.")
    )
    num_slots = models.PositiveIntegerField(default=0, editable=False, help_text=_("Judgements wanted by all items."))
    pseudonym_key = models.CharField(
        max_length=64,
        default=new_key,
        db_default="",
        editable=False,
        help_text="What pseudonyms are made with; empty where they were made without a secret (migration 0019).",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(completions_per_item__range=(2, 9)), name="project_k_2_to_9"),
            models.CheckConstraint(condition=Q(overlap__range=(1, 50)), name="project_overlap_1_to_50"),
            models.CheckConstraint(condition=Q(lease_minutes__range=(1, 1440)), name="project_lease_1_to_1440"),
            models.CheckConstraint(condition=Q(held_out_percent__lte=50), name="project_held_out_at_most_50"),
            models.CheckConstraint(condition=~Q(name=""), name="project_name_not_empty"),
            models.CheckConstraint(condition=Q(qualification_items__lte=100), name="project_qualification_to_100"),
            models.CheckConstraint(
                condition=Q(qualification_mark__range=(1, 100)), name="project_qualification_mark_1_to_100"
            ),
            models.CheckConstraint(condition=Q(qualification_tries__range=(1, 5)), name="project_tries_1_to_5"),
            models.CheckConstraint(condition=Q(known_percent__lte=50), name="project_known_at_most_50"),
            models.CheckConstraint(condition=Q(shared_percent__lte=100), name="project_shared_to_100"),
            models.CheckConstraint(condition=Q(shared_overlap__range=(2, 50)), name="project_shared_overlap_2_to_50"),
            models.CheckConstraint(
                condition=Q(tells_later=0) | Q(tells_later__range=(5, 100)), name="project_tells_later_from_5"
            ),
            models.CheckConstraint(condition=Q(review_below__lte=100), name="project_review_to_100"),
            models.CheckConstraint(
                condition=Q(daily_limit__range=(1, MAX_DAILY)), name="project_daily_limit_1_to_10000"
            ),
            # What hands items out asks for is_paused alone.
            models.CheckConstraint(
                condition=Q(is_archived=False) | Q(is_paused=True), name="project_archived_is_paused"
            ),
            models.CheckConstraint(condition=Q(conversation_turns__range=(1, 20)), name="project_turns_1_to_20"),
            models.CheckConstraint(condition=Q(conversation_sides__in=Sides.values), name="project_sides_known"),
            models.CheckConstraint(condition=Q(conversation_opening__in=Opening.values), name="project_opening_known"),
            models.CheckConstraint(
                condition=Q(second_factor_roles__contained_by=["annotator", "reviewer", "researcher", "admin"]),
                name="project_second_factor_roles_known",
            ),
            models.CheckConstraint(
                condition=Q(pseudonym_key="") | Q(pseudonym_key__regex="^[0-9a-f]{64}$"), name="project_key_is_one"
            ),
            models.CheckConstraint(
                condition=Q(kinds__len__gte=1) & Q(kinds__contained_by=Kind.values), name="project_kinds_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The flags fit together; the database holds the codes to it, too (project_flags_known)."""
        try:
            check_own_flags(self.own_flags)
            check_asked(self.flags, self.own_flags)
        except ValueError as error:
            raise ValidationError({"flags": str(error)}) from None

    @property
    def all_questions(self) -> dict[str, Question]:
        """Every flag that can be asked about, by code."""
        return known_questions() | own_questions(self.own_flags)

    @property
    def questions(self) -> list[Question]:
        """The flags that are asked about, in their order."""
        known = self.all_questions
        return [known[code] for code in self.flags]
