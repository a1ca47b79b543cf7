"""What programs sign in with, and how much they asked for."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What a token may be used for, within what its owner's role allows."""

    READ = "read", _("look at projects, guidelines, figures, runs and policies")
    JUDGE = "judge", _("ask for items and judge them")
    DATA = "data", _("take prompts and judgements away")
    MANAGE = "manage", _("change projects, bring prompts and people")
    RUNS = "runs", _("start and stop runs, promote policies")


class ApiToken(models.Model):
    """A token of the API. Only its digest is stored: who loses the token makes another one.

    ``is_login`` marks the one that POST /api/v1/token/ hands out; it follows from the server's secret, so that it is
    the same at every call.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    beginning = models.CharField(max_length=8, editable=False, help_text="Its first characters, to tell it by.")
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    is_login = models.BooleanField(default=False, db_default=False, editable=False)
    expires = models.DateTimeField(null=True, blank=True, help_text="Never while it is empty.")
    last_used = models.DateTimeField(null=True, blank=True, editable=False, help_text="To within ten minutes.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(is_login=True), name="token_one_for_logins"),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="token_digest_is_sha256"),
            models.CheckConstraint(condition=~Q(name=""), name="token_has_a_name"),
            models.CheckConstraint(
                condition=Q(scopes__len__gte=1) & Q(scopes__contained_by=Scope.values), name="token_scopes_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.beginning}…)"


class ApiUse(models.Model):
    """How many requests the web processes were granted for one person and one kind of request, in one minute.

    A process asks for many at once (labeling.throttling). The table is not logged: after a crash counting begins anew.
    """

    key = models.CharField(max_length=60, primary_key=True)
    minute = models.BigIntegerField(help_text="Since 1970.")
    granted = models.PositiveIntegerField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.granted} for {self.key}"
