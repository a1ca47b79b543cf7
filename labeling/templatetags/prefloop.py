"""What templates need beyond Django's own: texts as they are shown, times, and which page of a project is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.defaultfilters import floatformat
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from labeling.models import Kind, Project, Rule
from labeling.models.skips import reason_shown
from labeling.rendering import extract, show
from labeling.templatetags.places import Place

register = template.Library()


@register.filter
def shown(text: str) -> SafeString:
    """What a person or a model wrote, rendered and raw; the page's switch tells which is seen."""
    if isinstance(text, Place):
        return text
    views = show(text)
    views_html = mark_safe(views.html)  # made of escaped text and of what passed the gate of labeling.rendering
    if not views.is_limited:
        return views_html
    reason = gettext("Too long or too deeply nested to be shown with its markup; this is the raw text.")
    return format_html('<p class="text-limit muted">{}</p>{}', reason, views_html)


@register.filter
def markdown(text: str) -> SafeString:
    """Guidelines and the like, rendered, below a heading of the second level."""
    return mark_safe(show(text, top=3).rendered)  # as above


@register.filter
def line_of(text: str, limit: int) -> str:
    """The beginning of a text as one line of words without markup, for lists."""
    return extract(text, limit=limit)


@register.filter
def duration(seconds: float | Place) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    if isinstance(seconds, Place):
        return seconds.through("duration")
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def whole(number: float | Place) -> str:
    """A number for a script: rounded, and written as scripts read it in any language."""
    return number.through("whole") if isinstance(number, Place) else str(round(number))


@register.filter
def grouped(number: int) -> str:
    """12345 as 12,345, or as the language in use groups it."""
    return number_format(number, force_grouping=True)


@register.filter
def percent(share: float, digits: int = 0) -> str:
    """0.583 as 58, or with one digit as 58.3."""
    return floatformat(100 * share, digits)


@register.filter
def letter(index: int) -> str:
    """0, 1, 2 ... as A, B, C ...: completions have letters, places have numbers."""
    return chr(ord("A") + index)


@register.filter
def skip_reason(reason: str) -> str | Promise:
    """A stored reason for skipping as people read it."""
    return reason_shown(reason)


@register.simple_tag(takes_context=True)
def is_open(context: dict[str, Any], url: str, *, exact: bool = False) -> bool:
    """Whether the page at ``url``, or one below it, is the one shown."""
    path: str = context["request"].path
    return bool(url) and (path == url if exact else path.startswith(url))


@register.filter
def kind_label(code: str) -> str:
    """A kind of judgement in words."""
    return str(Kind(code).label) if code in Kind.values else code


@register.filter
def rule_label(code: str) -> str:
    """A rule by which an item was chosen in words."""
    return str(Rule(code).label) if code in Rule.values else code


@register.filter
def flag_label(code: str, project: Project) -> str:
    """A flag in words; a code that a project does not know as it stands."""
    question = project.all_questions.get(code)
    return question.label if question is not None else code


@register.filter
def at(mapping: Mapping[Any, Any], key: Any) -> Any:
    """What stands in a mapping under a key; None where nothing does."""
    return mapping.get(key)
