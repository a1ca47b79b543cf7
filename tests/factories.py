"""People, projects and judgements for tests: plain functions over the services, nothing is faked.

The cast: alice is admin, bob and dora are annotators, rita is researcher, charlie belongs to another project.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.utils import timezone
from kept_rows import kept
from rest_framework.test import APIClient

from labeling.imports.formats import Format
from labeling.imports.reading import kind_of
from labeling.imports.recorded import Brought, receive
from labeling.models import Assignment, Completion, Import, Item, Label, Project, Role, Slot, User
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items
from labeling.services.tokens import login_token
from labeling.services.verdicts import Verdict

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Cast:
    """A project with its people and its items; charlie has a place in another project only."""

    project: Project
    other_project: Project
    alice: User
    bob: User
    dora: User
    rita: User
    charlie: User
    items: list[Item]


def make_user(username: str, *, password: str = PASSWORD, is_superuser: bool = False) -> User:
    """A person who can log in."""
    user = User(username=username, email=f"{username}@example.org", is_superuser=is_superuser, is_staff=is_superuser)
    user.set_password(password)
    user.save()
    return user


def make_item(
    project: Project,
    *,
    prompt: str | Sequence[Mapping[str, str]] = "Name a colour.",
    texts: Sequence[str] = ("Red.", "Blue.", "Green."),
    overlap: int | None = None,
    priority: int = 0,
    policy_version: int | None = 1,
    kind: str = "ranking",
) -> Item:
    """A prompt with completions, written by a policy version (None: imported), in the queue."""
    stored, _ = add_prompts(project=project, prompts=[prompt if isinstance(prompt, str) else list(prompt)])
    completions = add_completions(
        pairs=[(stored[0], NewCompletion(text=text, policy_version=policy_version)) for text in texts]
    )
    [item] = create_items(
        project=project,
        items=[
            NewItem(
                prompt=stored[0],
                completions=completions,
                overlap=overlap,
                priority=priority,
                policy_version=policy_version,
                kind=kind,
            )
        ],
    )
    return item


def make_cast(
    *, num_items: int = 1, texts: Sequence[str] = ("Red.", "Blue.", "Green."), overlap: int = 1, slug: str = "colours"
) -> Cast:
    """The whole cast, with ``num_items`` items in the queue, the first being the oldest."""
    arguments = (num_items, tuple(texts), overlap, slug)
    cast: Cast = kept(lambda: _make_cast(*arguments), key=arguments)
    return cast


def _make_cast(num_items: int, texts: Sequence[str], overlap: int, slug: str) -> Cast:
    alice, bob, dora, rita, charlie = [make_user(name) for name in ("alice", "bob", "dora", "rita", "charlie")]
    project = create_project(
        slug=slug, creator=alice, name=slug.title(), completions_per_item=len(texts), overlap=overlap
    )
    for user, role in ((bob, Role.ANNOTATOR), (dora, Role.ANNOTATOR), (rita, Role.RESEARCHER)):
        set_member(project=project, user=user, role=role)
    other_project = create_project(slug=f"other-{slug}", creator=charlie)
    items = [make_item(project, prompt=f"Name a colour, number {number}.", texts=texts) for number in range(num_items)]
    return Cast(project, other_project, alice, bob, dora, rita, charlie, items)


def make_import(cast: Cast, content: bytes = b'{"prompt": "Three?"}\n', *, name: str = "more.jsonl") -> Import:
    """An import of alice's that has ended, with its good rows."""
    brought = Brought(name=name, file_format=Format.PROMPTS, kind=kind_of(name), keep_good=True)
    return receive(io.BytesIO(content), brought, project=cast.project, by=cast.alice, num_bytes=len(content))


def claim(project: Project, annotator: User) -> Assignment:
    """The annotator's next assignment; there has to be one."""
    assignment = claim_next(project=project, annotator=annotator)
    assert assignment is not None, f"nothing in the queue of {project.slug} for {annotator}"
    # An hour ago: as long as the active time of a verdict may be.
    Assignment.objects.filter(pk=assignment.pk).update(created=assignment.created - dt.timedelta(hours=1))
    return assignment


def end_lease(assignment: Assignment) -> None:
    """The lease ended a minute ago."""
    ended = timezone.now() - dt.timedelta(minutes=1)
    Slot.objects.filter(assignment=assignment).update(leased_until=ended)
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires=ended)


def a_verdict(
    assignment: Assignment,
    *,
    ratings: Sequence[int] | None = None,
    ranks: Sequence[int] | None = None,
    flags: Mapping[int, list[str]] | None = None,
    notes: str = "",
    seconds: float = 12.0,
) -> Verdict:
    """A complete verdict in the order shown; without arguments the first shown is best, and each rated one less."""
    shown = assignment.order
    return Verdict(
        ratings=dict(zip(shown, ratings or [max(1, 7 - place) for place in range(len(shown))], strict=True)),
        ranks=dict(zip(shown, ranks or range(1, len(shown) + 1), strict=True)),
        flags=flags or {},
        notes=notes,
        seconds=seconds,
    )


def judge(
    project: Project,
    annotator: User,
    *,
    ratings: Sequence[int] | None = None,
    ranks: Sequence[int] | None = None,
    client_id: UUID | None = None,
    by_text: bool = False,
) -> Label:
    """Claim the next item and submit a complete verdict for it.

    Args:
        by_text: what stands first in the alphabet is best. The order shown is random: the verdict that goes by it is
            another one in every run of a test, this one is the same.
    """
    assignment = claim(project, annotator)
    if by_text:
        texts = Completion.objects.in_bulk(assignment.order)
        in_order = sorted(assignment.order, key=lambda pk: texts[pk].text)
        ranks = [in_order.index(pk) + 1 for pk in assignment.order]
        ratings = [8 - rank for rank in ranks]
    return submit_label(
        assignment_id=assignment.pk,
        annotator=annotator,
        verdict=a_verdict(assignment, ratings=ratings, ranks=ranks),
        client_id=client_id or uuid4(),
    ).label


def key_of(label: Label) -> str:
    """What exports call a label that was made here."""
    return hashlib.sha256(label.client_id.bytes).hexdigest()[:16]


def write(project: Project, annotator: User, text: str, *, suggestion: int | None = None) -> Label:
    """Claim the next item, which asks for a demonstration, and write it."""
    assignment = claim(project, annotator)
    return submit_label(
        assignment_id=assignment.pk,
        annotator=annotator,
        verdict=Verdict(text=text, suggestion=suggestion),
        client_id=uuid4(),
    ).label


def api_client(user: User | None = None) -> APIClient:
    """A client of the HTTP API with the user's token; without a user it has none."""
    client = APIClient(raise_request_exception=True)
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {login_token(user)}")
    return client
