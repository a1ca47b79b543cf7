"""The one door to labeling for other apps: frozen records; reads, and few writes: add_completions for the queue,
ask_people for blind evaluations, offer_turn for conversations.

Nothing here hands out a model instance: what crosses the door is plain data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from labeling.exchange import seeing as seeing
from labeling.exchange.audit import record_change
from labeling.exchange.completions import Wanted, add_completions, let_go, wanted_of
from labeling.exchange.conversations import CONVERSATIONS, WRITE_TURN, TurnRecord, offer_turn, refuse_turn, waiting_turn
from labeling.exchange.counts import (
    count_judgements,
    count_judgements_after,
    count_open_slots,
    first_judgement_after,
    human_ceiling,
    latest_judgement,
    refresh_figures,
    training_weights,
)
from labeling.exchange.evaluations import Asked, EvaluationRecord, ask_people, blind_evaluations, prompts_written_for
from labeling.exchange.records import (
    Chosen,
    CompletionRecord,
    DemonstrationRecord,
    JudgementRecord,
    ProjectRecord,
    PromptRecord,
    Sampled,
)
from labeling.exchange.snapshots import snapshots_up_to
from labeling.models import Project, Prompt, Role, Rule, User
from labeling.selectors import access
from labeling.selectors import judgements as judged_selectors
from labeling.selectors import prompts as prompt_selectors
from labeling.selectors.asked import OpenItems, count_left, open_items
from labeling.selectors.selection import Selection
from labeling.selectors.stored import StoredDemonstration, StoredJudgement
from labeling.services.archive import refuse_archived
from labeling.services.clone import when_cloned

__all__ = [
    "CHANNEL",
    "CONVERSATIONS",
    "MANAGERS",
    "RESEARCHERS",
    "WRITE_TURN",
    "Asked",
    "Chosen",
    "CompletionRecord",
    "Conflict",
    "DemonstrationRecord",
    "DomainError",
    "EvaluationRecord",
    "Invalid",
    "JudgementRecord",
    "NotAllowed",
    "NotFound",
    "OpenItems",
    "ProjectRecord",
    "PromptRecord",
    "Rule",
    "Sampled",
    "TurnRecord",
    "Wanted",
    "add_completions",
    "all_projects",
    "ask_people",
    "blind_evaluations",
    "count_judgements",
    "count_judgements_after",
    "count_left",
    "count_open_slots",
    "demonstrations",
    "first_judgement_after",
    "human_ceiling",
    "judgements",
    "latest_judgement",
    "let_go",
    "offer_turn",
    "open_items",
    "parse_event",
    "project_for",
    "project_record",
    "prompt_record",
    "prompts",
    "prompts_to_sample",
    "prompts_written_for",
    "publish",
    "record_change",
    "refresh_figures",
    "refuse_archived",
    "refuse_turn",
    "seeing",
    "snapshots_up_to",
    "training_weights",
    "waiting_turn",
    "wanted_of",
    "when_cloned",
]

CHANNEL = events.CHANNEL
MANAGERS = access.MANAGERS
RESEARCHERS = access.RESEARCHERS


def all_projects() -> list[ProjectRecord]:
    """Every project, for the worker."""
    return [_project(project) for project in Project.objects.order_by("id")]


def project_record(project_id: int) -> ProjectRecord:
    """One project, for the worker.

    Raises:
        NotFound: there is none with this id.
    """
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        raise NotFound(gettext("there is no project with the id {project_id}").format(project_id=project_id))
    return _project(project)


def project_for(slug: str, *, user: User | AnonymousUser, roles: Collection[str] = access.EVERYBODY) -> ProjectRecord:
    """A project for a person who holds one of the roles in it.

    Raises:
        NotFound: no such project, or no place in it.
        NotAllowed: another role.
    """
    membership = access.membership_in(slug, user=user, roles=roles)
    return _project(membership.project, role=membership.role)


def judgements(project_id: int, *, up_to: int | None = None, held_out: bool | None = None) -> Iterator[JudgementRecord]:
    """Stream the current judgements in the order they were stored, up to a label id."""
    for row in judged_selectors.judgements(project_id, up_to=up_to, selection=Selection(held_out=held_out)):
        yield JudgementRecord(
            id=row.label,
            prompt=_prompt_of(row),
            completions=tuple(
                CompletionRecord(id=pk, text=text, policy_version=version)
                for pk, text, version in zip(row.completions, row.texts, row.versions, strict=True)
            ),
            ranks=_complete(row.ranks),
            ratings=tuple(row.ratings) if any(row.ratings) else None,
            annotator=row.called,
            source=row.source,
            best=row.best,
            chosen=_chosen(row),
        )


def demonstrations(
    project_id: int, *, up_to: int | None = None, held_out: bool | None = None
) -> Iterator[DemonstrationRecord]:
    """Stream what people wrote, in the order it was stored, up to a label id."""
    for row in judged_selectors.demonstrations(project_id, up_to=up_to, selection=Selection(held_out=held_out)):
        yield DemonstrationRecord(
            id=row.label,
            prompt=_prompt_of(row),
            text=row.text,
            suggestion=row.suggestion_text,
            annotator=row.called,
        )


def prompt_record(project_id: int, prompt_id: int) -> PromptRecord:
    """One prompt of a project.

    Raises:
        NotFound: there is none with this id in the project.
    """
    prompt = Prompt.objects.filter(pk=prompt_id, project=project_id).first()
    if prompt is None:
        raise NotFound(gettext("there is no prompt {prompt_id} in this project").format(prompt_id=prompt_id))
    return _prompt(prompt)


def prompts(project_id: int, *, held_out: bool, limit: int) -> list[PromptRecord]:
    """Prompts in a fixed order (by digest), the same ones at every call until prompts are added."""
    rows = Prompt.objects.filter(project=project_id, held_out=held_out).order_by("digest")[:limit]
    return [_prompt(row) for row in rows]


def prompts_to_sample(project_id: int, *, limit: int, held_out: bool = False) -> list[PromptRecord]:
    """Prompts that were written for least, for the policy to write for next: those trained on, or the held-out ones."""
    return [_prompt(row) for row in prompt_selectors.prompts_to_sample(project_id, limit=limit, held_out=held_out)]


def parse_event(payload: str) -> events.Event:
    """The event of a notification on CHANNEL."""
    return events.parse(payload)


def publish(project: str, event: str, **details: Any) -> None:
    """Tell open pages and the worker that something happened; see labeling.events."""
    events.publish(project, event, **details)


def _project(project: Project, *, role: str = Role.ADMIN) -> ProjectRecord:
    return ProjectRecord(
        id=project.pk,
        slug=project.slug,
        name=project.name,
        completions_per_item=project.completions_per_item,
        overlap=project.overlap,
        role=str(role),
        kinds=tuple(project.kinds),
        is_archived=project.is_archived,
    )


def _prompt(prompt: Prompt) -> PromptRecord:
    return PromptRecord(
        id=prompt.pk, digest=prompt.digest, messages=_messages(prompt.messages), held_out=prompt.held_out
    )


def _prompt_of(row: StoredJudgement | StoredDemonstration) -> PromptRecord:
    messages = _messages(row.messages)
    return PromptRecord(id=row.prompt, digest=row.prompt_digest, messages=messages, held_out=row.held_out)


def _chosen(row: StoredJudgement) -> Chosen | None:
    if row.propensity is None or row.random_propensity is None:
        return None
    return Chosen(row.rule, row.propensity, row.random_propensity, row.is_random)


def _messages(messages: Sequence[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((message["role"], message["content"]) for message in messages)


def _complete(ranks: Sequence[int | None]) -> tuple[int, ...] | None:
    known = tuple(rank for rank in ranks if rank is not None)
    return known if len(known) == len(ranks) else None
