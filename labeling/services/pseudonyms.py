"""Naming the people of an old project with a secret, as new projects do."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict
from labeling.models import Project, User
from labeling.models.projects import new_key
from labeling.selectors.pseudonyms import renaming_of
from labeling.services.archive import check_open
from labeling.services.audit import record


@transaction.atomic
def key_pseudonyms(*, project: Project, changed_by: User | None = None) -> Project:
    """Give a project the secret that its pseudonyms are made with from now on, with all that selectors.pseudonyms says.

    It can't be undone. Snapshots that are there, and those that are being taken, keep the names they were begun with.

    Raises:
        Conflict: the project has a secret already, or is archived.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_open(project)
    if project.pseudonym_key:
        raise Conflict(
            gettext("the pseudonyms of this project are made with a secret already: there is nothing to change"),
            code="already_keyed",
        )
    before = renaming_of(project)
    project.pseudonym_key = new_key()
    project.save(update_fields=["pseudonym_key"])
    counts = {"people": before.people, "snapshots_as_before": before.snapshots}
    record(actor=changed_by, project=project, action="project.pseudonyms", after=counts)
    events.publish(project.slug, "project")
    return project
