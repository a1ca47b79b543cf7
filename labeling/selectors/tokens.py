"""Reads of tokens."""

from __future__ import annotations

from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.db.models.functions import Now

from labeling.models import ApiToken, User


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A person's tokens, the newest first, each with ``has_ended``."""
    ended = Case(When(expires__lte=Now(), then=Value(True)), default=Value(False), output_field=BooleanField())
    return ApiToken.objects.filter(user=user).annotate(has_ended=ended).order_by("-id")
