"""Reads of guidelines: the version in force, the history, and what changed between two versions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.utils.translation import gettext

from labeling.differences import Passage, passages
from labeling.errors import NotFound
from labeling.models import Guidelines, Membership, Project


def current_guidelines(project: Project) -> Guidelines | None:
    """The version in force; None when none was written."""
    if project.guidelines_version is None:
        return None
    return Guidelines.objects.filter(project=project, version=project.guidelines_version).first()


def current_texts(projects: Collection[Project]) -> dict[int, str]:
    """The texts in force by project id, in one query."""
    current = Guidelines.objects.filter(project__in=projects, version=F("project__guidelines_version"))
    return dict(current.values_list("project", "text"))


def guidelines_history(project: Project) -> QuerySet[Guidelines]:
    """All versions with their authors and without their texts, the newest first."""
    return Guidelines.objects.filter(project=project).select_related("author").defer("text").order_by("-version")


def guidelines_version(project: Project, version: int) -> Guidelines:
    """One version.

    Raises:
        NotFound: there is none of this number.
    """
    found = Guidelines.objects.filter(project=project, version=version).select_related("author").first()
    if found is None:
        raise NotFound(
            gettext("there are no guidelines of version {version} in {slug}").format(version=version, slug=project.slug)
        )
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """What a reader has not seen yet. ``since`` is the version they read last, 0 for none; then nothing is compared."""

    since: int
    notes: list[Guidelines]
    passages: list[Passage]


def unread_change(current: Guidelines, *, membership: Membership) -> Change | None:
    """What changed since the version that a member read last; None when they read the one in force.

    ``notes`` are the versions between, the newest first, each with what its author said about it.
    """
    since = membership.guidelines_read
    if since >= current.version:
        return None
    notes = list(guidelines_history(membership.project).filter(version__gt=since))
    before = Guidelines.objects.filter(project=membership.project, version=since).first()
    return Change(since=since, notes=notes, passages=passages(before.text, current.text) if before else [])
