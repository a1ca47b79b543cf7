"""Simulated annotators in conversation: they judge what is there to be judged, and end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from uuid import uuid4

from labeling.models import Assignment, Completion, Label, Sides, Source, Turn
from labeling.selectors.conversations import Conversation, Step, conversation
from labeling.services.conversations import finish, say
from labeling.services.turns import settle
from labeling.services.verdicts import Verdict
from labeling.simulation.annotators import Habits, Opinion, decide
from labeling.simulation.answers import written_for
from labeling.simulation.truth import reward

NEXT = ("Could you say that in other words?", "And what else should I know?", "Why is that?")


def talk(assignment: Assignment, *, habits: Habits, chance: random.Random) -> tuple[Label, Opinion, list[float]] | None:
    """Judge what is there to be judged, and end the conversation.

    Nobody waits for a simulated annotator: with the policy as the other side it ends after the first turn, whose
    completions are there; as both sides it goes on to the last turn. When the first completions are still to be written
    it stays open.

    Returns:
        As work.judge, of the last turn that was judged; None when nothing could be judged.
    """
    project, done = assignment.item.project, None
    while (now := conversation(assignment, project=project)).step in (Step.SAY, Step.RANK, Step.WRITE):
        if now.judged and project.conversation_sides == Sides.USER:
            break
        if now.step == Step.SAY:
            text = now.topic if not now.judged else chance.choice(NEXT)
            say(
                assignment_id=assignment.pk,
                annotator=assignment.annotator,
                number=now.turn,
                text=text,
                client_id=uuid4(),
            )
        else:
            done = _judge(assignment, now, habits=habits, chance=chance) or done
    if now.may_finish:
        finish(assignment_id=assignment.pk, annotator=assignment.annotator)
    return done


def _judge(
    assignment: Assignment, now: Conversation, *, habits: Habits, chance: random.Random
) -> tuple[Label, Opinion, list[float]] | None:
    texts = dict(Completion.objects.filter(pk__in=now.shown).order_by("pk").values_list("pk", "text"))
    flags = assignment.item.project.flags
    opinion = decide(now.messages, list(texts.values()), habits=habits, chance=chance, flags=flags)
    turn = settle(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        number=now.turn,
        verdict=_verdict(texts, opinion, now, seconds=round(chance.uniform(20.0, 90.0), 1)),
        client_id=uuid4(),
        source=Source.SIMULATION,
    )
    label = _label_of(turn)
    return (label, opinion, [reward(now.messages, text) for text in texts.values()]) if label else None


def _verdict(texts: Mapping[int, str], opinion: Opinion, now: Conversation, *, seconds: float) -> Verdict:
    ranks = dict(zip(texts, opinion.ranks, strict=True))
    raised = {pk: list(codes) for pk, codes in zip(texts, opinion.flags, strict=True) if codes}
    best = min((pk for pk in ranks if texts[pk].strip()), key=lambda pk: (ranks[pk], pk), default=None)
    if best is None or ranks[best] != 1:
        return Verdict(ranks=ranks, flags=raised, text=written_for(now.messages), seconds=seconds)
    return Verdict(ranks=ranks, flags=raised, best=best, seconds=seconds)


def _label_of(turn: Turn) -> Label | None:
    return Label.objects.filter(turn=turn, superseded_by__isnull=True).first()
