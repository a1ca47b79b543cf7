"""What admins prepare: items with known answers, and how new annotators are got ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext, ngettext

from labeling.errors import Invalid
from labeling.models import (
    Completion,
    Item,
    Kind,
    KnownAnswer,
    Label,
    Membership,
    Project,
    Prompt,
    Purpose,
    User,
)
from labeling.quality.known import Answer, num_asked
from labeling.services.audit import record
from labeling.services.projects import update_project
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_entries, add_prompts, check_item
from labeling.services.texts import check_text

MAX_EXPLANATION_CHARACTERS = 5_000
SOURCE = "known answers"
SETTINGS = (
    "qualification_items",
    "qualification_mark",
    "qualification_tries",
    "qualification_feedback",
    "known_percent",
    "tells_at_once",
    "tells_later",
)


@dataclass(frozen=True, slots=True)
class NewKnown:
    """A prompt, completions and what is right about them, by their places from 0."""

    messages: object
    texts: Sequence[str]
    ranks: Sequence[int] | None = None
    ratings: Sequence[int | None] | None = None
    best: int | None = None
    explanation: str = ""


@transaction.atomic
def add_known(*, project: Project, new: Sequence[NewKnown], author: User | None) -> list[KnownAnswer]:
    """Store items with their known answers. They are prompts like others, but nothing of them is in the queue.

    Raises:
        Invalid: a text, a ranking or a rating that breaks a rule; an answer that asks nothing, or of a kind that the
            project does not ask for, so that people would notice.
    """
    prompts, _ = add_prompts(project=project, prompts=[each.messages for each in new], source=SOURCE)
    stored = iter(
        add_completions(
            pairs=[
                (prompt, NewCompletion(text=text))
                for prompt, each in zip(prompts, new, strict=True)
                for text in each.texts
            ]
        )
    )
    made = []
    record(actor=author, project=project, action="known.added", after={"number": len(new)})
    for prompt, each in zip(prompts, new, strict=True):
        completions = [next(stored) for _ in each.texts]
        ids = [completion.pk for completion in completions]
        answer = Answer(
            ranks=dict(zip(ids, each.ranks, strict=True)) if each.ranks is not None else {},
            ratings={pk: value for pk, value in zip(ids, each.ratings or (), strict=False) if value is not None},
            best=None if each.best is None else ids[each.best],
        )
        made.append(_store(project, prompt, completions, answer=answer, explanation=each.explanation, author=author))
    return made


@transaction.atomic
def known_from(*, label: Label, author: User, explanation: str = "") -> KnownAnswer:
    """Take a judgement that stands as the right one: an item of its own with the same prompt and completions.

    Raises:
        Invalid: see add_known.
    """
    answer = answer_of(label)
    record(actor=author, project=label.project, action="known.added", after={"judgement": label.pk})
    completions = [entry.completion for entry in label.item.entries.select_related("completion").order_by("position")]
    return _store(label.project, label.item.prompt, completions, answer=answer, explanation=explanation, author=author)


def _store(
    project: Project,
    prompt: Prompt,
    completions: Sequence[Completion],
    *,
    answer: Answer,
    explanation: str,
    author: User | None,
) -> KnownAnswer:
    if len(check_text(explanation, name="the explanation")) > MAX_EXPLANATION_CHARACTERS:
        raise Invalid(
            gettext("the explanation has {count:,} characters: at most {most:,} are kept").format(
                count=len(explanation), most=MAX_EXPLANATION_CHARACTERS
            )
        )
    check_item(NewItem(prompt=prompt, completions=completions, kind=Kind.RATING), project)  # what holds for each kind
    kind = kind_of(answer, num_completions=len(completions), kinds=project.kinds)
    check_item(NewItem(prompt=prompt, completions=completions, kind=kind), project)
    item = Item.objects.create(project=project, prompt=prompt, kind=kind, purpose=Purpose.KNOWN, overlap=1)
    add_entries([item], [completions])
    return KnownAnswer.objects.create(item=item, answer=_stored(answer), explanation=explanation, author=author)


def _stored(answer: Answer) -> dict[str, Any]:
    """As JSON has it: the ids are texts."""
    return {
        "ranks": {str(pk): rank for pk, rank in answer.ranks.items()},
        "ratings": {str(pk): rating for pk, rating in answer.ratings.items()},
        "best": answer.best,
    }


def kind_of(answer: Answer, *, num_completions: int, kinds: Sequence[str]) -> str:
    """The first kind of the project's that the answer can mark.

    Raises:
        Invalid: there is none, or the answer leaves everything open.
    """
    if not num_asked(answer):
        raise Invalid(gettext("the answer asks nothing: rank one completion before another, rate one, or pick one"))
    fitting = _fitting(answer, num_completions)
    for kind in kinds:
        if kind in fitting:
            return kind
    raise Invalid(
        gettext("this answer marks items of kind {fitting}, and the project asks for {kinds}").format(
            fitting=" or ".join(fitting), kinds=" and ".join(kinds)
        )
    )


def _fitting(answer: Answer, num_completions: int) -> list[str]:
    is_order = len(set(answer.ranks.values())) > 1
    has_first = answer.best is not None or list(answer.ranks.values()).count(1) == 1
    fitting = {
        Kind.RANKING: is_order or bool(answer.ratings),
        Kind.RATING: bool(answer.ratings),
        Kind.BEST: has_first,
        Kind.PAIR: is_order and num_completions == 2,
    }
    return [kind.value for kind, fits in fitting.items() if fits]


@transaction.atomic
def set_active(*, known: KnownAnswer, is_active: bool, changed_by: User | None = None) -> KnownAnswer:
    """Give the item to people from now on, or no more. What was begun can be finished."""
    if known.is_active != is_active:
        known.is_active = is_active
        known.save(update_fields=["is_active"])
        project, subject = known.item.project, f"known answer {known.pk}"
        record(
            actor=changed_by, project=project, action="known.changed", subject=subject, after={"is_active": is_active}
        )
    return known


def answer_of(label: Label) -> Answer:
    """What a stored judgement says."""
    return Answer(
        ranks=dict(label.ranks.values_list("completion", "rank")),
        ratings={row.completion_id: row.value for row in label.ratings.all() if row.value is not None},
        best=label.best_id,
    )


@transaction.atomic
def change_settings(*, project: Project, changed_by: User | None, **settings: Any) -> Project:
    """Say how people are got ready. Who has judged before it is asked for needs no qualification.

    Raises:
        Invalid: a value outside its range, or more items than there are with known answers.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    wanted = settings.get("qualification_items", project.qualification_items)
    there = KnownAnswer.objects.filter(item__project=project, is_active=True, item__kind__in=project.kinds).count()
    if isinstance(wanted, int) and wanted > there and wanted != project.qualification_items:
        raise Invalid(
            ngettext(
                "a qualification of {wanted} item needs one with a known answer: there are {there}",
                "a qualification of {wanted} items needs as many with known answers: there are {there}",
                wanted,
            ).format(wanted=wanted, there=there)
        )
    if not there and settings.get("known_percent"):
        raise Invalid(gettext("there are no items with known answers to be mixed in: make some first"))
    begins = not project.qualification_items
    project = update_project(project=project, changed_by=changed_by, **settings)
    if begins and project.qualification_items:
        Membership.objects.filter(project=project, num_submitted__gt=F("num_known")).update(is_let_in=True)
    return project
