"""Accounts of people who are invited into a project."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid
from labeling.models import Membership, Project, User
from labeling.services.projects import set_member


@dataclass(frozen=True, slots=True)
class Invited:
    """A new member; ``password`` is the generated one of a new account, or empty when the account existed."""

    membership: Membership
    password: str


@transaction.atomic
def invite(*, project: Project, username: str, role: str, changed_by: User | None = None) -> Invited:
    """Give a person a place in the project; who has no account gets one with a generated password.

    Raises:
        Invalid: a name that can't be a user name, or no such role.
        Conflict: the person is in the project already.
    """
    if Membership.objects.filter(project=project, user__username=username).exists():
        raise Conflict(
            gettext("{username} is in this project already: change the role in the list").format(username=username),
            code="member_already",
        )
    user = User.objects.filter(username=username).first()
    password = ""
    if user is None:
        password = secrets.token_urlsafe(12)
        user = User(username=username)
        user.set_password(password)
        try:
            user.full_clean()
        except ValidationError as error:
            raise Invalid(
                gettext("{username!r} can't be a user name: {known}").format(
                    username=username, known=" ".join(error.messages)
                )
            ) from None
        user.save()
    place = set_member(project=project, user=user, role=role, changed_by=changed_by)
    return Invited(membership=place, password=password)
