"""Deleting a person's data while their labels stay under the pseudonym, which is made of the account's id alone."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Conflict, NotAllowed
from labeling.models import Assignment, Membership, Prompt, Role, SecondFactor, Session, State, User
from labeling.services.audit import record
from labeling.services.projects import set_member
from labeling.services.tokens import revoke_all


def may_erase(*, person: User, actor: User) -> bool:
    """Whether somebody may delete a person's data: their own, or those of who works in projects of theirs alone."""
    if actor.pk == person.pk or actor.is_superuser:
        return True
    mine = Membership.objects.filter(user=actor, role=Role.ADMIN, is_active=True).values("project")
    places = Membership.objects.filter(user=person)
    return not person.is_superuser and places.exists() and not places.exclude(project__in=mine).exists()


@transaction.atomic
def erase_person(*, person: User, actor: User) -> User:
    """Delete name, e-mail address, password, sessions, tokens, second factor, settings and drafts. It can't be undone.

    What they judged stays, and its pseudonym too. The account can't be used any more; its name is free for others.

    Raises:
        NotAllowed: see may_erase.
        Conflict: a project would be left without an admin, or the installation without a superuser.
    """
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if not may_erase(person=person, actor=actor):
        raise NotAllowed(gettext("this person also works in projects that are not yours: ask them, or a superuser"))
    if person.erased is not None:
        return person
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk)
    if person.is_superuser and not others.exists():
        raise Conflict(gettext("nobody would be left who looks after this installation"), code="last_superuser")
    places = Membership.objects.select_related("project").filter(user=person).order_by("project")
    for place in places:
        if place.is_active:
            set_member(project=place.project, user=person, role=place.role, is_active=False, changed_by=actor)
        record(actor=actor, project=place.project, action="member.erased", subject=person)
    _forget_name(person.username, instead=f"deleted-{person.pk}")
    _forget_account(person)
    return person


def _forget_name(username: str, *, instead: str) -> None:
    """Where a name was written into a text."""
    Prompt.objects.filter(source=f"added by {username}").update(source=f"added by {instead}")


def _forget_account(person: User) -> None:
    unsent = Assignment.objects.filter(annotator=person, state=State.ACTIVE).exclude(draft={})
    unsent.update(draft={})
    Session.objects.filter(user=person).delete()
    revoke_all(person)
    SecondFactor.objects.filter(user=person).delete()
    account = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=account, object_id=str(person.pk)).update(
        object_repr=f"deleted-{person.pk}", change_message=""
    )
    person.groups.clear()
    person.user_permissions.clear()
    blank = User(username=f"deleted-{person.pk}", is_active=False, erased=timezone.now())
    blank.set_unusable_password()
    kept = {"id", "date_joined"}
    for field in User._meta.concrete_fields:
        if field.attname not in kept:
            setattr(person, field.attname, getattr(blank, field.attname))
    person.save()
