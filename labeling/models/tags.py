"""Names by which prompts are found again: a set of prompts is a tag."""

from __future__ import annotations

from typing import cast

from django.db import models
from django.db.models import Q
from django.db.models.lookups import Regex

from labeling.models.projects import Project
from labeling.models.prompts import Prompt

MAX_TAG_CHARACTERS = 60


class Tag(models.Model):
    """A tag of a project; services.tags makes it with its first prompt."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=MAX_TAG_CHARACTERS)
    prompts = models.ManyToManyField(Prompt, through="PromptTag", related_name="tags")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="tag_once_per_project"),
            # Commas stand between tags in a cell of a CSV.
            models.CheckConstraint(
                condition=cast(Q, ~Q(name="") & ~Regex(models.F("name"), r"^\s|\s$|[,[:cntrl:]]")),
                name="tag_has_a_name",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PromptTag(models.Model):
    """A prompt has a tag. A table of its own: tagging 100,000 prompts then leaves their rows and indexes alone."""

    tag = models.ForeignKey(Tag, models.CASCADE, related_name="entries", db_index=False)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="tag_entries")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["tag", "prompt"], name="prompt_tag_once")]

    def __str__(self) -> str:
        return f"tag {self.tag_id} of prompt {self.prompt_id}"
