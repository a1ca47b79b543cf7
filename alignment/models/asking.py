"""What people are asked about next: which versions write, and by which rule of what they wrote is chosen."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling import exchange


class AskingFields(models.Model):
    """The part of the loop's settings that alignment.asking follows."""

    rule = models.CharField(
        max_length=20,
        choices=exchange.Rule.choices,
        default=exchange.Rule.BAI_TS,
        db_default=exchange.Rule.BAI_TS,
        help_text=_(
            "How the prompts and completions that people see are chosen among those that were written. "
            "Until there is a reward model with two or more members, they are chosen at random."
        ),
    )
    random_share = models.FloatField(
        default=0.2,
        db_default=0.2,
        validators=[MinValueValidator(0.05), MaxValueValidator(1)],
        help_text=_(
            "Of the items, 0.05 to 1: chosen at random, prompt and completions, whatever the rule. "
            "What is measured on judgements stays unbiased by it."
        ),
    )
    candidates = models.PositiveSmallIntegerField(
        default=8,
        db_default=8,
        validators=[MinValueValidator(2), MaxValueValidator(64)],
        help_text=_("So many completions are written for a prompt; those that an item shows are chosen among them."),
    )
    prompts_considered = models.PositiveSmallIntegerField(
        default=2,
        db_default=2,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_(
            "For so many prompts is written for each one that is asked about. "
            "1: all that is written for is asked about."
        ),
    )
    past_versions = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MaxValueValidator(5)],
        help_text=_("So many versions that served before write beside the served one: what was unlearned shows."),
    )
    newest_writes = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("The newest version writes for the queue too while nobody has decided whether it shall serve."),
    )
    sft_writes = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("The version that was fine-tuned on demonstrations, or else the base model, writes too."),
    )
    stale_after = models.PositiveSmallIntegerField(
        default=2,
        db_default=2,
        validators=[MaxValueValidator(100)],
        help_text=_(
            "Items leave the queue untouched when all that wrote for them have stopped and so many versions were "
            "promoted since. 0: never."
        ),
    )

    class Meta:
        abstract = True


ASKING_FIELDS = tuple(field.name for field in AskingFields._meta.local_fields)

ASKING_CONSTRAINTS = [
    models.CheckConstraint(condition=Q(rule__in=exchange.Rule.values), name="loop_rule_known"),
    models.CheckConstraint(condition=Q(random_share__gt=0, random_share__lte=1), name="loop_random_share_above_0"),
    models.CheckConstraint(condition=Q(candidates__range=(2, 64)), name="loop_candidates_2_to_64"),
    models.CheckConstraint(condition=Q(prompts_considered__range=(1, 20)), name="loop_considered_1_to_20"),
]
