"""Links that invite people into a project: made, revoked, and followed."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid, NotAllowed, NotFound
from labeling.models import Group, Invitation, Membership, Project, Role, User
from labeling.models.groups import MAX_USES
from labeling.services.audit import record
from labeling.services.projects import set_member

MAX_DAYS = 365


@dataclass(frozen=True, slots=True)
class Made:
    """A new invitation and its token, which is shown once and kept nowhere."""

    invitation: Invitation
    token: str


@transaction.atomic
def make_invitation(
    *, project: Project, author: User, role: str, group: Group | None = None, days: int = 7, max_uses: int = 1
) -> Made:
    """A link for so many people and days.

    Raises:
        Invalid: no such role, a group of another project, days outside 1 to 365, or uses outside 1 to 1,000.
    """
    if role not in Role.values:
        raise Invalid(
            gettext("there is no role {role!r}: use one of {known}").format(role=role, known=", ".join(Role.values))
        )
    if group is not None and group.project_id != project.pk:
        raise Invalid(gettext("there is no group {group} in this project").format(group=group.pk))
    if not (1 <= days <= MAX_DAYS and 1 <= max_uses <= MAX_USES):
        raise Invalid(
            gettext(
                "{days} days and {uses} uses: a link is good for 1 to {most_days} days and 1 to {most_uses} uses"
            ).format(days=days, uses=max_uses, most_days=MAX_DAYS, most_uses=MAX_USES)
        )
    token = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        group=group,
        digest=digest_of(token),
        max_uses=max_uses,
        expires=timezone.now() + dt.timedelta(days=days),
        author=author,
    )
    invitation.refresh_from_db(fields=["created"])
    after = {"role": role, "group": group.name if group else None, "days": days, "max_uses": max_uses}
    record(actor=author, project=project, action="invitation.made", subject=f"invitation {invitation.pk}", after=after)
    return Made(invitation=invitation, token=token)


def digest_of(token: str) -> str:
    """What is kept of a token; it is random enough for a plain hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, changed_by: User | None = None) -> Invitation:
    """End a link. Who joined by it stays; doing it twice is harmless."""
    locked = Invitation.objects.select_for_update(of=("self",)).select_related("project").get(pk=invitation.pk)
    if locked.revoked is None:
        locked.revoked = timezone.now()
        locked.save(update_fields=["revoked"])
        record(
            actor=changed_by,
            project=locked.project,
            action="invitation.revoked",
            subject=f"invitation {locked.pk}",
            after={"num_uses": locked.num_uses},
        )
    return locked


def find_invitation(token: str) -> Invitation:
    """The invitation of a link that is still good.

    Raises:
        NotFound: no link has this token.
        Conflict: it was revoked, it expired, or it was used up.
    """
    return _good(Invitation.objects.select_related("project", "group").filter(digest=digest_of(token)).first())


def _good(invitation: Invitation | None) -> Invitation:
    if invitation is None:
        raise NotFound(gettext("there is no such invitation: check that the whole link was copied"))
    if invitation.revoked is not None:
        raise Conflict(gettext("this invitation was revoked: ask for another one"), code="invitation_revoked")
    if invitation.expires <= timezone.now():
        raise Conflict(gettext("this invitation has expired: ask for another one"), code="invitation_expired")
    if invitation.num_uses >= invitation.max_uses:
        raise Conflict(gettext("this invitation was used already: ask for another one"), code="invitation_used")
    return invitation


@transaction.atomic
def accept(*, token: str, user: User) -> Membership:
    """Join the project of a link with an account that exists.

    Raises:
        NotFound, Conflict: see find_invitation.
        Conflict: they are in the project already; the link is not used up by that.
        NotAllowed: they were in the project and left it, or were taken out.
    """
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("project", "group")
    invitation = _good(rows.filter(digest=digest_of(token)).first())
    place = Membership.objects.filter(project=invitation.project, user=user).first()
    if place is not None and not place.is_active:
        raise NotAllowed(gettext("you left this project: ask one of its admins to let you in again"))
    if place is not None:
        raise Conflict(gettext("you are in this project already"), code="member_already")
    invitation.num_uses += 1
    invitation.save(update_fields=["num_uses"])  # the database refuses more than its uses
    return set_member(
        project=invitation.project,
        user=user,
        role=invitation.role,
        group=invitation.group,
        changed_by=user,
        via=f"invitation {invitation.pk}",
    )


@transaction.atomic
def register(*, token: str, username: str, password: str) -> Membership:
    """Make an account and join the project of a link with it.

    Raises:
        NotFound, Conflict: see find_invitation.
        Invalid: a name that can't be a user name, or a password that Django's validators refuse.
        Conflict: the name is taken.
    """
    find_invitation(token)
    user = User(username=username)
    try:
        user.clean_fields(exclude=["password"])
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Conflict(
            gettext("the name {username!r} is taken: choose another").format(username=username), code="name_taken"
        ) from error
    return accept(token=token, user=user)
