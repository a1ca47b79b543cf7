"""Putting a project away: read-only for everybody, and out of the lists; and taking it out again."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict
from labeling.models import Project, Slot, User
from labeling.services.audit import record
from labeling.services.leases import release

CONSTRAINT = "project_not_archived"


def check_open(project: Project) -> None:
    """Refuse to change a project that is archived.

    Raises:
        Conflict: it is.
    """
    if project.is_archived:
        raise archived()


def refuse_archived(project_id: int) -> None:
    """The same for a project that is known by its id.

    Raises:
        Conflict: it is archived.
    """
    if Project.objects.filter(pk=project_id, is_archived=True).exists():
        raise archived()


def archived() -> Conflict:
    """What is said to whoever would change an archived project."""
    return Conflict(
        gettext("this project is archived: it can be read, and an admin can restore it"), code="project_archived"
    )


def refused_by_database(error: BaseException) -> Conflict | None:
    """The same, when the database refused something new in an archived project (migration 0015)."""
    diagnosis = getattr(error.__cause__, "diag", None) if isinstance(error, IntegrityError) else None
    return archived() if getattr(diagnosis, "constraint_name", None) == CONSTRAINT else None


@transaction.atomic
def archive_project(*, project: Project, changed_by: User | None = None) -> Project:
    """Make a project read-only: no judging, no prompts, no runs. What people hold goes back; their drafts stay.

    Twice is harmless.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.is_archived:
        return project
    project.is_archived = project.is_paused = True
    project.save(update_fields=["is_archived", "is_paused"])
    release(Slot.objects.filter(project=project, is_done=False, assignment__isnull=False))
    record(actor=changed_by, project=project, action="project.archived")
    events.publish(project.slug, "project")
    return project


@transaction.atomic
def restore_project(*, project: Project, changed_by: User | None = None) -> Project:
    """Take a project out of the archive. It stays paused until an admin says otherwise. Twice is harmless."""
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if not project.is_archived:
        return project
    project.is_archived = False
    project.save(update_fields=["is_archived"])
    record(actor=changed_by, project=project, action="project.restored")
    events.publish(project.slug, "project")
    return project
