"""Signing in: attempts that failed, second factors, and the sessions that were begun."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now


class LoginAttempts(models.Model):
    """How often signing in failed lately for an account, an address, or the one at the other.

    ``key`` is a keyed digest of them: neither addresses nor what was typed as a name are kept.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(db_default=0, default=0)
    last = models.DateTimeField(db_default=Now(), help_text="When it was tried last.")
    succeeded = models.DateTimeField(null=True, blank=True, help_text="When somebody signed in so last.")

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "login attempts"
        indexes = [models.Index(fields=["last"], name="login_attempts_by_age")]

    def __str__(self) -> str:
        return f"{self.failures} failures"


class SecondFactor(models.Model):
    """The secret that a person's phone makes codes from. It counts once a code of it was shown (``confirmed``).

    ``last_step`` is the 30-second step of the newest code that was used: that code and all before it are refused.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor")
    sealed = models.TextField(help_text="The secret in Base32, encrypted (labeling.sealing).")
    confirmed = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """A code for the day on which the phone is lost: kept as a digest, good for one use."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class Session(AbstractBaseSession):
    """A signed-in browser, with whose it is, so that it can be shown to them and ended."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="sessions")
    device = models.CharField(max_length=300, blank=True, db_default="", help_text="What the browser calls itself.")
    begun = models.DateTimeField(db_default=Now())
    last_used = models.DateTimeField(db_default=Now(), help_text="To within a few minutes.")

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type:
        """The engine that keeps sessions here."""
        from labeling.sessions import SessionStore  # the engine is made of this model

        return SessionStore
