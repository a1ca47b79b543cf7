"""What an item asks of a person."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """The kind of judgement an item asks for. Codes are stored; labels are shown."""

    RANKING = "ranking", _("rate each completion, then rank all")
    RATING = "rating", _("rate each completion")
    BEST = "best", _("pick the best completion")
    PAIR = "pair", _("say which of two completions is better, and how much")
    DEMONSTRATION = "demonstration", _("write the completion you would want")
    CONVERSATION = "conversation", _("talk with the policy and rank what it says at each turn")


class Sides(models.TextChoices):
    """Who says what in a conversation."""

    USER = "user", _("the annotator is the user, the policy writes completions to be ranked")
    BOTH = "both", _("the annotator is the user and writes the completions, too")


class Opening(models.TextChoices):
    """What a conversation begins with."""

    PROMPT = "prompt", _("the prompt, which is the first thing said")
    TOPIC = "topic", _("the annotator, who is shown the prompt as what to talk about")


class Purpose(models.TextChoices):
    """What the judgements of an item are for. Only those for training are learned from."""

    TRAINING = "training", _("training")
    EVALUATION = "evaluation", _("blind evaluation")
    KNOWN = "known", _("known answer")


class Rule(models.TextChoices):
    """How the completions of an item were chosen among those that were written (alignment.core.selection)."""

    RANDOM = "random", _("at random")
    BALD = "bald", _("what would teach the reward model most (BALD)")
    VARIANCE = "variance", _("where the reward model is most uncertain who wins")
    DTS = "dts", _("double Thompson sampling")
    BAI_TS = "bai_ts", _("a likely best one and the most informative beside it (BAI-TS)")
    BEST_WORST = "best_worst", _("the best against the worst")
    D_OPTIMAL = "d_optimal", _("a batch that teaches most together (D-optimal)")


PREFERENCES = (Kind.RANKING, Kind.RATING, Kind.BEST, Kind.PAIR)
"""Kinds that judge completions which are there."""


def default_kinds() -> list[str]:
    """What a new project asks for."""
    return [Kind.RANKING.value]
