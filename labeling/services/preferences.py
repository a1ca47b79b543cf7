"""Writes of what a person wants for themselves: language, topics they do not see, and when to be told of a break."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Membership, Passage, Slot, User
from labeling.services.leases import release
from labeling.services.topics import check_topics

MAX_BREAK_MINUTES = 480


@transaction.atomic
def set_preferences(*, user: User, language: str, opted_out: Collection[str], break_minutes: int) -> User:
    """Store a person's own settings.

    What they hold of a topic that they opted out of goes back to the queue; the drafts stay.

    Args:
        language: a code of settings.LANGUAGES; empty to follow the browser.
        opted_out: topics whose items the queue does not serve to them, in any project.
        break_minutes: active minutes until they are reminded of a break; 0 for never.

    Raises:
        Invalid: an unknown language or topic, or minutes outside 0 to 480.
    """
    if language and language not in dict(settings.LANGUAGES):
        raise Invalid(
            gettext("there is no language {language!r}: use one of {languages}").format(
                language=language, languages=", ".join(dict(settings.LANGUAGES))
            )
        )
    if not 0 <= break_minutes <= MAX_BREAK_MINUTES:
        raise Invalid(
            gettext("break_minutes is {break_minutes}: use 1 to {max_break_minutes}, or 0 for no reminder").format(
                break_minutes=break_minutes, max_break_minutes=MAX_BREAK_MINUTES
            )
        )
    # What was passed in the queue is looked at anew; a claim under way ends before, so that it stores no passage after.
    places = Membership.objects.select_for_update(no_key=True).filter(user=user).order_by("pk")
    Passage.objects.filter(membership__in=[place.pk for place in places]).delete()
    user.language, user.opted_out, user.break_minutes = language, check_topics(list(opted_out)), break_minutes
    user.save(update_fields=["language", "opted_out", "break_minutes"])
    if user.opted_out:
        release(Slot.objects.filter(assignment__annotator=user, is_done=False, topics__overlap=user.opted_out))
    return user
