"""What is known of an imported judgement from the place where it was made."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.keys import KEY
from labeling.models.labels import Label
from labeling.models.projects import Project


class Provenance(models.Model):
    """What the file of an imported judgement said that nothing here says: exports repeat it.

    ``key`` names the judgement wherever it goes: a file that brings it again stores nothing. ``said`` has the values of
    columns of exports (who judged, how long it took, ...), by their names.
    """

    label = models.OneToOneField(Label, models.CASCADE, primary_key=True, related_name="provenance")
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=16)
    replaced_by = models.CharField(
        max_length=16, blank=True, db_default="", default="", help_text="The key of the judgement that superseded it."
    )
    said = models.JSONField(default=dict)

    class Meta:
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="provenance_key_once"),
            models.CheckConstraint(condition=Q(key__regex=KEY), name="provenance_key_is_one"),
            models.CheckConstraint(
                condition=Q(replaced_by="") | Q(replaced_by__regex=KEY), name="provenance_replaced_by_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"judgement {self.key}"
