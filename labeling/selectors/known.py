"""Reads of items with known answers: what there is, and how people did."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import (
    Assignment,
    Completion,
    ItemCompletion,
    KnownAnswer,
    Label,
    Membership,
    Probe,
    Project,
    Qualification,
    QualificationState,
    Role,
    State,
)
from labeling.quality.estimates import Estimate, wilson
from labeling.quality.known import Answer, to_answer
from labeling.selectors.access import is_candidate


def known_answers(project: Project) -> QuerySet[KnownAnswer]:
    """A project's items with known answers, the newest first."""
    return KnownAnswer.objects.select_related("item__prompt").filter(item__project=project).order_by("-id")


def known_answer(project: Project, known_id: int) -> KnownAnswer:
    """One of them.

    Raises:
        NotFound: there is none with this id in the project.
    """
    found = known_answers(project).filter(pk=known_id).first()
    if found is None:
        raise NotFound(gettext("there is no known answer {known_id} in this project").format(known_id=known_id))
    return found


def known_by_item(items: Collection[int]) -> dict[int, Answer]:
    """The known answers of those of these items that have one."""
    rows = KnownAnswer.objects.filter(item__in=items).values_list("item", "answer")
    return {item: to_answer(answer) for item, answer in rows}


def num_usable(project: Project) -> int:
    """How many are given to people: those that are active and of a kind that the project asks for."""
    return known_answers(project).filter(is_active=True, item__kind__in=project.kinds).count()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands: whether they have still to qualify, their tries, and whether they may begin another."""

    is_candidate: bool
    tries: Sequence[Qualification]
    num_judged: int
    may_try: bool

    @property
    def last(self) -> Qualification | None:
        """The newest try."""
        return self.tries[-1] if self.tries else None


def standing_of(membership: Membership) -> Standing:
    """A member's own standing; two queries."""
    tries = list(membership.qualifications.order_by("number"))
    last = tries[-1] if tries else None
    is_open = last is not None and last.state == QualificationState.OPEN
    candidate = is_candidate(membership)
    return Standing(
        is_candidate=candidate,
        tries=tries,
        num_judged=last.probes.filter(num_asked__isnull=False).count() if last is not None else 0,
        may_try=candidate and not is_open and 0 < len(tries) < membership.project.qualification_tries,
    )


@dataclass(frozen=True, slots=True)
class Readiness:
    """How one annotator did: their last try, and what was right of the items mixed in since."""

    membership: Membership
    last: Qualification | None
    is_candidate: bool
    later: Estimate


def readiness(members: Sequence[Membership]) -> list[Readiness]:
    """How these members of one project did; one query, however many they are."""
    last: dict[int, Qualification] = {}
    for trial in Qualification.objects.filter(membership__in=members).order_by("number"):
        last[trial.membership_id] = trial
    return [
        Readiness(
            membership=member,
            last=last.get(member.pk),
            is_candidate=is_candidate(member),
            later=wilson(member.known_right, member.known_asked),
        )
        for member in members
    ]


def annotators(project: Project) -> QuerySet[Membership]:
    """Who judges in a project as an annotator, by name."""
    return (
        Membership.objects.select_related("user", "project")
        .filter(project=project, role=Role.ANNOTATOR, is_active=True)
        .order_by("user__username", "pk")
    )


@dataclass(frozen=True, slots=True)
class Feedback:
    """One item of a try that is over: what the person said of each completion, and what is right."""

    messages: list[dict[str, str]]
    completions: list[dict[str, Any]]
    right: int
    asked: int
    explanation: str
    number: int = 1


def feedback(trial: Qualification) -> list[Feedback]:
    """The items of a try with one's own judgements beside the known answers; nothing while the try is open."""
    if trial.state == QualificationState.OPEN:
        return []
    return [_feedback(probe) for probe in _probes(Probe.objects.filter(qualification=trial))]


def told_at_once(assignment: Assignment) -> Feedback | None:
    """An item of an open or ended try, judged just now, beside its known answer; None when it is none of a try."""
    probe = _probes(Probe.objects.filter(assignment=assignment, num_asked__isnull=False)).first()
    if probe is None or probe.qualification_id is None:
        return None
    number = Probe.objects.filter(qualification=probe.qualification_id, num_asked__isnull=False).count()
    return replace(_feedback(probe), number=number)


@dataclass(frozen=True, slots=True)
class Later:
    """What was right of the first ``judged`` items that were mixed in, with Wilson's interval."""

    judged: int
    right: Estimate


def told_later(membership: Membership) -> Later | None:
    """What a member is told of the items mixed in: after every so many, so that it never says which they were."""
    every = membership.project.tells_later
    if not every or membership.pk is None:
        return None
    rows = Probe.objects.filter(
        assignment__annotator=membership.user_id,
        assignment__item__project=membership.project_id,
        assignment__state=State.SUBMITTED,
        qualification__isnull=True,
        num_asked__isnull=False,
    )
    marks = list(rows.order_by("assignment__changed", "pk").values_list("num_right", "num_asked"))
    told = marks[: len(marks) // every * every]
    if not told:
        return None
    return Later(len(told), wilson(sum(right or 0 for right, _ in told), sum(asked or 0 for _, asked in told)))


def _probes(rows: QuerySet[Probe]) -> QuerySet[Probe]:
    labels = Label.objects.filter(superseded_by__isnull=True).prefetch_related("ranks", "ratings")
    return (
        rows.select_related("answer__item__prompt", "assignment")
        .prefetch_related(
            Prefetch("assignment__labels", queryset=labels),
            Prefetch("answer__item__entries", queryset=ItemCompletion.objects.select_related("completion")),
        )
        .order_by("assignment__changed", "pk")
    )


def _feedback(probe: Probe) -> Feedback:
    known = to_answer(probe.answer.answer)
    label = next(iter(probe.assignment.labels.all()), None)
    ranks = {row.completion_id: row.rank for row in label.ranks.all()} if label else {}
    ratings = {row.completion_id: row.value for row in label.ratings.all()} if label else {}
    texts: dict[int, Completion] = {entry.completion_id: entry.completion for entry in probe.answer.item.entries.all()}
    return Feedback(
        messages=probe.answer.item.prompt.messages,
        completions=[
            {
                "text": texts[pk].text,
                "rank": ranks.get(pk),
                "rating": ratings.get(pk),
                "is_picked": bool(label and label.best_id == pk),
                "known_rank": known.ranks.get(pk),
                "known_rating": known.ratings.get(pk),
                "is_best": known.best == pk,
            }
            for pk in probe.assignment.order
        ],
        right=probe.num_right or 0,
        asked=probe.num_asked or 0,
        explanation=probe.answer.explanation,
    )
