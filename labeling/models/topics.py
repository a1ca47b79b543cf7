"""What a prompt and its completions may be about that people want to be warned of, or not see at all."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from labeling.models.flags import Flag


class Topic(models.TextChoices):
    """A sensitive topic. Codes are stored; labels are shown."""

    SEXUAL = "sexual", _("sexual content")
    VIOLENT = "violent", _("violence")
    SELF_HARM = "self_harm", _("self-harm")
    HATE = "hate", _("hate")
    OTHER = "other", _("other sensitive content")


TOPICS_OF_FLAGS: dict[str, tuple[str, ...]] = {
    Flag.SEXUAL: (Topic.SEXUAL,),
    Flag.VIOLENT: (Topic.VIOLENT,),
    Flag.ENCOURAGES_HARM: (Topic.VIOLENT, Topic.SELF_HARM),
    Flag.DENIGRATES: (Topic.HATE,),
}
"""Topics that a prompt gets when one of its completions is flagged. A flag that names two things gives both: who wants
to see neither of them is not served the one because nobody said which it was."""


def topics_field(help_text: str) -> ArrayField[list[str], list[str]]:
    """An array of topics, empty by default."""
    return ArrayField(
        models.CharField(max_length=20, choices=Topic.choices),
        default=list,
        db_default=[],  # the load benchmark writes rows without it
        blank=True,
        help_text=help_text,
    )
