"""What annotators go by: versions that are written once and never changed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.projects import Project


class Guidelines(models.Model):
    """One version of a project's guidelines; ``Project.guidelines_version`` names the one in force.

    The database refuses to change a version, and a version in force that does not exist (migration 0005).
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines_versions")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True, help_text="Markdown.")
    change = models.CharField(max_length=300, blank=True, help_text="What changed, in a sentence.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "guidelines"
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="guidelines_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="guidelines_version_from_1"),
        ]

    def __str__(self) -> str:
        return f"guidelines {self.version} of {self.project_id}"
