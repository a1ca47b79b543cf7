"""Writes of guidelines: a new version each time, and who has read which."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict, Invalid
from labeling.models import Guidelines, Membership, Project, User
from labeling.services.archive import check_open
from labeling.services.audit import record
from labeling.services.texts import check_text

MAX_CHANGE_CHARACTERS = 300


@transaction.atomic
def write_guidelines(
    *, project: Project, author: User | None, text: str, change: str = "", follows: int | None = None
) -> Guidelines:
    """A new version, in force from now on. A text that is the one in force already makes none.

    Args:
        change: what changed, in a sentence, for those who go by them.
        follows: the version that the author saw, 0 for none; None to write without having looked.

    Returns:
        The version that holds the text.

    Raises:
        Invalid: a text that is too long or that the database can't hold.
        Conflict: another version came after the one that the author saw.
    """
    check_text(text, name="the guidelines")
    if len(check_text(change, name="what changed")) > MAX_CHANGE_CHARACTERS:
        raise Invalid(
            gettext("what changed has {count} characters: at most {max_change_characters} are kept").format(
                count=len(change), max_change_characters=MAX_CHANGE_CHARACTERS
            )
        )
    locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_open(locked)
    latest = locked.guidelines_version or 0
    if follows is not None and follows != latest:
        raise Conflict(
            gettext("version {latest} was written meanwhile: look at it, then save yours again").format(latest=latest),
            code="newer_guidelines",
        )
    current = Guidelines.objects.filter(project=locked, version=latest).first()
    if current is not None and current.text == text:
        return current
    written = Guidelines.objects.create(
        project=locked, version=latest + 1, text=text, change=change.strip(), author=author
    )
    Project.objects.filter(pk=locked.pk).update(guidelines_version=written.version)
    project.guidelines_version = written.version
    record(
        actor=author,
        project=locked,
        action="guidelines.written",
        subject=f"guidelines {written.version}",
        before={"version": latest or None},
        after={"version": written.version, "change": written.change},
    )
    events.publish(project.slug, "guidelines", version=written.version)
    return written


def mark_read(*, project: Project, user: User, version: int) -> int:
    """Remember that a member read a version, and with it all before it.

    Returns:
        The newest version that they have read.

    Raises:
        Invalid: there is no such version.
    """
    newest = project.guidelines_version or 0
    if not 1 <= version <= newest:
        raise Invalid(
            gettext("there are no guidelines of version {version}: the newest is {newest}").format(
                version=version, newest=newest
            )
        )
    mine = Membership.objects.filter(project=project, user=user)
    mine.filter(guidelines_read__lt=version).update(guidelines_read=version)
    return mine.values_list("guidelines_read", flat=True).first() or version
