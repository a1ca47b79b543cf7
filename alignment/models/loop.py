"""How the loop of a project runs by itself."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from alignment.models.asking import ASKING_CONSTRAINTS, AskingFields


class Method(models.TextChoices):
    """What a run trains with."""

    SFT = "sft", _("supervised fine-tuning")
    REWARD_MODEL = "rm", _("reward model")
    PREFERENCE_MODEL = "pm", _("preference model")
    DPO = "dpo", _("DPO")
    CDPO = "cdpo", _("conservative DPO")
    ROBUST = "robust", _("robust DPO")
    IPO = "ipo", _("IPO")
    HINGE = "hinge", _("SLiC (hinge)")
    KTO = "kto", _("KTO")
    SIMPO = "simpo", _("SimPO")
    ORPO = "orpo", _("ORPO")
    TIE_DPO = "tie_dpo", _("DPO with ties (Davidson)")
    TIE_DPO_RK = "tie_dpo_rk", _("DPO with ties (Rao-Kupper)")
    LISTWISE = "listwise", _("listwise DPO (Plackett-Luce)")
    BEST_OF = "best_of", _("best-of-B DPO (picks)")
    APO_ZERO = "apo_zero", _("APO-zero")
    SPPO_HARD = "sppo_hard", _("SPPO (hard)")
    PPO = "ppo", _("PPO")
    REINFORCE = "reinforce", _("REINFORCE (leave one out)")
    GRPO = "grpo", _("GRPO")
    NASH_MD = "nash_md", _("Nash-MD")
    BEST_OF_N = "best_of_n", _("best-of-n fine-tuning")


POLICY_METHODS = tuple(method for method in Method if method not in (Method.REWARD_MODEL, Method.PREFERENCE_MODEL))
"""Those that end with a new policy version."""


class Preset(models.TextChoices):
    """Where the settings of a run start from."""

    SMALL = "small", _("small (a model of some million parameters on a processor)")
    LARGE = "large", _("large (a language model on an accelerator)")


class Start(models.TextChoices):
    """The weights that policy training starts from; the reference policy is always the base."""

    BASE = "base", _("the base model")
    SFT = "sft", _("the base model, fine-tuned on the demonstrations")
    PARENT = "parent", _("the served policy")


class Features(models.TextChoices):
    """What the heads of a reward model read."""

    TRAINED = "trained", _("states of an adapter that learns with them")
    FROZEN = "frozen", _("states of the base model: for few judgements, in seconds")


MOST_MINUTES = 7 * 24 * 60


class LoopSettings(AskingFields):
    """How the loop of a project runs by itself."""

    project = models.OneToOneField("labeling.Project", models.CASCADE, related_name="+", primary_key=True)
    enabled = models.BooleanField(default=True, help_text=_("Whether anything starts by itself."))
    refresh_enabled = models.BooleanField(
        default=True, db_default=True, help_text=_("Whether the reward model is refreshed by itself.")
    )
    policy_enabled = models.BooleanField(
        default=True, db_default=True, help_text=_("Whether a policy is trained by itself.")
    )
    promotion_enabled = models.BooleanField(
        default=True, db_default=True, help_text=_("Whether a version that passes the gate serves by itself.")
    )
    judgements_per_refresh = models.PositiveIntegerField(
        default=50,
        validators=[MinValueValidator(1)],
        help_text=_("The reward model is refreshed after so many new judgements; 32 to 64 are usual."),
    )
    refreshes_per_policy = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("A policy is trained after so many refreshes of the reward model; 1 or 2 are usual."),
    )
    minutes_between_runs = models.PositiveIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_MINUTES)],
        help_text=_("So many minutes at least lie between the starts of two refreshes, and of two policy runs."),
    )
    minutes_at_most = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MINUTES)],
        help_text=_("A judgement waits for a refresh so many minutes at most, however few there are. Empty: no limit."),
    )
    method = models.CharField(
        max_length=10,
        choices=[(method.value, method.label) for method in POLICY_METHODS],
        default=Method.DPO,
    )
    start = models.CharField(
        max_length=10, choices=Start.choices, default=Start.BASE, help_text=_("What policy training starts from.")
    )
    features = models.CharField(
        max_length=10,
        choices=Features.choices,
        default=Features.FROZEN,
        db_default=Features.TRAINED,  # what projects had before there was a choice
        help_text=_("What the heads of the reward model read. On the base's states, 32 heads or more tell best."),
    )
    members = models.PositiveSmallIntegerField(
        default=32,
        db_default=4,
        validators=[MinValueValidator(1), MaxValueValidator(64)],
        help_text=_("Heads of the reward model on shared features; where they differ, the reward is a guess."),
    )
    pessimism = models.FloatField(
        default=1.0,
        db_default=1.0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Lambda: a policy learns from the mean of the heads less so many of their standard deviations."),
    )
    kl_budget = models.FloatField(
        null=True,
        blank=True,
        default=20.0,
        db_default=20.0,
        validators=[MinValueValidator(0.01), MaxValueValidator(10_000)],
        help_text=_(
            "Nats that a policy may be from the reference with 1,000 judgements; "
            "it grows with the root of their number. Empty: no limit."
        ),
    )
    keep_policies = models.PositiveSmallIntegerField(
        default=10,
        db_default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("The files of so many of the newest versions and reward models are kept, and what else is needed."),
    )
    preset = models.CharField(max_length=10, choices=Preset.choices, default=Preset.SMALL)
    beta = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0.0001), MaxValueValidator(100)],
        help_text=_("KL strength: smaller lets the policy go further from the reference."),
    )
    prompts_per_round = models.PositiveIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text=_("For so many prompts a new policy version writes completions."),
    )
    temperature = models.FloatField(
        default=1.0, validators=[MinValueValidator(0.01), MaxValueValidator(10)], help_text=_("Of sampling.")
    )
    max_new_tokens = models.PositiveIntegerField(
        default=64,
        validators=[MinValueValidator(1), MaxValueValidator(32_768)],
        help_text=_("Tokens that a completion may have."),
    )
    seed = models.PositiveBigIntegerField(default=0, help_text=_("Of everything that is drawn by chance."))

    class Meta:
        verbose_name_plural = "loop settings"
        constraints = [
            models.CheckConstraint(condition=Q(judgements_per_refresh__gte=1), name="loop_judgements_at_least_1"),
            models.CheckConstraint(condition=Q(method__in=POLICY_METHODS), name="loop_method_trains_a_policy"),
            models.CheckConstraint(condition=Q(start__in=Start.values), name="loop_start_known"),
            models.CheckConstraint(condition=Q(refreshes_per_policy__range=(1, 100)), name="loop_refreshes_1_to_100"),
            models.CheckConstraint(
                condition=Q(minutes_at_most__isnull=True)
                | Q(minutes_at_most__gte=1) & Q(minutes_at_most__gte=F("minutes_between_runs")),
                name="loop_waits_no_longer_than_it_must",
            ),
            models.CheckConstraint(condition=~Q(start=Start.SFT) | ~Q(method=Method.SFT), name="loop_sft_once"),
            models.CheckConstraint(condition=Q(features__in=Features.values), name="loop_features_known"),
            models.CheckConstraint(condition=Q(members__range=(1, 64)), name="loop_members_1_to_64"),
            models.CheckConstraint(
                condition=Q(pessimism=0) | Q(pessimism__gt=0, members__gte=2), name="loop_pessimism_needs_members"
            ),
            models.CheckConstraint(
                condition=Q(kl_budget__isnull=True) | Q(kl_budget__gt=0), name="loop_kl_budget_above_0"
            ),
            models.CheckConstraint(condition=Q(keep_policies__gte=1), name="loop_keeps_at_least_1"),
            models.CheckConstraint(condition=Q(preset__in=Preset.values), name="loop_preset_known"),
            models.CheckConstraint(condition=Q(beta__gt=0), name="loop_beta_above_0"),
            models.CheckConstraint(condition=Q(prompts_per_round__gte=1), name="loop_prompts_at_least_1"),
            models.CheckConstraint(condition=Q(temperature__gt=0), name="loop_temperature_above_0"),
            models.CheckConstraint(condition=Q(max_new_tokens__gte=1), name="loop_tokens_at_least_1"),
            *ASKING_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return f"loop settings of project {self.project_id}"
