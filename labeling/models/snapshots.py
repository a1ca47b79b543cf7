"""Named sets of labels that never change, and where exports of them can be taken up again."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from labeling.models.conversations import ImportedConversation
from labeling.models.labels import Label
from labeling.models.projects import Project
from labeling.models.topics import topics_field

SNAPSHOT_NAME = r"^[a-z0-9][a-z0-9._-]*$"


class Snapshot(models.Model):
    """The labels of a project that some filters chose at one moment, and what they held then.

    It is made in one transaction, which ends with its digest. From then on the database refuses every change of it and
    of its labels (migration 0013).
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="snapshots")
    name = models.CharField(
        max_length=60,
        validators=[RegexValidator(SNAPSHOT_NAME, _("Use lower-case letters, digits, dots, hyphens and underscores."))],
    )
    filters = models.JSONField(help_text="As selectors.selection writes them.")
    up_to = models.BigIntegerField(help_text="The id of the newest label when it was made.")
    digest = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="SHA-256 of the JSON lines of all views of whole judgements.",
    )
    manifest = models.JSONField(default=dict, help_text="Counts, and what each of those views holds.")
    has_keyed_names = models.BooleanField(
        default=True, db_default=True, help_text="Its people are called after the project's secret (selectors.labels)."
    )
    card = models.TextField(blank=True, db_default="", help_text="The dataset card, Markdown.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="snapshot_name_once"),
            models.CheckConstraint(condition=Q(name__regex=SNAPSHOT_NAME), name="snapshot_name_is_one"),
            models.CheckConstraint(
                condition=Q(digest="") | Q(digest__regex=r"^[0-9a-f]{64}$"), name="snapshot_digest_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def imported_conversations(self) -> int:
        """How many conversations of it were held elsewhere."""
        return int(self.manifest.get("imported_conversations", 0))  # not told of those taken before migration 0026


class SnapshotLabel(models.Model):
    """A label of a snapshot, with what may change about its prompt later as it was then."""

    pk = models.CompositePrimaryKey("snapshot", "label")
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="members", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    topics = topics_field("The prompt's.")
    tags = ArrayField(
        models.CharField(max_length=60), default=list, db_default=[], blank=True, help_text="The prompt's."
    )

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return f"label {self.label_id} of snapshot {self.snapshot_id}"


class SnapshotConversation(models.Model):
    """A conversation of a snapshot that came from elsewhere; those held here are there by their labels."""

    pk = models.CompositePrimaryKey("snapshot", "conversation")
    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="+", db_index=False)
    conversation = models.ForeignKey(ImportedConversation, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        ordering = ["conversation"]

    def __str__(self) -> str:
        return f"conversation {self.conversation_id} of snapshot {self.snapshot_id}"


class ExportMark(models.Model):
    """After which label a file of a snapshot has reached a length, so that a download that broke off goes on there."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="marks", db_index=False)
    key = models.CharField(max_length=64, help_text="SHA-256 of what the bytes depend on; the ETag.")
    position = models.BigIntegerField(help_text="Bytes before it.")
    after = models.BigIntegerField(help_text="The last thing before it, by id.")
    is_end = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, blank=True, db_default="", help_text="Of the whole file, at its end.")

    class Meta:
        ordering = ["key", "position"]
        constraints = [
            models.UniqueConstraint(fields=["key", "position"], name="export_mark_once"),
            models.UniqueConstraint(fields=["key"], condition=Q(is_end=True), name="export_ends_once"),
        ]

    def __str__(self) -> str:
        return f"byte {self.position} of {self.key[:12]}"
