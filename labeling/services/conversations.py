"""What an annotator does in a conversation: say something, go on with what was written, come to an end.

A conversation is one assignment. Each turn makes a prompt of all messages so far; services.turns records its ranking.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext

from labeling import events, jobs
from labeling.errors import Conflict, Invalid
from labeling.models import (
    TURN_SOURCE,
    Assignment,
    Item,
    Kind,
    Membership,
    Opening,
    Project,
    Prompt,
    Sides,
    Slot,
    State,
    Turn,
    TurnState,
    User,
)
from labeling.selectors.conversations import MOST_OFFERED, messages_so_far, turns_of
from labeling.services.assignments import check_active, locked_assignment, take_slot
from labeling.services.limits import count_judgement
from labeling.services.prompts import add_prompts
from labeling.services.texts import check_text

MAX_SAID_CHARACTERS = 20_000


@transaction.atomic
def say(*, assignment_id: int, annotator: User, number: int, text: str, client_id: UUID) -> Turn:
    """Say something as the user; the policy is asked to write for it.

    Sending the same ``client_id`` with the same text again is harmless, and asks anew when nothing was written yet.

    Args:
        number: the turn that this begins, from 1. Where the prompt is what is said first, its text is taken.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: no conversation, an empty text, or one over 20,000 characters.
        Conflict: the turn was begun already, the one before is open, the last one is over, or the conversation is; or
            the client id belongs to something else.
    """
    membership, assignment = locked_conversation(assignment_id=assignment_id, annotator=annotator)
    known = Turn.objects.select_related("prompt").filter(client_id=client_id).first()
    if known is not None:
        return _said_again(known, assignment, text)
    check_active(assignment)
    turns = turns_of(assignment)
    check_number(number, turns=turns, project=membership.project)
    prompt = _prompt(membership.project, assignment, turns, text)
    turn = Turn.objects.create(assignment=assignment, number=number, prompt=prompt, client_id=client_id)
    if membership.project.conversation_sides == Sides.USER:
        _ask_or_offer(turn, assignment)
    touch(membership, assignment)
    return turn


@transaction.atomic
def ask_again(*, assignment_id: int, annotator: User, number: int) -> Turn:
    """Ask once more for what has not come. What came meanwhile stays as it is: nothing is doubled.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: no conversation.
        Conflict: the turn is not the open one, or the conversation is over.
    """
    membership, assignment = locked_conversation(assignment_id=assignment_id, annotator=annotator)
    check_active(assignment)
    turn = Turn.objects.filter(assignment=assignment, number=number).exclude(state=TurnState.SETTLED).first()
    if turn is None:
        raise Conflict(
            gettext("turn {number} is not the open one: reload the page to see where you are").format(number=number),
            code="turn_taken",
        )
    if turn.state == TurnState.WAITING and membership.project.conversation_sides == Sides.USER:
        ask(turn)
    touch(membership, assignment, keeps_draft=True)
    return turn


@transaction.atomic
def finish(*, assignment_id: int, annotator: User) -> Assignment:
    """End the conversation: its slot is done. Ending it twice is harmless.

    A turn for which nothing was written is left as it is; one whose completions are there is to be ranked first.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: no conversation.
        Conflict: skipped, nothing was judged yet, or completions wait to be ranked.
    """
    membership, assignment = locked_conversation(assignment_id=assignment_id, annotator=annotator)
    if assignment.state == State.SUBMITTED:
        return assignment
    check_active(assignment)
    turns = turns_of(assignment)
    if not any(turn.state == TurnState.SETTLED for turn in turns):
        raise Conflict(
            gettext("nothing is judged in this conversation yet: finish a turn first, or skip"), code="nothing_judged"
        )
    if turns[-1].state == TurnState.OFFERED:
        raise Conflict(
            gettext("turn {number} has completions to be ranked: rank them first").format(number=turns[-1].number),
            code="turn_open",
        )
    counts = take_slot(assignment, minutes=membership.project.lease_minutes)
    Slot.objects.filter(assignment=assignment).update(is_done=True)
    if counts:  # the database refuses more than the overlap
        Item.objects.filter(pk=assignment.item_id).update(num_judgements=F("num_judgements") + 1)
    column = "num_submitted" if counts else "num_extra"
    Membership.objects.filter(pk=membership.pk).update(**{column: F(column) + 1}, **count_judgement(membership))
    assignment.state, assignment.draft = State.SUBMITTED, {}
    assignment.save(update_fields=["state", "draft", "changed"])
    events.publish(membership.project.slug, "label", conversation=assignment.pk, annotator=annotator.pk)
    return assignment


def locked_conversation(*, assignment_id: int, annotator: User) -> tuple[Membership, Assignment]:
    """The annotator's assignment and their membership, which is locked, when it is a conversation.

    Raises:
        NotFound, NotAllowed: see assignments.locked_assignment.
        Invalid: it asks for something else.
    """
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.item.kind != Kind.CONVERSATION:
        raise Invalid(
            gettext("assignment {assignment_id} is no conversation, it is of kind {kind}: submit it").format(
                assignment_id=assignment_id, kind=assignment.item.kind
            )
        )
    return membership, assignment


def check_number(number: int, *, turns: list[Turn], project: Project) -> None:
    """Refuse to begin a turn that is not the next one.

    Raises:
        Conflict: it was begun already, another one is open, or there are no more.
    """
    if number <= len(turns):
        raise Conflict(
            gettext(
                "turn {number} was begun already, perhaps in another tab: reload the page to see where you are"
            ).format(number=number),
            code="turn_taken",
        )
    if number > len(turns) + 1 or (turns and turns[-1].state != TurnState.SETTLED):
        raise Conflict(
            gettext("turn {number} is not next: turn {open} is open").format(number=number, open=max(len(turns), 1)),
            code="turn_open",
        )
    if number > project.conversation_turns:
        raise Conflict(
            gettext("a conversation has at most {limit} turns here: finish it").format(
                limit=project.conversation_turns
            ),
            code="no_more_turns",
        )


def is_done(*, assignment_id: int, annotator: User, client_id: str) -> bool:
    """Whether what came with this client id was said, or judged, in this conversation already."""
    try:
        sent = UUID(client_id)
    except ValueError:
        return False
    mine = Turn.objects.filter(assignment=assignment_id, assignment__annotator=annotator)
    return mine.filter(Q(client_id=sent) | Q(settled_id=sent)).exists()


def touch(membership: Membership, assignment: Assignment, *, keeps_draft: bool = False) -> None:
    """Renew the lease, as long as there is a slot; the draft was of the step that is done."""
    if not keeps_draft:
        assignment.draft = {}
        assignment.save(update_fields=["draft", "changed"])
    take_slot(assignment, minutes=membership.project.lease_minutes)


def ask(turn: Turn) -> None:
    """Ask the worker for the turn's completions; once, however often it is asked."""
    turn.asked, turn.error = timezone.now(), ""
    turn.save(update_fields=["asked", "error"])
    jobs.defer_turn(turn.pk)


def _said_again(known: Turn, assignment: Assignment, text: str) -> Turn:
    said = known.prompt.last_turn
    if known.assignment_id != assignment.pk or text.strip() not in ("", said.strip()):
        raise Conflict(
            gettext("this client id belongs to something else that was said: make a new one"), code="client_id_used"
        )
    sides = assignment.item.project.conversation_sides
    if known.state == TurnState.WAITING and assignment.state == State.ACTIVE and sides == Sides.USER:
        ask(known)
    return known


def _prompt(project: Project, assignment: Assignment, turns: list[Turn], text: str) -> Prompt:
    """The messages so far as a prompt, on the side of the split that the conversation began on.

    A conversation that begins with a held-out prompt quotes it at every turn, so none of its turns is learned from. And
    one that begins with another prompt is never what models are judged by: they were trained on its beginning.
    """
    opening = assignment.item.prompt
    if not turns and project.conversation_opening == Opening.PROMPT:
        return opening
    if len(check_text(text, name="what you say")) > MAX_SAID_CHARACTERS:
        raise Invalid(
            gettext("what you say has {count:,} characters: at most {limit:,} are taken").format(
                count=len(text), limit=MAX_SAID_CHARACTERS
            )
        )
    if not text.strip():
        raise Invalid(gettext("what you say is empty: write something"))
    messages = [*messages_so_far(opening, turns), {"role": "user", "content": text}]
    held_out = opening.held_out or any(turn.prompt.held_out for turn in turns)
    [prompt], _ = add_prompts(
        project=project, prompts=[messages], source=TURN_SOURCE, topics=[opening.topics], held_out=held_out
    )
    # It is written for now: the loop's own rounds take it when its turn among the others comes.
    Prompt.objects.filter(pk=prompt.pk).update(times_sampled=F("times_sampled") + 1)
    return prompt


def _ask_or_offer(turn: Turn, assignment: Assignment) -> None:
    """What was written for the item's own prompt is there already."""
    if turn.prompt_id == assignment.item.prompt_id and assignment.order:
        turn.state, turn.order = TurnState.OFFERED, assignment.order[:MOST_OFFERED]
        turn.save(update_fields=["state", "order"])
    else:
        ask(turn)
