"""What came of a file that somebody brought: an import, from its upload to its report."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeling.models.projects import Project
from labeling.models.tags import MAX_TAG_CHARACTERS


class ImportState(models.TextChoices):
    """Where an import stands. Only a finished one has changed anything."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    FINISHED = "finished", _("finished")
    REFUSED = "refused", _("refused")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")


class Import(models.Model):
    """A file into a project, in one transaction. The counts of one that runs are how far it is.

    ``refused`` is the file's fault (bad rows, broken gzip), ``failed`` is not (the disk was full).
    """

    OPEN = (ImportState.WAITING, ImportState.RUNNING)

    project = models.ForeignKey(Project, models.CASCADE, related_name="imports", db_index=False)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.WAITING)
    file_name = models.CharField(max_length=200)
    file_format = models.CharField(max_length=20, help_text="What a row means.")
    kind = models.CharField(max_length=10, help_text="How the file is written.")
    keep_good = models.BooleanField(default=False, help_text="The good rows are kept although others are bad.")
    tags = ArrayField(models.CharField(max_length=MAX_TAG_CHARACTERS), default=list, help_text="Given to every prompt.")
    num_bytes = models.BigIntegerField(default=0, help_text="Of the file as it came.")
    bytes_read = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file, once it was read to its end.")
    rows = models.PositiveBigIntegerField(default=0)
    num_rejected = models.PositiveBigIntegerField(default=0)
    prompts = models.PositiveBigIntegerField(default=0, help_text="New ones, like items and labels.")
    items = models.PositiveBigIntegerField(default=0)
    labels = models.PositiveBigIntegerField(default=0)
    conversations = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Held elsewhere, new ones.")
    repeated = models.PositiveBigIntegerField(default=0, help_text="Rows that were there already.")
    held_out = models.PositiveBigIntegerField(default=0, help_text="Rows of held-out prompts.")
    turns_left_out = models.PositiveBigIntegerField(default=0)
    ignored_columns = ArrayField(models.TextField(), default=list)
    error = models.TextField(blank=True, help_text="Why nothing was imported.")
    cancel_asked = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], ended__isnull=True)
                | ~Q(state__in=["waiting", "running"]) & Q(ended__isnull=False),
                name="import_ended_or_open",
            ),
            models.CheckConstraint(condition=Q(num_rejected__lte=models.F("rows")), name="import_rejects_its_rows"),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="import_by_project"),
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="import_open"),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} of {self.file_name}"


class RejectedRow(models.Model):
    """A row that was not taken in, and why."""

    imported = models.ForeignKey(Import, models.CASCADE, related_name="rejected_rows", db_index=False)
    line = models.PositiveBigIntegerField(help_text="From 1; of a Parquet file the row.")
    reason = models.TextField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["imported", "id"], name="rejected_by_import")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
