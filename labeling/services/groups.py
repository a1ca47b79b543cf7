"""Writes of groups: names for some of the members, so that their labels can be told apart."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid
from labeling.models import Group, Project, User
from labeling.services.audit import record
from labeling.services.texts import check_text

MAX_NAME = 60


def make_group(*, project: Project, name: str, changed_by: User | None = None) -> Group:
    """A new group, with nobody in it; services.projects.set_member puts people in.

    Raises:
        Invalid: no name, or one that is too long.
        Conflict: there is one of this name.
    """
    return _save(Group(project=project), name, changed_by)


def rename_group(*, group: Group, name: str, changed_by: User | None = None) -> Group:
    """Give a group another name; the one it has already changes nothing.

    Raises:
        Invalid, Conflict: see make_group.
    """
    return group if group.name == name.strip() else _save(group, name, changed_by)


def _save(group: Group, name: str, changed_by: User | None) -> Group:
    is_new, was = group.pk is None, group.name
    group.name = check_text(name, name="the name").strip()
    if not 1 <= len(group.name) <= MAX_NAME:
        raise Invalid(gettext("a group has a name of 1 to {most} characters").format(most=MAX_NAME))
    try:
        with transaction.atomic():
            group.save()
            record(
                actor=changed_by,
                project=group.project,
                action="group.made" if is_new else "group.changed",
                subject=f"group {group.pk}",
                before=None if is_new else {"name": was},
                after={"name": group.name},
            )
    except IntegrityError as error:
        raise Conflict(
            gettext("there is a group {name!r} already: choose another name").format(name=group.name),
            code="group_name_taken",
        ) from error
    return group


@transaction.atomic
def remove_group(*, group: Group, changed_by: User | None = None) -> None:
    """Remove a group; who was in it is in none, and their labels stay."""
    record(
        actor=changed_by,
        project=group.project,
        action="group.removed",
        subject=f"group {group.pk}",
        before={"name": group.name, "members": group.memberships.count()},
    )
    group.delete()
