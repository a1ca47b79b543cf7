"""How the loop of a project runs by itself."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


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
    PARENT = "parent", _("the served policy")


class LoopSettings(models.Model):
    """How the loop of a project runs by itself."""

    project = models.OneToOneField("labeling.Project", models.CASCADE, related_name="+", primary_key=True)
    enabled = models.BooleanField(default=True, help_text=_("Whether runs start by themselves."))
    judgements_per_run = models.PositiveIntegerField(
        default=50, validators=[MinValueValidator(1)], help_text=_("A run starts after so many new judgements.")
    )
    method = models.CharField(
        max_length=10,
        choices=[(method.value, method.label) for method in POLICY_METHODS],
        default=Method.DPO,
    )
    start = models.CharField(
        max_length=10, choices=Start.choices, default=Start.BASE, help_text=_("What policy training starts from.")
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
            models.CheckConstraint(condition=Q(judgements_per_run__gte=1), name="loop_judgements_at_least_1"),
            models.CheckConstraint(condition=Q(method__in=POLICY_METHODS), name="loop_method_trains_a_policy"),
            models.CheckConstraint(condition=Q(start__in=Start.values), name="loop_start_known"),
            models.CheckConstraint(condition=Q(preset__in=Preset.values), name="loop_preset_known"),
            models.CheckConstraint(condition=Q(beta__gt=0), name="loop_beta_above_0"),
            models.CheckConstraint(condition=Q(prompts_per_round__gte=1), name="loop_prompts_at_least_1"),
            models.CheckConstraint(condition=Q(temperature__gt=0), name="loop_temperature_above_0"),
            models.CheckConstraint(condition=Q(max_new_tokens__gte=1), name="loop_tokens_at_least_1"),
        ]

    def __str__(self) -> str:
        return f"loop settings of project {self.project_id}"
