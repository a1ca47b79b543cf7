"""Users. What a user may do is said by memberships, project by project."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from labeling.models.topics import Topic, topics_field


class User(AbstractUser):
    """A person, or a program that works through the API, with a login of its own."""

    language = models.CharField(max_length=10, blank=True, help_text="Empty: as the browser asks for.")
    opted_out = topics_field("Topics whose items are not served to them.")
    break_minutes = models.PositiveSmallIntegerField(
        default=50, help_text="Active minutes until a reminder to take a break; 0 for none."
    )
    erased = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When their personal data was deleted."
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(opted_out__contained_by=Topic.values), name="user_topics_known"),
            models.CheckConstraint(condition=Q(break_minutes__lte=480), name="user_break_at_most_8_hours"),
            models.CheckConstraint(
                condition=Q(erased__isnull=True)
                | Q(first_name="", last_name="", email="", is_active=False, is_staff=False, is_superuser=False),
                name="user_erased_is_nobody",
            ),
        ]
