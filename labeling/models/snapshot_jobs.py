"""Snapshots that are being taken: asked for by page or API, made by the importer when there are many labels."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.imports import ImportState
from labeling.models.projects import Project
from labeling.models.snapshots import Snapshot


class SnapshotJob(models.Model):
    """A snapshot that somebody waits for. Until it is finished there is none; then it never changes.

    ``refused`` is a matter of what was asked for (the name is taken, no label is left), ``failed`` is not.
    """

    OPEN = (ImportState.WAITING, ImportState.RUNNING)

    project = models.ForeignKey(Project, models.CASCADE, related_name="snapshot_jobs", db_index=False)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=60)
    filters = models.JSONField(default=dict, help_text="As selectors.selection writes them.")
    up_to = models.BigIntegerField(null=True, help_text="The last label to keep; empty: the newest when it is taken.")
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.WAITING)
    labels = models.PositiveBigIntegerField(default=0, help_text="How many there are to keep.")
    labels_done = models.PositiveBigIntegerField(default=0, help_text="How many of them are read for the digest.")
    error = models.TextField(blank=True, help_text="Why there is none.")
    cancel_asked = models.BooleanField(default=False)
    snapshot = models.OneToOneField(Snapshot, models.CASCADE, null=True, related_name="job")
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="snapshot_job_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], ended__isnull=True)
                | ~Q(state__in=["waiting", "running"]) & Q(ended__isnull=False),
                name="snapshot_job_ended_or_open",
            ),
            models.CheckConstraint(
                condition=Q(state="finished", snapshot__isnull=False) | ~Q(state="finished") & Q(snapshot__isnull=True),
                name="snapshot_job_finished_with_one",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="snapshot_job_by_project"),
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="snapshot_job_open"),
        ]

    def __str__(self) -> str:
        return f"job of snapshot {self.name}"
