"""Reads of labels: which there are, and the names of who gave them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from time import monotonic

from django.db.models import F, OuterRef, QuerySet, Subquery

from labeling.models import Comparison, Label, Project, Purpose, Snapshot, Source

NO_SECRET_SECONDS = 1.0
"""How long a process believes that a project has no secret: it may get one (services.pseudonyms)."""
_secrets: dict[int, str] = {}
_without: dict[int, float] = {}


class Names:
    """What the annotators of a project are called outside, for one read: the same from its beginning to its end.

    The names are made with a secret of the project, so that nobody finds out whom one means by trying all accounts.
    Projects of before there were such secrets keep the names of before until an admin says otherwise, and snapshots
    keep those they were taken with.
    """

    __slots__ = ("_is_keyed", "_key", "_project")

    def __init__(self, project: int, *, is_keyed: bool | None = None) -> None:
        self._project, self._is_keyed = project, is_keyed
        self._key: str | None = "" if is_keyed is False else None

    def of(self, annotator: int | None) -> str:
        """The name of one; empty for imports."""
        if annotator is None:
            return ""
        if self._key is None:
            self._key = _secret(self._project, is_there=self._is_keyed is True)
        return _name(self._project, self._key, annotator)


def names_of(project: Project | int, *, snapshot: Snapshot | None = None) -> Names:
    """The names of a project's annotators, as a snapshot has them or as they are now."""
    pk = project.pk if isinstance(project, Project) else project
    return Names(pk, is_keyed=None if snapshot is None else snapshot.has_keyed_names)


def pseudonym(project: int, annotator: int | None) -> str:
    """What an annotator is called outside now: the same in one project, another in each; empty for imports."""
    return Names(project).of(annotator)


@lru_cache(maxsize=10_000)
def _name(project: int, key: str, annotator: int) -> str:
    if key:
        digest = hmac.new(bytes.fromhex(key), str(annotator).encode(), "sha256").hexdigest()
    else:
        digest = hashlib.sha256(f"prefloop {project} {annotator}".encode()).hexdigest()
    return f"annotator-{digest[:10]}"


def _secret(project: int, *, is_there: bool) -> str:
    """The project's secret, or "" where it has none. One that is there never changes: a query for each process."""
    known = _secrets.get(project)
    if known is not None:
        return known
    if not is_there and _without.get(project, 0.0) > monotonic():
        return ""
    key = Project.objects.values_list("pseudonym_key", flat=True).get(pk=project)
    if key:
        _secrets[project] = key
    else:
        _without[project] = monotonic() + NO_SECRET_SECONDS
    return key


def current_labels(project: Project | int, *, purpose: str = Purpose.TRAINING) -> QuerySet[Label]:
    """Labels that no revision replaced, in the order they were stored; those of one purpose only."""
    return Label.objects.filter(project=project, superseded_by__isnull=True, item__purpose=purpose).order_by("id")


def comparisons(project: Project | int) -> QuerySet[Comparison]:
    """Comparisons of the current labels, in the order they were stored, with texts and prompts."""
    return (
        Comparison.objects.select_related("label__item__prompt", "chosen__model", "rejected__model")
        .filter(label__project=project, label__superseded_by__isnull=True, label__item__purpose=Purpose.TRAINING)
        .order_by("id")
    )


def latest_label(project: Project | int) -> int:
    """Id of the newest label of a project; 0 when there is none."""
    return Label.objects.filter(project=project).order_by("-id").values_list("id", flat=True).first() or 0


def count_labels_after(project: Project | int, label: int, *, at_most: int) -> int:
    """How many labels to learn from were made here, not imported, after one, counted to ``at_most`` and no further."""
    return _made_here_after(project, label)[:at_most].count()


def first_label_after(project: Project | int, label: int) -> datetime | None:
    """When the first label to learn from was made here, not imported, after one; None without any."""
    return _made_here_after(project, label).order_by("id").values_list("created", flat=True).first()


def _made_here_after(project: Project | int, label: int) -> QuerySet[Label]:
    made_here = Label.objects.filter(project=project, pk__gt=label, item__purpose=Purpose.TRAINING)
    return made_here.exclude(source=Source.IMPORT)


def last_seen(project: Project) -> Subquery:
    """When each member judged last, for annotating memberships."""
    return Subquery(
        Label.objects.filter(project=project, annotator=OuterRef("user")).order_by("-id").values(at=F("created"))[:1]
    )
