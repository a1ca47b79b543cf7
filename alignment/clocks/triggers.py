"""Triggers that contradict each other, by the field that is to be changed. No Django models: a form asks it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _


def contradictions(settings: Mapping[str, Any]) -> dict[str, str]:
    """What can't be true at once of the loop's settings, with the remedy; values that are missing contradict nothing.

    The database refuses the same by its constraints; this says it in words.
    """
    found = {}
    least, most = settings.get("minutes_between_runs"), settings.get("minutes_at_most")
    if least is not None and most is not None and most < least:
        found["minutes_at_most"] = _(
            "a judgement waits {most} minutes at most, and runs are {least} minutes apart at least: one must give way"
        ).format(most=most, least=least)
    if settings.get("pessimism") and settings.get("members") == 1:
        found["pessimism"] = _(
            "pessimism is {pessimism:g} and the reward model has one head, which never differs from itself: use two "
            "heads or more, or 0"
        ).format(pessimism=settings["pessimism"])
    if settings.get("method") == "sft" and settings.get("start") == "sft":
        found["start"] = _(
            "supervised fine-tuning that starts from supervised fine-tuning would be done twice: start from the base"
        )
    return found
