"""Saying what a change does before it is done: a page with the effects, and the same form once more to say yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from labeling.http import SignedInRequest

ANSWERS = frozenset({"csrfmiddlewaretoken", "confirmed", "back"})


def is_confirmed(request: SignedInRequest) -> bool:
    """Whether what the change does was said, and they said yes."""
    return "confirmed" in request.POST


def said(value: Any, field: Any) -> str:
    """A value of a form's field in words."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    names = dict(getattr(field, "choices", ()))
    values = value if isinstance(value, list) else [value]
    return "; ".join(str(names.get(each, each)) for each in values if each is not None) or "–"


def ask(
    request: SignedInRequest, context: Mapping[str, Any], *, effects: Sequence[Mapping[str, Any]], save: str, back: str
) -> HttpResponse:
    """The page that says what the form does that was sent to this address; a button of it sends the form again.

    With ``back`` among what is sent the form is to be shown as it was, with ``confirmed`` to be done.

    Args:
        context: project and role, as for any page of a project.
        effects: each with its ``label`` and ``text``; ``was`` and ``now`` where they are short, and ``choice``: the
            label of a checkbox ``apply_to_open_items``.
        save, back: what the two buttons say.
    """
    sent = [(name, value) for name, values in request.POST.lists() if name not in ANSWERS for value in values]
    has_choice = any(effect.get("choice") for effect in effects)
    context = {**context, "effects": effects, "sent": sent, "save": save, "back": back, "has_choice": has_choice}
    return render(request, "labeling/confirm.html", context)
