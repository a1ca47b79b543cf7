"""What an annotator sees of the queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from labeling.models import Assignment, Kind, Membership, Slot, State, Turn, User
from labeling.rows import fetch_one
from labeling.selectors.conversations import Conversation, conversation
from labeling.selectors.progress import PROGRESS, Progress


@dataclass(frozen=True, slots=True)
class ShownCompletion:
    """A completion as an annotator sees it: nothing tells who wrote it."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One assignment with everything that judging it needs."""

    assignment: int
    kind: str
    prompt: list[dict[str, str]]
    completions: list[ShownCompletion]
    lease_expires: dt.datetime
    draft: dict[str, Any]
    flags: list[str]
    progress: Progress
    guidelines_version: int | None = None
    topics: Sequence[str] = ()
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a sheet has beside its assignment: the completions' texts in the order to show, and the progress."""

    texts: list[str]
    progress: Progress


def sheet(assignment: Assignment, *, membership: Membership, shown: Shown | None = None) -> Sheet:
    """The assignment's sheet. ``shown`` is read here unless it was before; a conversation's is always."""
    talk = None
    if assignment.item.kind == Kind.CONVERSATION:
        talk, shown = conversation(assignment, project=membership.project), None
    order = assignment.order if talk is None else talk.shown
    if shown is None:
        shown = _read_shown(order, membership=membership)
    return Sheet(
        assignment=assignment.pk,
        kind=assignment.item.kind,
        prompt=assignment.item.prompt.messages if talk is None else talk.messages,
        completions=[ShownCompletion(id=pk, text=text) for pk, text in zip(order, shown.texts, strict=True)],
        lease_expires=assignment.lease_expires,
        draft=assignment.draft,
        flags=membership.project.flags,
        progress=shown.progress,
        guidelines_version=assignment.guidelines_version,
        topics=assignment.item.prompt.topics,
        conversation=talk,
    )


def _read_shown(order: Sequence[int], *, membership: Membership) -> Shown:
    row = fetch_one(SHOWN, {"order": list(order), "project": membership.project_id, "user": membership.user_id})
    assert row is not None  # a membership has a project
    texts, *progress = row
    return Shown(texts, Progress(*progress))


SHOWN = f"""
SELECT ARRAY(
    SELECT completion.text FROM unnest(%(order)s::bigint[]) WITH ORDINALITY shown(id, place)
    JOIN labeling_completion completion ON completion.id = shown.id ORDER BY shown.place
), progress.* FROM ({PROGRESS}) progress
"""


def outline(assignment: Assignment, *, membership: Membership) -> Sheet:
    """The sheet without its texts and the progress: what reading a judgement needs, and no query."""
    return Sheet(
        assignment=assignment.pk,
        kind=assignment.item.kind,
        prompt=[],
        completions=[ShownCompletion(id=pk, text="") for pk in assignment.order],
        lease_expires=assignment.lease_expires,
        draft=assignment.draft,
        flags=membership.project.flags,
        progress=Progress(done=0, total=0, mine=0, seconds=0.0),
        guidelines_version=assignment.guidelines_version,
    )


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How much of their own work an annotator has in each state."""

    drafts: int
    submitted: int
    skipped: int


def queue_counts(*, project_id: int, annotator: User) -> QueueCounts:
    """Counts over the annotator's own assignments."""
    row = _begun(Assignment.objects.filter(annotator=annotator, item__project=project_id)).aggregate(
        drafts=Count("pk", filter=Q(state=State.ACTIVE)),
        submitted=Count("pk", filter=Q(state=State.SUBMITTED)),
        skipped=Count("pk", filter=Q(state=State.SKIPPED)),
    )
    return QueueCounts(**row)


def recent_assignments(*, project_id: int, annotator: User, state: State) -> QuerySet[Assignment]:
    """The annotator's own assignments in one state, the latest first, with their prompts."""
    found = Assignment.objects.select_related("item__prompt")
    return _begun(found.filter(annotator=annotator, item__project=project_id, state=state)).order_by("-changed", "-id")


def _begun(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Without those that are open and untouched: the one on the page, and those made or held ahead (services.ahead)."""
    said = Turn.objects.filter(assignment=OuterRef("pk"))
    return assignments.filter(~Q(state=State.ACTIVE) | ~Q(draft={}) | Exists(said))


def count_open_slots(project_id: int, *, at_most: int) -> int:
    """How many judgements the queue of a project still wants, counted to ``at_most`` and no further."""
    return Slot.objects.filter(project=project_id, is_done=False)[:at_most].count()
