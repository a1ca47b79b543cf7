"""The judgement of a turn, and what the worker wrote for it.

It is an ordinary ranking of the completions of an ordinary prompt, so that all that reads rankings reads it too.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import (
    Assignment,
    Completion,
    Kind,
    Label,
    Membership,
    Opening,
    Prompt,
    Sides,
    Source,
    State,
    Turn,
    TurnState,
    User,
)
from labeling.selectors.conversations import MOST_OFFERED, turns_of
from labeling.services.active_time import bounded
from labeling.services.assignments import check_active
from labeling.services.conversations import check_number, locked_conversation, touch
from labeling.services.labels import CLIENT_ID_USED, store_verdicts
from labeling.services.prompts import NewCompletion, NewItem, add_completions, create_judged_items
from labeling.services.topics import raise_topics
from labeling.services.verdicts import Verdict, check_turn_verdict


def settle(
    *,
    assignment_id: int,
    annotator: User,
    number: int,
    verdict: Verdict,
    client_id: UUID,
    source: Source = Source.PERSON,
) -> Turn:
    """Record what was decided about a turn's completions, and which one carries the conversation on.

    The ranking is stored as one of the completions of the prompt so far. A text that was written, from nothing or from
    one of them, is a completion by its author, ranked above all others, and a demonstration. Sending the same
    ``client_id`` again with the same verdict is harmless.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: no conversation, or the verdict does not answer what was asked (verdicts.check_turn_verdict).
        Conflict: the turn is settled already, nothing was written for it yet, or the client id belongs to something
            else.
    """
    try:
        return _settle(assignment_id, annotator, number, verdict, client_id, source)
    except IntegrityError as error:
        if not Turn.objects.filter(settled_id=client_id).exclude(assignment=assignment_id).exists() and not (
            Label.objects.filter(client_id=client_id).exclude(assignment=assignment_id).exists()
        ):
            raise
        raise Conflict(gettext(CLIENT_ID_USED), code="client_id_used") from error


@transaction.atomic
def _settle(
    assignment_id: int, annotator: User, number: int, verdict: Verdict, client_id: UUID, source: Source
) -> Turn:
    membership, assignment = locked_conversation(assignment_id=assignment_id, annotator=annotator)
    known = Turn.objects.filter(settled_id=client_id).first()
    if known is not None:
        return _settled_again(known, assignment, verdict)
    check_active(assignment)
    turn = _open_turn(membership, assignment, number, client_id)
    texts = dict(Completion.objects.filter(pk__in=turn.order).values_list("pk", "text"))
    check_turn_verdict(verdict, completions=texts, flags=membership.project.flags)
    verdict = bounded(verdict, since=assignment.created, source=source)
    written = _written(turn, verdict, author=annotator, texts=texts.values())
    label = _label(membership, turn, verdict, written=written, client_id=client_id, source=source)
    carried = written.pk if written is not None else verdict.best
    turn.state, turn.carried_id, turn.settled_id = TurnState.SETTLED, carried, client_id
    turn.save(update_fields=["state", "carried", "settled_id", "order"])
    raise_topics(prompt_id=turn.prompt_id, flags=verdict.flags.values())
    touch(membership, assignment)
    Membership.objects.filter(pk=membership.pk).update(seconds_worked=F("seconds_worked") + verdict.seconds)
    if label is not None:
        events.publish(membership.project.slug, "label", label=label.pk, annotator=annotator.pk)
    return turn


def _settled_again(known: Turn, assignment: Assignment, verdict: Verdict) -> Turn:
    label = known.labels.first()
    same = label is None or label.fingerprint == verdict.fingerprint()
    if known.assignment_id != assignment.pk or not same:
        raise Conflict(gettext(CLIENT_ID_USED), code="client_id_used")
    return known


def _open_turn(membership: Membership, assignment: Assignment, number: int, client_id: UUID) -> Turn:
    """The turn to be judged. The first one of a conversation that begins with its prompt is there without a word.

    Raises:
        Conflict: it is settled already, not begun, or waits for its completions.
    """
    turns = turns_of(assignment)
    project = membership.project
    if not turns and number == 1 and project.conversation_opening == Opening.PROMPT:
        check_number(number, turns=turns, project=project)
        if project.conversation_sides == Sides.USER and not assignment.order:
            raise Conflict(gettext("nothing is written for turn 1 yet: ask for it first"), code="turn_waits")
        order = assignment.order[:MOST_OFFERED] if project.conversation_sides == Sides.USER else []
        return Turn.objects.create(
            assignment=assignment,
            number=1,
            prompt=assignment.item.prompt,
            client_id=client_id,
            order=order,
            state=TurnState.OFFERED if order else TurnState.WAITING,
        )
    turn = next((each for each in turns if each.number == number), None)
    if turn is None or turn.state == TurnState.SETTLED:
        said = (
            gettext("turn {number} is judged already, perhaps in another tab: reload the page to see where you are")
            if turn
            else gettext("turn {number} is not begun: reload the page to see where you are")
        )
        raise Conflict(said.format(number=number), code="turn_taken")
    if turn.state == TurnState.WAITING and project.conversation_sides == Sides.USER:
        raise Conflict(gettext("nothing is written for turn {number} yet").format(number=number), code="turn_waits")
    return turn


def _written(turn: Turn, verdict: Verdict, *, author: User, texts: Collection[str]) -> Completion | None:
    if not verdict.text:
        return None
    if verdict.text in texts:
        raise Invalid(gettext("the text is that of a completion as it was: let that one carry on, or change the text"))
    [completion] = add_completions(pairs=[(turn.prompt, NewCompletion(text=verdict.text, author=author))])
    return completion


def _label(
    membership: Membership,
    turn: Turn,
    verdict: Verdict,
    *,
    written: Completion | None,
    client_id: UUID,
    source: Source,
) -> Label | None:
    """The judgement with an item of its own, whose prompt is all that was said; one completion of which nothing is said
    gives none."""
    shown = list(Completion.objects.filter(pk__in=turn.order))
    shown.sort(key=lambda each: turn.order.index(each.pk))
    judged = [*shown, written] if written is not None else shown
    if len(judged) < 2 and written is None and not (verdict.notes or any(verdict.flags.values())):
        return None
    ranks = ranks_below(written.pk if written else None, verdict.ranks, shown=turn.order)
    kind = Kind.CONVERSATION if shown else Kind.DEMONSTRATION
    new = NewItem(prompt=turn.prompt, completions=judged if shown else [], kind=kind)
    [item] = create_judged_items(project=membership.project, items=[new])
    label = Label.objects.create(
        project=membership.project,
        item=item,
        kind=kind,
        assignment=turn.assignment,
        turn=turn,
        annotator_id=membership.user_id,
        client_id=client_id,
        fingerprint=verdict.fingerprint(),
        source=source,
        demonstration=written,
        suggestion_id=verdict.suggestion,
        notes=verdict.notes,
        seconds=verdict.seconds,
        guidelines_version=turn.assignment.guidelines_version,
    )
    store_verdicts([(label, replace(verdict, ranks=ranks))])
    return label


def ranks_below(written: int | None, ranks: Mapping[int, int], *, shown: Sequence[int]) -> dict[int, int]:
    """The ranks of a turn as they are stored: what was written for it, if anything, stands above all that was shown."""
    if written is None or not shown:
        return dict(ranks)
    return {written: 1, **{pk: rank + 1 for pk, rank in (ranks or dict.fromkeys(shown, 1)).items()}}


@transaction.atomic
def offer(*, turn_id: int, completions: Sequence[NewCompletion]) -> bool:
    """Bring what was written to the turn that waits for it, in a random order.

    Returns:
        False when the turn has its completions already, or nobody waits for them any more: nothing is doubled.

    Raises:
        NotFound: there is no such turn.
        Invalid: nothing was written.
    """
    turn = _waiting(turn_id)
    if turn is None:
        return False
    distinct = list({new.text: new for new in completions}.values())[:MOST_OFFERED]
    if not distinct:
        raise Invalid(gettext("nothing was written for turn {turn_id}").format(turn_id=turn_id))
    stored = add_completions(pairs=[(turn.prompt, new) for new in distinct])
    turn.order = [completion.pk for completion in stored]
    secrets.SystemRandom().shuffle(turn.order)
    turn.state, turn.error = TurnState.OFFERED, ""
    turn.save(update_fields=["state", "order", "error"])
    _tell(turn)
    return True


@transaction.atomic
def refuse(*, turn_id: int, reason: str) -> None:
    """Say to whoever waits for the turn's completions why there are none."""
    turn = _waiting(turn_id)
    if turn is not None:
        turn.error = reason.strip()[:500] or "it failed without a message"
        turn.save(update_fields=["error"])
        _tell(turn)


def _waiting(turn_id: int) -> Turn | None:
    turn = Turn.objects.select_for_update(of=("self",)).select_related("prompt").filter(pk=turn_id).first()
    if turn is None:
        raise NotFound(gettext("there is no turn {turn_id}").format(turn_id=turn_id))
    open_still = Assignment.objects.filter(pk=turn.assignment_id, state=State.ACTIVE).exists()
    return turn if turn.state == TurnState.WAITING and open_still else None


def _tell(turn: Turn) -> None:
    slug = Prompt.objects.values_list("project__slug", flat=True).get(pk=turn.prompt_id)
    events.publish(slug, "turn", turn=turn.pk, assignment=turn.assignment_id)
