"""Sums of all judgements by who wrote what was judged, kept as they come (services.standings)."""

from __future__ import annotations

from django.db import models

from labeling.models.projects import Project

MAX_WRITER_CHARACTERS = 220


class OutcomeSums(models.Model):
    """Comparisons of two writers that are alike, as selectors.standings.Outcomes tells them.

    ``longer`` is in fifths. ``wins``, ``ties`` and ``losses`` are in parts of a judgement so small that all weights are
    whole numbers of them (selectors.standings.UNITS): what is taken out again leaves nothing behind.
    """

    pk = models.CompositePrimaryKey("project", "first", "second", "cluster", "is_fair", "longer")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    first = models.CharField(max_length=MAX_WRITER_CHARACTERS)
    second = models.CharField(max_length=MAX_WRITER_CHARACTERS)
    cluster = models.SmallIntegerField()
    is_fair = models.BooleanField()
    longer = models.SmallIntegerField()
    num = models.BigIntegerField()
    wins = models.BigIntegerField()
    ties = models.BigIntegerField()
    losses = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.first} and {self.second}: {self.num}"


class FlagSums(models.Model):
    """How often completions of a writer were judged or, with a flag, how often it was raised on them.

    ``completions`` and ``prompts`` say how many different ones were judged.
    """

    pk = models.CompositePrimaryKey("project", "writer", "cluster", "flag")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    writer = models.CharField(max_length=MAX_WRITER_CHARACTERS)
    cluster = models.SmallIntegerField()
    flag = models.CharField(max_length=40, blank=True, help_text="Empty: judged at all.")
    num = models.BigIntegerField()
    completions = models.BigIntegerField(default=0)
    prompts = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.flag or 'judged'} of {self.writer}: {self.num}"
