"""Reads of a project's members, groups and invitations."""

from __future__ import annotations

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Group, Invitation, Membership, Project
from labeling.selectors.access import members


def groups_of(project: Project) -> QuerySet[Group]:
    """A project's groups by name, each with ``num_members`` who take part."""
    active = Count("memberships", filter=Q(memberships__is_active=True))
    return Group.objects.filter(project=project).annotate(num_members=active).order_by("name", "pk")


def invitations_of(project: Project) -> QuerySet[Invitation]:
    """A project's links, the newest first, each with ``is_good``: whether somebody can join by it now."""
    good = Q(revoked__isnull=True, expires__gt=Now(), num_uses__lt=F("max_uses"))
    rows = Invitation.objects.select_related("group", "author").filter(project=project)
    return rows.annotate(is_good=ExpressionWrapper(good, output_field=BooleanField())).order_by("-pk")


def member_of(project: Project, user_id: int) -> Membership:
    """A member of the project, also one who left.

    Raises:
        NotFound: there is none.
    """
    member = members(project).filter(user=user_id).first()
    if member is None:
        raise NotFound(gettext("there is no member {user_id} in {slug}").format(user_id=user_id, slug=project.slug))
    return member


def group_of(project: Project, group_id: int) -> Group:
    """A group of the project.

    Raises:
        NotFound: there is none.
    """
    group = project.groups.filter(pk=group_id).first()
    if group is None:
        raise NotFound(gettext("there is no group {group} in this project").format(group=group_id))
    return group


def invitation_of(project: Project, invitation_id: int) -> Invitation:
    """An invitation into the project.

    Raises:
        NotFound: there is none.
    """
    invitation = project.invitations.filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound(gettext("there is no invitation {number} in this project").format(number=invitation_id))
    return invitation
