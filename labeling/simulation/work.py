"""Simulated annotators at work, through the same services as people."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import uuid4

from labeling.errors import Invalid
from labeling.models import Assignment, Completion, Kind, Label, Membership, Project, Role, Source, User
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.projects import set_member
from labeling.simulation.annotators import QUALITIES, Habits, Opinion, decide
from labeling.simulation.answers import answer
from labeling.simulation.talking import talk
from labeling.simulation.truth import reward


@dataclass(slots=True)
class Worked:
    """What simulated annotators did. ``agreement`` is the share of their wins that the true reward agrees with."""

    labels: int = 0
    ties: int = 0
    wins: int = 0
    right: int = 0

    @property
    def agreement(self) -> float:
        """NaN without wins."""
        return self.right / self.wins if self.wins else math.nan


def judge_items(
    project: Project,
    *,
    num_labels: int,
    num_annotators: int = 4,
    qualities: Sequence[str] = ("average",),
    seed: int = 0,
    on_label: Callable[[int], None] | None = None,
) -> Worked:
    """Let simulated annotators judge until there are enough labels or nothing is left for any of them.

    They take turns by chance; the same seed on the same queue gives the same labels.

    Args:
        qualities: names of annotators.QUALITIES; annotator n has the n-th, and again from the first.
        on_label: called with the number of labels so far.

    Raises:
        Invalid: no labels, no annotators, or an unknown quality.
    """
    habits = habits_of(qualities, count=num_annotators)
    if num_labels < 1:
        raise Invalid(f"{num_labels} labels: ask for 1 or more")
    team = join(project, count=num_annotators)
    order = random.Random(f"{seed} turns")
    chances = [random.Random(f"{seed} annotator {number}") for number in range(num_annotators)]
    idle: set[int] = set()
    worked = Worked()
    while worked.labels < num_labels and len(idle) < num_annotators:
        turn = order.choice([number for number in range(num_annotators) if number not in idle])
        assignment = claim_next(project=project, annotator=team[turn])
        if assignment is None:
            idle.add(turn)
            continue
        judged = judge(assignment, habits=habits[turn], chance=chances[turn])
        if judged is None:
            idle.add(turn)
            continue
        _, opinion, rewards = judged
        _count(worked, opinion, rewards)
        if on_label is not None:
            on_label(worked.labels)
    return worked


def habits_of(qualities: Sequence[str], *, count: int) -> list[Habits]:
    """The habits of each of the annotators.

    Raises:
        Invalid: no annotators, or an unknown quality.
    """
    if count < 1:
        raise Invalid(f"{count} annotators: ask for 1 or more")
    if not qualities or (unknown := [name for name in qualities if name not in QUALITIES]):
        named = repr(unknown[0]) if qualities else "''"
        raise Invalid(f"there is no quality {named}: use {', '.join(QUALITIES)}")
    return [QUALITIES[qualities[number % len(qualities)]] for number in range(count)]


def join(project: Project, *, count: int) -> list[User]:
    """Accounts sim-1, sim-2, ... that nobody can log in with, each an annotator of the project."""
    team = []
    for number in range(1, count + 1):
        user = User.objects.filter(username=f"sim-{number}").first()
        if user is None:
            user = User.objects.create_user(f"sim-{number}")  # without a password it is unusable
        if not Membership.objects.filter(project=project, user=user, is_active=True).exists():
            set_member(project=project, user=user, role=Role.ANNOTATOR)
        team.append(user)
    return team


def judge(
    assignment: Assignment, *, habits: Habits, chance: random.Random
) -> tuple[Label, Opinion, list[float]] | None:
    """Decide about one assignment and submit it; None for a conversation in which nothing is written yet.

    Returns:
        The label, the opinion and the true rewards, both in the order of the completions' ids.
    """
    if assignment.item.kind == Kind.CONVERSATION:
        return talk(assignment, habits=habits, chance=chance)
    messages = assignment.item.prompt.messages
    texts = dict(Completion.objects.filter(pk__in=assignment.order).order_by("pk").values_list("pk", "text"))
    flags = assignment.item.project.flags
    # By id and not as shown: the order shown is random, and the seed alone shall decide.
    opinion = decide(messages, list(texts.values()), habits=habits, chance=chance, flags=flags)
    verdict = answer(
        assignment.item.kind, texts, opinion, messages=messages, seconds=round(chance.uniform(20.0, 90.0), 1)
    )
    submitted = submit_label(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        verdict=verdict,
        client_id=uuid4(),
        source=Source.SIMULATION,
    )
    return submitted.label, opinion, [reward(messages, text) for text in texts.values()]


def _count(worked: Worked, opinion: Opinion, rewards: Sequence[float]) -> None:
    worked.labels += 1
    for first, second in combinations(range(len(rewards)), 2):
        difference = opinion.ranks[second] - opinion.ranks[first]
        if difference == 0:
            worked.ties += 1
        else:
            worked.wins += 1
            worked.right += difference * (rewards[first] - rewards[second]) > 0
