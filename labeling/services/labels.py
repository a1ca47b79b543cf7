"""Recording judgements: idempotent, never edited in place, one transaction each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from labeling import events
from labeling.errors import Conflict
from labeling.models import (
    Assignment,
    Completion,
    Item,
    Kind,
    Label,
    Membership,
    Outcome,
    Project,
    Source,
    State,
    User,
)
from labeling.services.active_time import bounded
from labeling.services.assignments import check_active, finish_slot, locked_assignment
from labeling.services.prompts import NewCompletion, add_completions
from labeling.services.topics import raise_topics
from labeling.services.verdicts import Verdict, check_verdict

CLIENT_ID_USED = "this client id belongs to another judgement: make a new one"


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
    try:
        return _submit(assignment_id, annotator, verdict, client_id, source)
    except IntegrityError as error:
        # Two assignments sent the same client id at the same moment: the later one waited for the first to commit.
        if not Label.objects.filter(client_id=client_id).exclude(assignment=assignment_id).exists():
            raise
        raise Conflict(CLIENT_ID_USED, code="client_id_used") from error


@transaction.atomic
def _submit(assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID, source: Source) -> Submitted:
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.state != State.ACTIVE:
        first = Label.objects.filter(client_id=client_id).first()
        if first is not None:
            return repeated(first, assignment, verdict)
        check_active(assignment)
    check_verdict(verdict, completions=assignment.order, flags=membership.project.flags, kind=assignment.item.kind)
    verdict = bounded(verdict, since=assignment.created, source=source)
    raise_topics(prompt_id=assignment.item.prompt_id, flags=verdict.flags.values())
    counts = finish_slot(assignment)
    label = new_label(membership, assignment, verdict, client_id=client_id, source=source, is_extra=not counts)
    _close(membership, assignment, counts=counts, seconds=verdict.seconds)
    events.publish(membership.project.slug, "label", label=label.pk, annotator=annotator.pk)
    return Submitted(label=label, created=True)


def new_label(
    membership: Membership,
    assignment: Assignment,
    verdict: Verdict,
    *,
    client_id: UUID,
    source: str,
    is_extra: bool,
    pk: int | None = None,
) -> Label:
    """Store a label with everything that was decided; part of recording it."""
    item = assignment.item
    label = Label.objects.create(
        pk=pk,
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
        is_extra=is_extra,
    )
    store_verdicts([(label, verdict)])
    return label


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
        raise Conflict(CLIENT_ID_USED, code="client_id_used")
    if first.fingerprint != verdict.fingerprint():
        raise Conflict(
            "this client id was submitted with another judgement, and the first one stands", code="already_judged"
        )
    return Submitted(label=first, created=False)


def store_verdicts(pairs: Sequence[tuple[Label, Verdict]]) -> None:
    """Write the ratings, flags, ranks and the C(k,2) comparisons of labels; part of creating them."""
    ratings = [
        (label.pk, completion, verdict.ratings.get(completion), sorted(set(verdict.flags.get(completion, []))))
        for label, verdict in pairs
        for completion in sorted({*verdict.ratings, *(key for key, flags in verdict.flags.items() if flags)})
    ]
    ranks = [
        (label.pk, completion, rank) for label, verdict in pairs for completion, rank in sorted(verdict.ranks.items())
    ]
    comparisons = [row for label, verdict in pairs for row in expand_ranks(label=label.pk, ranks=verdict.ranks)]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [json.dumps(ratings), json.dumps(ranks), json.dumps(comparisons)])


STORE = """
WITH ratings AS (
    INSERT INTO labeling_rating (label_id, completion_id, value, flags)
    SELECT (r->>0)::bigint, (r->>1)::bigint, (r->>2)::smallint, ARRAY(SELECT jsonb_array_elements_text(r->3))
    FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
), ranks AS (
    INSERT INTO labeling_rank (label_id, completion_id, rank)
    SELECT (r->>0)::bigint, (r->>1)::bigint, (r->>2)::smallint
    FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
)
INSERT INTO labeling_comparison (label_id, chosen_id, rejected_id, outcome, weight)
SELECT (r->>0)::bigint, (r->>1)::bigint, (r->>2)::bigint, r->>3, (r->>4)::float
FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS rows(r, n) ORDER BY n
"""
# One statement: three bulk inserts of Django's cost a submit a third of its time.


def expand_ranks(*, label: int, ranks: Mapping[int, int]) -> list[tuple[int, int, int, str, float]]:
    """The C(k,2) comparisons of a weak order: label, chosen, rejected, outcome, weight 1/C(k,2); equal ranks tie."""
    pairs = list(combinations(sorted(ranks), 2))
    comparisons = []
    for first, second in pairs:
        chosen, rejected = (first, second) if ranks[first] <= ranks[second] else (second, first)
        outcome = Outcome.TIE if ranks[first] == ranks[second] else Outcome.WIN
        comparisons.append((label, chosen, rejected, outcome.value, 1.0 / len(pairs)))
    return comparisons


def _close(membership: Membership, assignment: Assignment, *, counts: bool, seconds: float) -> None:
    # The database refuses more than the overlap: item_never_over_its_overlap.
    with connection.cursor() as cursor:
        cursor.execute(
            CLOSE,
            {
                "assignment": assignment.pk,
                "item": assignment.item_id,
                "membership": membership.pk,
                "counts": int(counts),
                "extra": int(not counts),
                "seconds": seconds,
            },
        )
    assignment.state, assignment.draft = State.SUBMITTED, {}


CLOSE = """
WITH assignment AS (
    UPDATE labeling_assignment SET state = 'submitted', draft = '{}', changed = now() WHERE id = %(assignment)s
), item AS (
    UPDATE labeling_item SET num_judgements = num_judgements + 1 WHERE id = %(item)s AND %(counts)s = 1
)
UPDATE labeling_membership SET num_submitted = num_submitted + %(counts)s, num_extra = num_extra + %(extra)s,
    seconds_worked = seconds_worked + %(seconds)s
WHERE id = %(membership)s
"""


@transaction.atomic
def add_imported_labels(*, project: Project, labels: Sequence[tuple[Item, Verdict, UUID]]) -> int:
    """Store judgements that were made elsewhere, for items made for them by services.prompts.create_judged_items.

    The client id is derived from the content by the importer, so that a repeated import stores nothing twice.

    Returns:
        How many labels were stored.
    """
    rows = Label.objects.bulk_create(
        [
            Label(
                project=project,
                item=item,
                kind=item.kind,
                best_id=verdict.best,
                client_id=client_id,
                fingerprint=verdict.fingerprint(),
                source=Source.IMPORT,
                notes=verdict.notes,
            )
            for item, verdict, client_id in labels
        ],
        batch_size=1000,
    )
    store_verdicts([(row, verdict) for row, (_, verdict, _) in zip(rows, labels, strict=True)])
    for item, verdict, _ in sorted(labels, key=lambda each: each[0].prompt_id):  # always in one order, so none waits
        raise_topics(prompt_id=item.prompt_id, flags=verdict.flags.values())  # for a prompt while it holds another
    events.publish(project.slug, "label", imported=len(rows))
    return len(rows)
