"""What pages show of all judgements together, computed beside the work and kept."""

from __future__ import annotations

from django.db import models


class Standings(models.Model):
    """The leaderboard and the table of flags of a project, and how far the judgements went into them."""

    project = models.OneToOneField("labeling.Project", models.CASCADE, related_name="+", primary_key=True)
    label = models.BigIntegerField(help_text="The newest judgement when they were computed.")
    leaderboard = models.JSONField()
    flags = models.JSONField()
    seconds = models.FloatField(help_text="What computing them took.")
    computed = models.DateTimeField()

    class Meta:
        verbose_name_plural = "standings"

    def __str__(self) -> str:
        return f"standings of project {self.project_id} up to label {self.label}"
