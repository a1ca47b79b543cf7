"""Who may see and do what. Everything a page or an endpoint serves passes through here."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext

from labeling.errors import NotAllowed, NotFound, SecondFactorNeeded
from labeling.models import Membership, Project, Role, SecondFactor, User
from labeling.rows import columns, fetch_one, instances

MANAGERS = (Role.ADMIN,)
RESEARCHERS = (Role.ADMIN, Role.RESEARCHER)
REVIEWERS = (Role.ADMIN, Role.REVIEWER)
EVERYBODY = tuple(Role)


def membership_in(
    slug: str, *, user: User | AnonymousUser, roles: Collection[str] = EVERYBODY, is_finishing: bool = False
) -> Membership:
    """The person's place in a project, with the project.

    A superuser counts as admin everywhere, without a stored membership.

    Args:
        is_finishing: for work that they hold already, which nothing but the loss of their place keeps them from.

    Raises:
        NotFound: no such project, or the person has no place in it.
        NotAllowed: a member whose role is none of ``roles``.
        SecondFactorNeeded: the project asks their role for a second factor, and they have none.
    """
    unknown = NotFound(gettext("there is no project {slug!r}, or you are not a member of it").format(slug=slug))
    if not user.is_authenticated:
        raise unknown
    membership = _place(slug, user=user)
    if membership is None and user.is_superuser and (project := Project.objects.filter(slug=slug).first()):
        membership = Membership(project=project, user=user, role=Role.ADMIN)
    if membership is None:
        raise unknown
    membership.user = user
    if membership.role not in roles:
        raise NotAllowed(
            gettext("this is for {roles}; you are {role} in this project").format(
                roles=" and ".join(sorted(roles)), role=membership.role
            )
        )
    if not is_finishing:
        check_second_factor(membership)
    return membership


def check_second_factor(membership: Membership) -> None:
    """Keep out who has no second factor where the project asks their role for one; a query only where it does.

    It holds for tokens as for browsers: who knows a password alone could make a token with it.

    Raises:
        SecondFactorNeeded: they have to set one up first.
    """
    if lacks_second_factor(membership):
        raise SecondFactorNeeded(
            gettext("{project} asks for a second factor: set one up under Settings, then go on here").format(
                project=membership.project.name
            )
        )


def lacks_second_factor(membership: Membership) -> bool:
    """Whether the project asks this person for a second factor that they don't have."""
    if membership.role not in membership.project.second_factor_roles:
        return False
    return not SecondFactor.objects.filter(user=membership.user_id, confirmed__isnull=False).exists()


def _place(slug: str, *, user: User | AnonymousUser) -> Membership | None:
    row = fetch_one(_places(), {"slug": slug, "user": user.pk})
    if row is None:
        return None
    membership: Membership
    membership, membership.project = instances(row, Membership, Project)
    return membership


@cache
def _places() -> str:
    return f"""
SELECT {columns(Membership, "membership")}, {columns(Project, "project")}
FROM labeling_membership membership JOIN labeling_project project ON project.id = membership.project_id
WHERE project.slug = %(slug)s AND membership.user_id = %(user)s AND membership.is_active
"""


def projects_of(user: User, *, archived: bool | None = None) -> QuerySet[Project]:
    """The projects that the person sees: all, or only the archived ones, or only the others."""
    projects = Project.objects.all()
    if not user.is_superuser:
        projects = projects.filter(memberships__user=user, memberships__is_active=True)
    return projects if archived is None else projects.filter(is_archived=archived)


def members(project: Project) -> QuerySet[Membership]:
    """Everybody in a project, by name, also those who left; each with ``has_second_factor``."""
    confirmed = SecondFactor.objects.filter(user=OuterRef("user"), confirmed__isnull=False)
    return (
        Membership.objects.select_related("user", "group")
        .filter(project=project)
        .annotate(has_second_factor=Exists(confirmed))
        .order_by("-is_active", "user__username")
    )


def is_candidate(membership: Membership) -> bool:
    """Whether the person has still to show that they are ready; no query."""
    return membership.project.qualification_items > 0 and not membership.is_let_in and membership.role == Role.ANNOTATOR
