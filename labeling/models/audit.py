"""Who changed what in a project: written once, never changed, never taken back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.db.models.lookups import Regex
from django.utils.translation import gettext_lazy as _

from labeling.models.projects import Project

ACTIONS = {
    "project.made": _("made the project"),
    "project.settings": _("changed settings"),
    "project.archived": _("archived the project"),
    "project.restored": _("restored the project"),
    "project.cloned": _("began as another project is"),
    "project.pseudonyms": _("had pseudonyms made with a secret"),
    "items.overlap": _("changed the overlap of open items"),
    "guidelines.written": _("wrote guidelines"),
    "member.added": _("added somebody"),
    "member.changed": _("changed a member"),
    "member.joined": _("joined by a link"),
    "member.admitted": _("let somebody judge without a qualification"),
    "member.erased": _("deleted personal data"),
    "group.made": _("made a group"),
    "group.changed": _("changed a group"),
    "group.removed": _("removed a group"),
    "invitation.made": _("made an invitation"),
    "invitation.revoked": _("revoked an invitation"),
    "trust.decided": _("decided from figures how far somebody's judgements are used"),
    "trust.chosen": _("chose how far somebody's judgements are used"),
    "trust.released": _("left it to the figures how far somebody's judgements are used"),
    "known.added": _("added items with known answers"),
    "known.changed": _("changed an item with a known answer"),
    "review.dismissed": _("left an item as it was judged"),
    "loop.settings": _("changed the loop"),
    "policy.promoted": _("put a policy into service"),
    "policy.rejected": _("did not put a policy into service"),
    "policy.superseded": _("let a newer policy take the place of another"),
    "policy.vetoed": _("refused a policy"),
    "gate.settings": _("changed the gate"),
    "rewards.changed": _("made another reward model the current one"),
    "run.started": _("started a run"),
    "run.stopped": _("stopped a run"),
    "files.removed": _("collected files of old versions"),
    "prompt.topics": _("changed the topics of a prompt"),
    "prompts.changed": _("changed prompts"),
    "snapshot.taken": _("took a snapshot"),
}
"""What is recorded, by code: a page says the text, and services.audit refuses a code that has none."""


class AuditEntry(models.Model):
    """One change. ``person`` is whom it is about; names are looked up when it is read, so none is kept here.

    The database refuses to change an entry, and to delete one while its project is there (migration 0011).
    """

    project = models.ForeignKey(Project, models.DO_NOTHING, related_name="audit", db_constraint=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: a command or the loop.",
    )
    action = models.CharField(max_length=40)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    created = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        constraints = [
            models.CheckConstraint(
                condition=Q(Regex(models.F("action"), models.Value("^[a-z]+[.][a-z]+$"))), name="audit_action_is_a_code"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="audit_of_project")]

    def __str__(self) -> str:
        return f"{self.action} in {self.project_id}"
