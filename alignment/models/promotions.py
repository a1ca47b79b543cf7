"""What decides whether a version serves: the gate's settings, what was asked for a candidate, and what came of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from alignment.models.policies import Policy, RewardModel
from alignment.models.runs import DIGEST


class PromotionState(models.TextChoices):
    """Where a candidate stands."""

    WAITING = "waiting", _("waits")
    ASKING = "asking", _("people are asked")
    PROMOTED = "promoted", _("promoted")
    REJECTED = "rejected", _("not promoted")
    VETOED = "vetoed", _("vetoed")
    SUPERSEDED = "superseded", _("superseded")
    ROLLED_BACK = "rolled_back", _("rolled back")


OPEN_PROMOTIONS = (PromotionState.WAITING, PromotionState.ASKING)
SERVED_PROMOTIONS = (PromotionState.PROMOTED, PromotionState.ROLLED_BACK)


class Cause(models.TextChoices):
    """Why a promotion ended as it did."""

    PROOF = "proof", _("people prefer it, and all guards passed")
    PERSON = "person", _("somebody decided it")
    WORSE = "worse", _("people prefer the served version")
    FUTILE = "futile", _("as many pairs as the gate may ask for showed no difference")
    GUARD = "guard", _("a guard refused it")
    IDENTICAL = "identical", _("it is identical to the served version, so nobody was asked")
    NEWER = "newer", _("a newer version took its place")
    SERVED = "served", _("another version began to serve meanwhile")
    WATCH = "watch", _("people prefer the version before it")


def _share(default: float, low: float, high: float, said: Any) -> Any:
    return models.FloatField(
        default=default, validators=[MinValueValidator(low), MaxValueValidator(high)], help_text=said
    )


class GateSettings(models.Model):
    """What a candidate has to show before it serves, project by project."""

    project = models.OneToOneField("labeling.Project", models.CASCADE, related_name="+", primary_key=True)
    alpha = _share(
        0.05, 1e-6, 0.25, _("Chance that a candidate that is no better is promoted, however often one looks.")
    )
    most_pairs = models.PositiveIntegerField(
        default=200,
        validators=[MinValueValidator(10), MaxValueValidator(100_000)],
        help_text=_("Pairs after which a candidate that is not shown to be better is given up."),
    )
    share = _share(
        0.3,
        0.05,
        0.9,
        _("Of the judgements, so many at most are asked for the gate; all others teach the reward model."),
    )
    watch_pairs = models.PositiveIntegerField(
        default=100,
        validators=[MaxValueValidator(100_000)],
        help_text=_("So long a promoted version is compared with the one before it. 0: not at all."),
    )
    watch_share = _share(0.1, 0.01, 0.5, _("Of the judgements, so many at most are asked for that."))
    second_share = models.PositiveSmallIntegerField(
        default=20,
        validators=[MaxValueValidator(50)],
        help_text=_("Per cent of the training prompts whose judgements only the second reward model learns from."),
    )
    least_judgements = models.PositiveIntegerField(
        default=8,
        validators=[MinValueValidator(2), MaxValueValidator(100_000)],
        help_text=_("With fewer judgements a guard says that it cannot say anything."),
    )
    hold_unknown = models.BooleanField(
        default=True, help_text=_("A guard that cannot say anything yet holds the promotion until a person decides.")
    )
    win_rate = _share(
        0.5, 0.01, 0.99, _("The second reward model refuses what it is sure to win less often than this.")
    )
    most_kl = _share(
        20.0, 0.01, 10_000, _("Nats per completion from the base model, with 500 judgements or more; with fewer, less.")
    )
    length_ratio = _share(1.5, 1.01, 100, _("So many times longer, or shorter, its completions may be on average."))
    eos_drop = _share(0.2, 0, 1, _("By so much the share of completions that end by themselves may fall."))
    repetition_rise = _share(0.15, 0, 1, _("By so much the share of repeated word groups may rise."))
    deviation_ratio = _share(
        1.15, 1, 100, _("The heads of the reward model may disagree so many times more than on judged completions.")
    )
    flag_rise = _share(0.0, 0, 1, _("By so much the share of completions with a flag may be sure to be higher."))
    regression_tag = models.CharField(
        max_length=60, default="regression", help_text=_("Prompts with this tag are the regression set.")
    )
    regression_margin = _share(1.0, 0, 100, _("A prompt is lost when its reward falls by more nats than this."))
    regression_lost = _share(0.1, 0, 1, _("So large a share of the regression set may be lost."))

    class Meta:
        verbose_name_plural = "gate settings"
        constraints = [
            models.CheckConstraint(condition=Q(alpha__gt=0, alpha__lt=0.5), name="gate_alpha_is_an_error"),
            models.CheckConstraint(condition=Q(most_pairs__gte=10), name="gate_asks_10_at_least"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lt=1), name="gate_share_leaves_some"),
            models.CheckConstraint(condition=Q(watch_share__gt=0, watch_share__lt=1), name="gate_watch_leaves_some"),
            models.CheckConstraint(condition=Q(second_share__lte=50), name="gate_second_share_at_most_half"),
        ]

    def __str__(self) -> str:
        return f"gate of project {self.project_id}"


class SecondRewardModel(models.Model):
    """A reward model of the judgements that the one beside it did not see; it guards what that one taught."""

    reward_model = models.OneToOneField(RewardModel, models.CASCADE, related_name="second", primary_key=True)
    path = models.CharField(max_length=300, help_text="Folder, relative to DATA_DIR.")
    digest = models.CharField(max_length=64)
    num_judgements = models.PositiveIntegerField()
    accuracy = models.FloatField(null=True, blank=True, help_text="On held-out comparisons; ties count half.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(digest__regex=DIGEST), name="second_reward_model_digest_is_sha256"),
            models.CheckConstraint(
                condition=Q(accuracy__isnull=True) | Q(accuracy__range=(0, 1)), name="second_accuracy_0_to_1"
            ),
        ]

    def __str__(self) -> str:
        return f"second model beside {self.reward_model_id}"


class Promotion(models.Model):
    """A candidate at the gate, and what came of it.

    ``evidence`` and ``watched`` are what people said before and after it was promoted, as counted last: wins, losses,
    ties. ``guards`` is what each guard found. alpha and the number of pairs are those of its beginning: they must not
    change while people judge.
    """

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="+")
    candidate = models.ForeignKey(Policy, models.CASCADE, related_name="promotions")
    against = models.ForeignKey(Policy, models.CASCADE, related_name="+", help_text="The version that served.")
    state = models.CharField(max_length=12, choices=PromotionState.choices, default=PromotionState.WAITING)
    cause = models.CharField(max_length=10, choices=Cause.choices, blank=True)
    reason = models.TextField(blank=True, help_text="What a person gave as the reason.")
    alpha = models.FloatField()
    most_pairs = models.PositiveIntegerField()
    seed = models.PositiveBigIntegerField(help_text="Of the prompts and completions that people are asked about.")
    evidence = models.JSONField(default=dict, blank=True)
    guards = models.JSONField(default=list, blank=True)
    watched = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, help_text="Why nobody can be asked.")
    began = models.PositiveBigIntegerField(
        default=0, help_text="The newest judgement when asking began; the share is counted from there."
    )
    began_item = models.PositiveBigIntegerField(
        default=0, help_text="The newest item then; of those chosen at random, the later ones are counted, too."
    )
    created = models.DateTimeField(auto_now_add=True)
    decided = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Empty: the gate."
    )
    ended = models.DateTimeField(null=True, blank=True, help_text="When it was rolled back.")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state=PromotionState.ASKING), name="promotion_one_asks"
            ),
            models.UniqueConstraint(
                fields=["candidate"], condition=Q(state__in=OPEN_PROMOTIONS), name="promotion_one_of_a_candidate"
            ),
            models.CheckConstraint(condition=~Q(candidate=F("against")), name="promotion_of_two"),
            models.CheckConstraint(condition=Q(state__in=PromotionState.values), name="promotion_state_known"),
            models.CheckConstraint(condition=Q(cause="") | Q(cause__in=Cause.values), name="promotion_cause_known"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_PROMOTIONS, decided__isnull=True, cause="")
                | ~Q(state__in=OPEN_PROMOTIONS) & Q(decided__isnull=False) & ~Q(cause=""),
                name="promotion_decided_says_why",
            ),
            models.CheckConstraint(condition=Q(alpha__gt=0, alpha__lt=0.5), name="promotion_alpha_is_an_error"),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="promotion_by_project")]

    def __str__(self) -> str:
        return f"{self.candidate} against {self.against} at the gate"

    @property
    def is_open(self) -> bool:
        """Whether it waits or people are asked."""
        return self.state in OPEN_PROMOTIONS


class GatePair(models.Model):
    """A pair that people are asked about for a promotion; where both wrote the same, it is a tie that nobody sees."""

    promotion = models.ForeignKey(Promotion, models.CASCADE, related_name="pairs")
    item = models.OneToOneField("labeling.Item", models.CASCADE, related_name="+")
    is_watch = models.BooleanField(help_text="Whether it was asked after the promotion.")
    is_same = models.BooleanField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["promotion", "is_watch"], name="gate_pair_of_promotion")]

    def __str__(self) -> str:
        return f"pair {self.pk} of promotion {self.promotion_id}"
