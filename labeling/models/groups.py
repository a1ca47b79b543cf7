"""Groups of people within a project, and links that invite into it."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.models.members import Role
from labeling.models.projects import Project

MAX_USES = 1000


class Group(models.Model):
    """Some of the members, by name, so that their labels can be told apart: held-out labelers, experts."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="groups")
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="group_name_once"),
            models.UniqueConstraint(fields=["project", "id"], name="group_in_its_project"),  # memberships refer to it
            models.CheckConstraint(condition=~Q(name=""), name="group_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """A link that gives a role in a project to so many people until a date. Only a digest of its token is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=20, choices=Role.choices)
    group = models.ForeignKey(Group, models.SET_NULL, null=True, blank=True, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    max_uses = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_USES)])
    num_uses = models.PositiveSmallIntegerField(default=0, editable=False)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(condition=Q(max_uses__range=(1, MAX_USES)), name="invitation_uses_1_to_1000"),
            models.CheckConstraint(condition=Q(num_uses__lte=F("max_uses")), name="invitation_never_over_its_uses"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.project_id}"
