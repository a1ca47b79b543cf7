"""Why an item is skipped. A reason is optional, and one key is enough to give it."""

from __future__ import annotations

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class SkipReason(models.TextChoices):
    """The reasons offered, in the order of their keys. Codes are stored; OTHER may carry words after a colon."""

    UNCLEAR = "unclear", _("The prompt is unclear")
    HARD = "hard", _("Too hard for me to judge")
    LANGUAGE = "language", _("A language that I don't know")
    SENSITIVE = "sensitive", _("I don't want to judge this content")
    BROKEN = "broken", _("The completions are broken or all the same")
    OTHER = "other", _("Something else")


def reason_shown(reason: str) -> str | Promise:
    """A stored reason as people read it: what is no code, from a program for example, is shown as it is."""
    if reason.startswith(f"{SkipReason.OTHER}: "):
        return reason.removeprefix(f"{SkipReason.OTHER}: ")
    return SkipReason(reason).label if reason in SkipReason.values else reason
