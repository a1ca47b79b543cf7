"""What templates need beyond Django's own: safe Markdown, times, and which page of a project is open."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from labeling.markdown import render_markdown

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown as safe HTML."""
    return render_markdown(text)


@register.filter
def duration(seconds: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def percent(share: float) -> int:
    """0.583 as 58."""
    return round(100 * share)


@register.filter
def letter(index: int) -> str:
    """0, 1, 2 ... as A, B, C ...: completions have letters, places have numbers."""
    return chr(ord("A") + index)


@register.simple_tag(takes_context=True)
def is_open(context: dict[str, Any], url: str, *, exact: bool = False) -> bool:
    """Whether the page at ``url``, or one below it, is the one shown."""
    path: str = context["request"].path
    return bool(url) and (path == url if exact else path.startswith(url))
