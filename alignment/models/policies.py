"""What runs made: paths and digests, never weights."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext_lazy as _

from alignment.models.loop import Method
from alignment.models.runs import DIGEST, Run


class RewardModel(models.Model):
    """A reward model and how often it agrees with held-out judgements.

    The current one gives the rewards of policy training. A rollback makes an older one current again.
    """

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="1, 2, ... in a project.")
    is_current = models.BooleanField(default=False, db_default=False)
    run = models.OneToOneField(Run, models.CASCADE, related_name="reward_model")
    path = models.CharField(max_length=300, help_text="Folder, relative to DATA_DIR.")
    digest = models.CharField(max_length=64)
    base_digest = models.CharField(max_length=64)
    accuracy = models.FloatField(null=True, blank=True, help_text="Share of held-out comparisons; ties count half.")
    accuracy_low = models.FloatField(null=True, blank=True)
    accuracy_high = models.FloatField(null=True, blank=True)
    num_comparisons = models.PositiveIntegerField(default=0)
    num_prompts = models.PositiveIntegerField(default=0)
    members = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="Heads on shared features.")
    removed = models.DateTimeField(null=True, blank=True, help_text="When its files were collected.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="reward_model_number_once"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_current=True), name="reward_model_one_is_current"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="reward_model_number_from_1"),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(removed__isnull=True), name="reward_model_current_has_its_files"
            ),
            models.CheckConstraint(condition=Q(digest__regex=DIGEST), name="reward_model_digest_is_sha256"),
            models.CheckConstraint(
                condition=Q(accuracy__isnull=True) | Q(accuracy__range=(0, 1)), name="reward_model_accuracy_0_to_1"
            ),
            models.CheckConstraint(
                condition=Q(accuracy__isnull=True, accuracy_low__isnull=True, accuracy_high__isnull=True)
                | Q(accuracy_low__isnull=False, accuracy_high__isnull=False),
                name="reward_model_accuracy_has_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"reward model {self.number}"


class Policy(models.Model):
    """A policy version: an adapter on the base model. Version 1 is the base itself."""

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    parent = models.ForeignKey("self", models.RESTRICT, null=True, blank=True, related_name="descendants")
    run = models.OneToOneField(Run, models.RESTRICT, null=True, blank=True, related_name="policy")
    method = models.CharField(max_length=10, choices=Method.choices, blank=True)
    path = models.CharField(max_length=300, blank=True, help_text="Folder of the adapter, relative to DATA_DIR.")
    digest = models.CharField(max_length=64, blank=True)
    base_digest = models.CharField(max_length=64, blank=True, help_text="Empty until a worker first loads the base.")
    is_serving = models.BooleanField(default=False)
    promoted = models.DateTimeField(null=True, blank=True)
    removed = models.DateTimeField(null=True, blank=True, help_text="When its files were collected.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="policy_version_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(is_serving=True), name="policy_one_serves"),
            models.CheckConstraint(condition=Q(version__gte=1), name="policy_version_from_1"),
            models.CheckConstraint(
                condition=Q(is_serving=False) | Q(removed__isnull=True), name="policy_that_serves_has_its_files"
            ),
            models.CheckConstraint(
                condition=Q(version=1, run__isnull=True, path="")
                | Q(version__gt=1, run__isnull=False, parent__isnull=False, digest__regex=DIGEST) & ~Q(path=""),
                name="policy_knows_where_it_comes_from",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"

    @property
    def status(self) -> str:
        """``serving``, ``past`` (it was promoted before) or ``candidate``."""
        if self.is_serving:
            return "serving"
        return "candidate" if self.promoted is None else "past"


class Evaluation(models.Model):
    """A policy against another one on held-out prompts, by the reward model of its run."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="evaluations")
    against = models.ForeignKey(Policy, models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, models.CASCADE, related_name="evaluations")
    num_prompts = models.PositiveIntegerField()
    win_rate = models.FloatField(help_text="Share of prompts on which it has the higher reward; ties count half.")
    win_rate_low = models.FloatField()
    win_rate_high = models.FloatField()
    reward = models.FloatField(help_text="Mean, in nats.")
    reward_against = models.FloatField()
    kl = models.FloatField(null=True, blank=True, help_text="Nats per completion, to the reference policy.")
    length = models.FloatField(help_text="Mean tokens of a completion.")
    length_against = models.FloatField()
    eos_rate = models.FloatField(help_text="Share of completions that end by themselves.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "against", "run"], name="evaluation_once"),
            models.CheckConstraint(condition=Q(win_rate__range=(0, 1)), name="evaluation_win_rate_0_to_1"),
            models.CheckConstraint(condition=Q(eos_rate__range=(0, 1)), name="evaluation_eos_rate_0_to_1"),
            models.CheckConstraint(condition=Q(num_prompts__gte=1), name="evaluation_has_prompts"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} against {self.against}"


class BlindState(models.TextChoices):
    """Where a blind evaluation stands."""

    QUEUED = "queued", _("the completions are being written")
    ASKED = "asked", _("people are asked")
    FAILED = "failed", _("failed")


class BlindEvaluation(models.Model):
    """Somebody's wish to know from people which of two versions writes better, on held-out prompts.

    What people say is labeling's: alignment.blind_results reads it. ``seed`` is of the completions that are missing.
    """

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="+")
    policy = models.ForeignKey(Policy, models.CASCADE, related_name="blind_evaluations")
    against = models.ForeignKey(Policy, models.CASCADE, related_name="+")
    num_prompts = models.PositiveIntegerField(help_text="Wanted; there may be fewer held-out ones.")
    overlap = models.PositiveSmallIntegerField(help_text="How many people judge each pair.")
    seed = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=BlindState.choices, default=BlindState.QUEUED)
    error = models.TextField(blank=True)
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(policy=F("against")), name="blind_evaluation_of_two"),
            models.CheckConstraint(condition=Q(num_prompts__range=(1, 10_000)), name="blind_evaluation_has_prompts"),
            models.CheckConstraint(condition=Q(overlap__range=(1, 50)), name="blind_evaluation_overlap_1_to_50"),
            models.CheckConstraint(condition=Q(state__in=BlindState.values), name="blind_evaluation_state_known"),
            models.CheckConstraint(
                condition=Q(state=BlindState.FAILED) & ~Q(error="") | ~Q(state=BlindState.FAILED) & Q(error=""),
                name="blind_evaluation_failed_says_why",
            ),
            # Two clicks, or two admins, start one; whichever way round the versions are named.
            models.UniqueConstraint(
                Least("policy", "against"),
                Greatest("policy", "against"),
                condition=Q(state=BlindState.QUEUED),
                name="blind_evaluation_once_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="blind_evaluation_by_project")]

    def __str__(self) -> str:
        return f"{self.policy} against {self.against}, judged blindly"


class Sample(models.Model):
    """A completion that was written to look at or to evaluate, not to be judged."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="samples")
    prompt = models.ForeignKey("labeling.Prompt", models.CASCADE, related_name="+")
    text = models.TextField(blank=True)
    ended = models.BooleanField()
    logprob = models.FloatField(help_text="In nats, under the sampling distribution.")
    reward = models.FloatField(null=True, blank=True)
    run = models.ForeignKey(Run, models.CASCADE, null=True, blank=True, related_name="samples")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["prompt", "policy", "-id"], name="sample_by_prompt")]

    def __str__(self) -> str:
        return f"sample {self.pk}"
