"""Recording judgements: idempotent, never edited in place, one transaction each."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol
from uuid import UUID

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils.translation import gettext, gettext_noop

from labeling import events
from labeling.errors import Conflict, DomainError
from labeling.models import (
    Assignment,
    Completion,
    Item,
    Kind,
    Label,
    Membership,
    Outcome,
    Purpose,
    Source,
    State,
    User,
)
from labeling.rows import fetch_one, insertion
from labeling.services.active_time import bounded
from labeling.services.assignments import check_active, claim, locked_assignment
from labeling.services.limits import COUNT
from labeling.services.prompts import NewCompletion, add_completions
from labeling.services.qualification import judged
from labeling.services.queue import Served
from labeling.services.topics import raise_topics
from labeling.services.verdicts import Verdict, check_verdict

logger = logging.getLogger(__name__)

CLIENT_ID_USED = gettext_noop("this client id belongs to another judgement: make a new one")


class Keyed(Protocol):
    """A stored label, or what stands for one."""

    @property
    def pk(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Submitted:
    """The stored label, and whether this call stored it (False: a repeated client id found it)."""

    label: Label
    created: bool


def submit_label(
    *, assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID, source: Source = Source.PERSON
) -> Submitted:
    """Record the annotator's verdict and close the slot.

    Sending the same ``client_id`` again with the same verdict returns the first label, so a double click or a retry is
    harmless. A lease that ended costs nothing: the slot, or another open one of the item, is taken again; when all
    went to others, the judgement is kept as an extra one.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: the verdict does not answer what was asked (verdicts.check_verdict).
        Conflict: judged or skipped before, or the client id belongs to another judgement.
    """
    with _each_client_id_once(assignment_id, client_id), transaction.atomic():
        membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
        return _submit(membership, assignment, verdict, client_id, source)


def submit_and_claim(
    *, assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID
) -> tuple[Submitted, Served | None]:
    """submit_label and assignments.claim_next as one transaction: the page waits for both.

    What keeps the next item away does not keep the judgement from being stored.

    Returns:
        What was stored, and what is served next; None as well when asking for it alone will tell what is wrong.

    Raises:
        NotFound, NotAllowed, Invalid, Conflict: as submit_label.
    """
    try:
        with _each_client_id_once(assignment_id, client_id), transaction.atomic():
            membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
            submitted = _submit(membership, assignment, verdict, client_id, Source.PERSON)
            if assignment.item.purpose != Purpose.KNOWN:  # it may have changed what is served to them
                with suppress(DomainError):
                    return submitted, claim(membership)
    except DatabaseError:
        logger.exception("the judgement of assignment %s could not be stored together with a claim", assignment_id)
        submitted = submit_label(assignment_id=assignment_id, annotator=annotator, verdict=verdict, client_id=client_id)
    return submitted, None


@contextmanager
def _each_client_id_once(assignment_id: int, client_id: UUID) -> Iterator[None]:
    """Two assignments sent the same client id at the same moment: the later one waited for the first to commit."""
    try:
        yield
    except IntegrityError as error:
        if not Label.objects.filter(client_id=client_id).exclude(assignment=assignment_id).exists():
            raise
        raise Conflict(gettext(CLIENT_ID_USED), code="client_id_used") from error


def _submit(
    membership: Membership, assignment: Assignment, verdict: Verdict, client_id: UUID, source: Source
) -> Submitted:
    if assignment.state != State.ACTIVE:
        first = Label.objects.filter(client_id=client_id).first()
        if first is not None:
            return repeated(first, assignment, verdict)
        check_active(assignment)
    check_verdict(verdict, completions=assignment.order, flags=membership.project.flags, kind=assignment.item.kind)
    verdict = bounded(verdict, since=assignment.created, source=source)
    raise_topics(prompt_id=assignment.item.prompt_id, flags=verdict.flags.values())
    label = unsaved_label(membership, assignment, verdict, client_id=client_id, source=source)
    label.pk, label.is_extra = _record(label, verdict, membership)
    assignment.state, assignment.draft = State.SUBMITTED, {}
    if assignment.item.purpose == Purpose.KNOWN:
        judged(assignment, membership=membership, verdict=verdict)
    return Submitted(label=label, created=True)


def unsaved_label(
    membership: Membership, assignment: Assignment, verdict: Verdict, *, client_id: UUID, source: str
) -> Label:
    """The label of a verdict, yet to be stored; what was written for a demonstration is stored already."""
    item = assignment.item
    return Label(
        project=membership.project,
        item=item,
        kind=item.kind,
        assignment=assignment,
        annotator_id=membership.user_id,
        client_id=client_id,
        fingerprint=verdict.fingerprint(),
        source=source,
        best_id=verdict.best,
        strength=verdict.strength,
        demonstration=_written(item, verdict, author=assignment.annotator) if item.kind == Kind.DEMONSTRATION else None,
        suggestion_id=verdict.suggestion,
        notes=verdict.notes,
        seconds=verdict.seconds,
        guidelines_version=assignment.guidelines_version,
    )


def _written(item: Item, verdict: Verdict, *, author: User) -> Completion:
    """The demonstration as a completion of the prompt, written by its author; the same text twice is one."""
    [completion] = add_completions(pairs=[(item.prompt, NewCompletion(text=verdict.text, author=author))])
    return completion


def repeated(first: Label, assignment: Assignment, verdict: Verdict) -> Submitted:
    """The answer to a client id that is stored already.

    Raises:
        Conflict: it belongs to another assignment, or came with another verdict.
    """
    if first.assignment_id != assignment.pk:
        raise Conflict(gettext(CLIENT_ID_USED), code="client_id_used")
    if first.fingerprint != verdict.fingerprint():
        # In the words for people: two tabs that share a draft share its client id.
        raise Conflict(gettext("this assignment is already judged"), code="already_judged")
    return Submitted(label=first, created=False)


def store_verdicts(pairs: Sequence[tuple[Keyed, Verdict]]) -> None:
    """Write the ratings, flags, ranks and the C(k,2) comparisons of labels, by their keys; part of creating them."""
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {DECIDED.format(label='(r->>0)::bigint')} SELECT", _decided(pairs))


def _decided(pairs: Sequence[tuple[Keyed, Verdict]]) -> dict[str, str]:
    """The rows that DECIDED stores, each beginning with the label's id."""
    ratings = [
        (label.pk, completion, verdict.ratings.get(completion), sorted(set(verdict.flags.get(completion, []))))
        for label, verdict in pairs
        for completion in sorted({*verdict.ratings, *(key for key, flags in verdict.flags.items() if flags)})
    ]
    ranks = [
        (label.pk, completion, rank) for label, verdict in pairs for completion, rank in sorted(verdict.ranks.items())
    ]
    comparisons = [row for label, verdict in pairs for row in expand_ranks(label=label.pk, ranks=verdict.ranks)]
    rows = {"ratings": ratings, "ranks": ranks, "comparisons": comparisons}
    return {name: json.dumps(values) for name, values in rows.items()}


# One statement: three bulk inserts of Django's cost a submit a third of its time.
DECIDED = """
ratings AS (
    INSERT INTO labeling_rating (label_id, completion_id, value, flags)
    SELECT {label}, (r->>1)::bigint, (r->>2)::smallint, ARRAY(SELECT jsonb_array_elements_text(r->3))
    FROM jsonb_array_elements(%(ratings)s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
), ranks AS (
    INSERT INTO labeling_rank (label_id, completion_id, rank)
    SELECT {label}, (r->>1)::bigint, (r->>2)::smallint
    FROM jsonb_array_elements(%(ranks)s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
), comparisons AS (
    INSERT INTO labeling_comparison (label_id, chosen_id, rejected_id, outcome, weight)
    SELECT {label}, (r->>1)::bigint, (r->>2)::bigint, r->>3, (r->>4)::float
    FROM jsonb_array_elements(%(comparisons)s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
)
"""


def expand_ranks(*, label: int | None, ranks: Mapping[int, int]) -> list[tuple[int | None, int, int, str, float]]:
    """The C(k,2) comparisons of a weak order: label, chosen, rejected, outcome, weight 1/C(k,2); equal ranks tie."""
    pairs = list(combinations(sorted(ranks), 2))
    comparisons = []
    for first, second in pairs:
        chosen, rejected = (first, second) if ranks[first] <= ranks[second] else (second, first)
        outcome = Outcome.TIE if ranks[first] == ranks[second] else Outcome.WIN
        comparisons.append((label, chosen, rejected, outcome.value, 1.0 / len(pairs)))
    return comparisons


def _record(label: Label, verdict: Verdict, membership: Membership) -> tuple[int, bool]:
    """Close a slot, store the label with all that was decided, and tell of it.

    Returns:
        Its id, and whether it came too late for a slot.
    """
    names, values, parameters = insertion(label)
    names, values = names.replace(', "is_extra"', ""), values.replace(", %(new_is_extra)s", "")
    row = fetch_one(
        RECORD.format(
            columns=names, values=values, decided=DECIDED.format(label="(SELECT id FROM label)"), count=COUNT
        ),
        {
            **parameters,
            **_decided([(label, verdict)]),
            "membership": membership.pk,
            "event": events.payload(membership.project.slug, "label", annotator=membership.user_id),
            "channel": events.CHANNEL,
        },
    )
    assert row is not None  # an insert of one row returns it
    membership.day, membership.num_today = row[2:4]
    return row[0], row[1]


# The slot that the assignment holds, else another open one of its item: whether it is held is asked before whether the
# item is full. The first is waited for, since somebody who looks for a slot may lock it for a moment although it is
# leased. The database refuses more than the overlap (item_never_over_its_overlap).
RECORD = """
WITH held AS (
    SELECT id FROM labeling_slot WHERE assignment_id = %(new_assignment_id)s AND NOT is_done FOR NO KEY UPDATE
), free AS (
    SELECT id FROM labeling_slot
    WHERE item_id = %(new_item_id)s AND NOT is_done AND leased_until <= statement_timestamp()
        AND NOT EXISTS (SELECT FROM held)
    ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
), slot AS (
    UPDATE labeling_slot SET assignment_id = %(new_assignment_id)s, is_done = true
    WHERE id IN (SELECT id FROM held UNION ALL SELECT id FROM free) RETURNING item_id
), label AS (
    INSERT INTO labeling_label (is_extra, {columns}) VALUES (NOT EXISTS (SELECT FROM slot), {values})
    RETURNING id, is_extra
), {decided}, assignment AS (
    UPDATE labeling_assignment SET state = 'submitted', draft = '{{}}', changed = statement_timestamp()
    WHERE id = %(new_assignment_id)s
), item AS (
    UPDATE labeling_item SET num_judgements = num_judgements + 1 FROM slot WHERE labeling_item.id = slot.item_id
), membership AS (
    UPDATE labeling_membership SET num_submitted = num_submitted + (NOT label.is_extra)::int,
        num_extra = num_extra + label.is_extra::int, seconds_worked = seconds_worked + %(new_seconds)s, {count}
    FROM label WHERE labeling_membership.id = %(membership)s RETURNING day, num_today
)
SELECT label.id, label.is_extra, membership.day, membership.num_today,
    pg_notify(%(channel)s, (%(event)s::jsonb || jsonb_build_object('label', label.id))::text)
FROM label, membership
"""
