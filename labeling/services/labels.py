"""Recording judgements: idempotent, never edited in place, one transaction each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from labeling import events
from labeling.errors import Conflict
from labeling.models import (
    Assignment,
    Comparison,
    Completion,
    Item,
    Kind,
    Label,
    Membership,
    Outcome,
    Project,
    Rank,
    Rating,
    Source,
    State,
    User,
)
from labeling.services.assignments import check_active, finish_slot, locked_assignment
from labeling.services.prompts import NewCompletion, add_completions
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
    first = Label.objects.filter(client_id=client_id).first()
    if first is not None:
        return _repeated(first, assignment, verdict)
    check_active(assignment)
    item = assignment.item
    check_verdict(verdict, completions=assignment.order, flags=membership.project.flags, kind=item.kind)
    counts = finish_slot(assignment)
    label = Label.objects.create(
        project=membership.project,
        item=item,
        kind=item.kind,
        assignment=assignment,
        annotator=annotator,
        client_id=client_id,
        fingerprint=verdict.fingerprint(),
        source=source,
        best_id=verdict.best,
        strength=verdict.strength,
        demonstration=_written(item, verdict, author=annotator) if item.kind == Kind.DEMONSTRATION else None,
        suggestion_id=verdict.suggestion,
        notes=verdict.notes,
        seconds=verdict.seconds,
        is_extra=not counts,
    )
    store_verdicts([(label, verdict)])
    _close(membership, assignment, counts=counts, seconds=verdict.seconds)
    events.publish(membership.project.slug, "label", label=label.pk, annotator=annotator.pk)
    return Submitted(label=label, created=True)


def _written(item: Item, verdict: Verdict, *, author: User) -> Completion:
    """The demonstration as a completion of the prompt, written by its author; the same text twice is one."""
    [completion] = add_completions(pairs=[(item.prompt, NewCompletion(text=verdict.text, author=author))])
    return completion


def _repeated(first: Label, assignment: Assignment, verdict: Verdict) -> Submitted:
    if first.assignment_id != assignment.pk:
        raise Conflict(CLIENT_ID_USED, code="client_id_used")
    if first.fingerprint != verdict.fingerprint():
        raise Conflict(
            "this client id was submitted with another judgement, and the first one stands", code="already_judged"
        )
    return Submitted(label=first, created=False)


def store_verdicts(pairs: Sequence[tuple[Label, Verdict]]) -> None:
    """Write the ratings, flags, ranks and the C(k,2) comparisons of labels; part of creating them."""
    Rating.objects.bulk_create(
        [
            Rating(
                label=label,
                completion_id=completion,
                value=verdict.ratings.get(completion),
                flags=sorted(set(verdict.flags.get(completion, []))),
            )
            for label, verdict in pairs
            for completion in sorted({*verdict.ratings, *(key for key, flags in verdict.flags.items() if flags)})
        ],
        batch_size=2000,
    )
    Rank.objects.bulk_create(
        [
            Rank(label=label, completion_id=completion, rank=rank)
            for label, verdict in pairs
            for completion, rank in sorted(verdict.ranks.items())
        ],
        batch_size=2000,
    )
    Comparison.objects.bulk_create(
        [comparison for label, verdict in pairs for comparison in expand_ranks(label=label, ranks=verdict.ranks)],
        batch_size=2000,
    )


def expand_ranks(*, label: Label, ranks: Mapping[int, int]) -> list[Comparison]:
    """The C(k,2) comparisons of a weak order, each weighted 1/C(k,2); equal ranks are ties."""
    pairs = list(combinations(sorted(ranks), 2))
    comparisons = []
    for first, second in pairs:
        chosen, rejected = (first, second) if ranks[first] <= ranks[second] else (second, first)
        outcome = Outcome.TIE if ranks[first] == ranks[second] else Outcome.WIN
        comparisons.append(
            Comparison(label=label, chosen_id=chosen, rejected_id=rejected, outcome=outcome, weight=1.0 / len(pairs))
        )
    return comparisons


def _close(membership: Membership, assignment: Assignment, *, counts: bool, seconds: float) -> None:
    assignment.state = State.SUBMITTED
    assignment.draft = {}
    assignment.save(update_fields=["state", "draft", "changed"])
    if counts:
        # The database refuses more than the overlap: item_never_over_its_overlap.
        Item.objects.filter(pk=assignment.item_id).update(num_judgements=F("num_judgements") + 1)
    Membership.objects.filter(pk=membership.pk).update(
        num_submitted=F("num_submitted") + int(counts),
        num_extra=F("num_extra") + int(not counts),
        seconds_worked=F("seconds_worked") + seconds,
    )


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
    events.publish(project.slug, "label", imported=len(rows))
    return len(rows)
