"""Runs and what they report."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alignment.loop import reason_shown
from alignment.models.loop import Method

DIGEST = r"^[0-9a-f]{64}$"


class RunState(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    FINISHED = "finished", _("finished")
    FAILED = "failed", _("failed")
    STOPPED = "stopped", _("stopped")


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)


class Stage(models.TextChoices):
    """What a run does, in this order; a method leaves out what it doesn't need."""

    SNAPSHOT = "snapshot", _("snapshot")
    REWARD_MODEL = "reward_model", _("reward model")
    PREFERENCE_MODEL = "preference_model", _("preference model")
    DEMONSTRATIONS = "demonstrations", _("demonstrations")
    POLICY = "policy", _("policy")
    EVALUATION = "evaluation", _("evaluation")
    SAMPLING = "sampling", _("sampling")


class Trigger(models.TextChoices):
    """Who started a run."""

    LOOP = "loop", _("the loop")
    PERSON = "person", _("a person")
    COMMAND = "command", _("a command")


class Run(models.Model):
    """One training run. Config, snapshot digest, code version, seed and parent give the same weights on a CPU.

    ``attempts`` counts how often a worker took it; a worker that lost it to another can't write to it any more.
    ``results`` holds what each finished stage found, so that none is done twice.
    """

    project = models.ForeignKey("labeling.Project", models.CASCADE, related_name="+")
    method = models.CharField(max_length=10, choices=Method.choices)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.QUEUED)
    stage = models.CharField(max_length=20, choices=Stage.choices, blank=True)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    reason = models.CharField(max_length=300, blank=True)
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    parent = models.ForeignKey("Policy", models.RESTRICT, null=True, blank=True, related_name="children")
    rewarded_by = models.ForeignKey(
        "RewardModel",
        models.RESTRICT,
        null=True,
        blank=True,
        related_name="rewarded_runs",
        help_text="The reward model that its policy learned from and was compared by, its own or the current one.",
    )
    repeats = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="repetitions", help_text="The run it does again."
    )
    config = models.JSONField()
    seed = models.PositiveBigIntegerField(default=0)
    code_version = models.CharField(max_length=100)
    snapshot_last = models.PositiveBigIntegerField(default=0, help_text="The newest judgement that the run knows of.")
    snapshot_digest = models.CharField(max_length=64, blank=True)
    snapshot_counts = models.JSONField(default=dict, blank=True)
    results = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    stop_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True, help_text="One sentence; the traceback is in `traceback`.")
    traceback = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    removed = models.DateTimeField(null=True, blank=True, help_text="When its checkpoints were collected.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(method__in=Method.values), name="run_method_known"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="run_trigger_known"),
            models.CheckConstraint(condition=Q(stage="") | Q(stage__in=Stage.values), name="run_stage_known"),
            models.CheckConstraint(
                condition=Q(finished__isnull=True, state__in=OPEN_STATES)
                | Q(finished__isnull=False) & ~Q(state__in=OPEN_STATES),
                name="run_ended_when_finished",
            ),
            models.CheckConstraint(condition=~Q(state=RunState.FAILED) | ~Q(error=""), name="run_failed_says_why"),
            models.CheckConstraint(
                condition=Q(snapshot_digest="") | Q(snapshot_digest__regex=DIGEST), name="run_snapshot_is_sha256"
            ),
            # Two triggers at once must not start two runs of one clock.
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state__in=OPEN_STATES, trigger=Trigger.LOOP, method=Method.REWARD_MODEL),
                name="run_one_refresh_of_the_loop",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state__in=OPEN_STATES, trigger=Trigger.LOOP) & ~Q(method=Method.REWARD_MODEL),
                name="run_one_policy_of_the_loop",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="run_by_project")]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def reason_shown(self) -> str:
        """Why it was started, in the language of who reads."""
        return reason_shown(self.reason)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN_STATES


class Metric(models.Model):
    """What a stage reported at a step. A resumed run writes a step again, never twice."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="metrics")
    stage = models.CharField(max_length=20, choices=Stage.choices)
    step = models.PositiveIntegerField()
    values = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "stage", "step"], name="metric_once_per_step"),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="metric_stage_known"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} step {self.step} of run {self.run_id}"
