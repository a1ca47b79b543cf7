"""An item that nobody has begun, cast from a mould instead of rendered.

Between two such items of a project only ids, texts and figures differ. The template is rendered once with marks in
their places, and each item fills the places: people wait for it at every judgement, and rendering took a third of that
time. A mould knows what is named in Look and nothing else, so that nothing old or of somebody else stays in it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.middleware.csrf import get_token
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from labeling.http import SignedInRequest
from labeling.judgement_forms import RATINGS, judgement_form
from labeling.models import Membership, SkipReason
from labeling.models.flags import Question
from labeling.rendering.cache import BoundedCache
from labeling.selectors.queue import Sheet, ShownCompletion
from labeling.services.active_time import IDLE_SECONDS
from labeling.templatetags.places import Place
from labeling.templatetags.prefloop import duration, shown, whole

FIRST_ID = secrets.randbelow(10**17) + 8 * 10**17
"""In a mould ids count from here on: digits, because addresses take nothing else, and not to be met by chance."""
ASSIGNMENT, PERSON, COMPLETIONS = FIRST_ID, FIRST_ID + 1, FIRST_ID + 2
FACED = re.compile(Place.MARK + "([a-z_0-9]+)" + Place.MARK)

Mould = list[str]
"""The page in pieces: text as it is and the name of what comes there, in turns."""

_moulds: BoundedCache[tuple[str, Look], Mould]


@dataclass(frozen=True, slots=True)
class Look:
    """All that a mould is made of, apart from the language."""

    slug: str
    guidelines_version: int | None
    questions: str
    kind: str
    completions: int
    roles: tuple[str, ...]


def can_be_cast(sheet: Sheet) -> bool:
    """Whether nothing is filled in, and what is asked is the same for all items of its kind."""
    return not sheet.draft and sheet.conversation is None


def cast_item(request: SignedInRequest, sheet: Sheet, *, membership: Membership) -> SafeString:
    """The item alone, as ``labeling/_item.html`` renders it."""
    project = membership.project
    look = Look(
        slug=project.slug,
        guidelines_version=project.guidelines_version,
        questions=f"{project.flags} {project.own_flags}",
        kind=sheet.kind,
        completions=len(sheet.completions),
        roles=tuple(turn["role"] for turn in sheet.prompt),
    )
    key = (get_language() or "", look)
    mould = _moulds.get(key)
    if mould is None:
        mould = make_mould(look, questions=project.questions)
        _moulds.put(key, mould)
    values = dict(_values(request, sheet, membership=membership))
    pieces = [values[piece] if number % 2 else piece for number, piece in enumerate(mould)]
    return mark_safe("".join(pieces))  # rendered by a template and by _values, both of which escape


def _values(request: SignedInRequest, sheet: Sheet, *, membership: Membership) -> Iterator[tuple[str, str]]:
    """What comes into the places, as HTML."""
    far = {"project": membership.project, "progress": sheet.progress}
    yield "far", get_template("labeling/_far.html").render(far)
    yield "assignment", str(sheet.assignment)
    yield "person", str(request.user.pk)
    yield "client_id", str(uuid4())
    yield "token", get_token(request)
    yield "lease", sheet.lease_expires.isoformat()
    yield "seconds_whole", whole(sheet.progress.seconds)
    yield "seconds_duration", duration(sheet.progress.seconds)
    for number, turn in enumerate(sheet.prompt):
        yield f"turn_{number}", shown(turn["content"])
    for number, completion in enumerate(sheet.completions):
        yield f"id_{number}", str(completion.id)
        yield f"text_{number}", shown(completion.text)


def make_mould(look: Look, *, questions: list[Question]) -> Mould:
    """Render the template with marks for all that differs between items."""
    marked: dict[str, Any] = {
        "assignment": ASSIGNMENT,
        "kind": look.kind,
        "prompt": [{"role": role, "content": Place(f"turn_{number}")} for number, role in enumerate(look.roles)],
        "completions": [ShownCompletion(COMPLETIONS + n, Place(f"text_{n}")) for n in range(look.completions)],
        "lease_expires": SimpleNamespace(isoformat=Place("lease")),
        "draft": {"client_id": Place("client_id")},
        "flags": [question.code for question in questions],
        "progress": SimpleNamespace(seconds=Place("seconds")),
    }
    sheet = Sheet(**marked)
    page = get_template("labeling/_item.html").render(
        {
            "sheet": sheet,
            "form": judgement_form(sheet),
            "progress": sheet.progress,
            "far": Place("far"),
            "csrf_token": Place("token"),
            "user": SimpleNamespace(pk=PERSON),
            "project": SimpleNamespace(slug=look.slug, guidelines_version=look.guidelines_version),
            "questions": questions,
            "ratings": RATINGS,
            "skip_reasons": SkipReason.choices,
            "idle_seconds": IDLE_SECONDS,
        }
    )
    ids = {ASSIGNMENT: "assignment", PERSON: "person"}
    ids |= {COMPLETIONS + number: f"id_{number}" for number in range(look.completions)}
    for pk, name in ids.items():
        page = page.replace(str(pk), Place(name))
    return FACED.split(page)


_moulds = BoundedCache(limit=16_000_000, size=lambda mould: sum(map(len, mould)))
