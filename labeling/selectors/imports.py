"""Reads of imports and their reports."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Import, Project, RejectedRow


def imports(project: Project) -> QuerySet[Import]:
    """A project's imports with who asked for them, the newest first."""
    return Import.objects.filter(project=project).select_related("requested_by").order_by("-id")


def find_import(project: Project, import_id: int) -> Import:
    """One of them.

    Raises:
        NotFound: the project has no such import.
    """
    found = imports(project).filter(pk=import_id).first()
    if found is None:
        raise NotFound(
            gettext("there is no import {import_id} in {slug}").format(import_id=import_id, slug=project.slug)
        )
    found.project = project
    return found


def rejected_rows(imported: Import) -> QuerySet[RejectedRow]:
    """Every row that was not taken in, in the order of the file."""
    return RejectedRow.objects.filter(imported=imported).order_by("id")
