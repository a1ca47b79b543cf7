"""What an item asks of a person."""

from __future__ import annotations

from django.db import models


class Kind(models.TextChoices):
    """The kind of judgement an item asks for. Codes are stored; labels are shown."""

    RANKING = "ranking", "rate each completion, then rank all"
    RATING = "rating", "rate each completion"
    BEST = "best", "pick the best completion"
    PAIR = "pair", "say which of two completions is better, and how much"
    DEMONSTRATION = "demonstration", "write the completion you would want"


PREFERENCES = (Kind.RANKING, Kind.RATING, Kind.BEST, Kind.PAIR)
"""Kinds that judge completions which are there."""


def default_kinds() -> list[str]:
    """What a new project asks for."""
    return [Kind.RANKING.value]
