"""Pieces of a page that are the same for every item: rendered once, then stamped with the ids of what is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django import template
from django.template.loader import get_template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

if TYPE_CHECKING:
    from labeling.judgement_forms.base import Row

register = template.Library()

ID = "\ue0d1id\ue0d1"  # stands for the id; private characters are neither escaped nor in our templates
INDENT = re.compile(r"\s*\n\s*")
KEPT = 512  # pieces in each process, a few kilobytes each


@register.simple_tag
def stamped(name: str, row: Row | None = None, **values: Any) -> SafeString:
    """Include a template that sees the values given here and a completion's row, and nothing else.

    It is rendered once for a language and the same values and work filled in; only the row's id, which it may print
    and not compare, is put in anew. The text of the completion is not in it.
    """
    told = tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in values.items())
    if row is None:
        return mark_safe(_pieces(name, get_language(), None, told)[0])  # rendered by a template, which escaped it
    blank = replace(row, id=ID, text="")  # type: ignore[arg-type]  # the id is only printed
    return mark_safe(conditional_escape(str(row.id)).join(_pieces(name, get_language(), blank, told)))  # likewise


@lru_cache(maxsize=KEPT)
def _pieces(name: str, _language: str | None, row: Row | None, values: tuple[tuple[str, Any], ...]) -> list[str]:
    """The template's text, parted where the id stands; without the indents, which are a tenth of it."""
    return INDENT.sub("\n", get_template(name).render({**dict(values), "row": row})).split(ID)
