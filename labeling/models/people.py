"""Users. What a user may do is said by memberships, project by project."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person, or a program that works through the API, with a login of its own."""
