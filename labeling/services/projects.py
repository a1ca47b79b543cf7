"""Writes of projects and of who works in them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeling import events
from labeling.errors import Conflict, Invalid
from labeling.models import Membership, Project, Role, User
from labeling.services.guidelines import write_guidelines

SETTINGS = (
    "name",
    "completions_per_item",
    "overlap",
    "lease_minutes",
    "held_out_percent",
    "flags",
    "own_flags",
    "kinds",
    "conversation_turns",
    "conversation_sides",
    "conversation_opening",
    "is_paused",
)

SLUG_TAKEN = gettext_noop("there is a project {slug!r} already: choose another slug")


@transaction.atomic
def create_project(*, slug: str, creator: User, guidelines: str = "", **settings: Any) -> Project:
    """A new project, with its creator as admin.

    Args:
        guidelines: the text of their first version; none is made when it is empty.
        settings: any of SETTINGS.

    Raises:
        Conflict: the slug is taken.
        Invalid: an unknown setting, or a value outside its range.
    """
    if Project.objects.filter(slug=slug).exists():
        raise Conflict(_(SLUG_TAKEN).format(slug=slug), code="slug_taken")
    project = Project(slug=slug)
    try:
        with transaction.atomic():
            _apply(project, {"name": slug, **settings})
    except IntegrityError as error:  # somebody else took the slug between the question and the write
        raise Conflict(_(SLUG_TAKEN).format(slug=slug), code="slug_taken") from error
    Membership.objects.create(project=project, user=creator, role=Role.ADMIN)
    if guidelines:
        write_guidelines(project=project, author=creator, text=guidelines)
    return project


@transaction.atomic
def update_project(
    *, project: Project, changed_by: User | None = None, guidelines: str | None = None, **settings: Any
) -> Project:
    """Change settings of a project; items that are in the queue keep the overlap they were made with.

    Args:
        guidelines: the text of a new version, written by ``changed_by``.
        settings: any of SETTINGS.

    Raises:
        Invalid: an unknown setting, or a value outside its range.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if "own_flags" in settings:
        _check_none_lost(project, settings["own_flags"])
    _apply(project, settings)
    if guidelines is not None:
        write_guidelines(project=project, author=changed_by, text=guidelines)
    events.publish(project.slug, "project")
    return project


def _check_none_lost(project: Project, own_flags: Any) -> None:
    """A flag that was made stays explained: judgements and exports may hold its code."""
    kept = [own.get("code") for own in own_flags if isinstance(own, dict)] if isinstance(own_flags, list) else []
    for own in project.own_flags:
        if own["code"] not in kept:
            raise Invalid(
                _("the flag %(code)r was made before, and judgements may hold it: take it off the list instead")
                % {"code": own["code"]}
            )


def _apply(project: Project, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if name not in SETTINGS:
            raise Invalid(
                _("a project has no setting {name!r}: it has {settings}").format(
                    name=name, settings=", ".join(SETTINGS)
                )
            )
        setattr(project, name, value)
    try:
        project.full_clean(validate_unique=False)  # the slug is checked by the database, where it cannot race
    except ValidationError as error:
        raise Invalid("; ".join(_named(name, texts) for name, texts in error.message_dict.items())) from None
    project.save()


def _named(name: str, texts: list[str]) -> str:
    """What is wrong with a setting; what is said of flags names them already."""
    said = " ".join(texts)
    return said if name == "flags" else f"{name}: {said}"


@transaction.atomic
def set_member(*, project: Project, user: User, role: str, is_active: bool = True) -> Membership:
    """Give a person a place in the project, or change it. Labels of somebody who leaves stay.

    Raises:
        Invalid: no such role.
        Conflict: the project would be left without an active admin.
    """
    if role not in Role.values:
        raise Invalid(
            _("there is no role {role!r}: use one of {known}").format(role=role, known=", ".join(Role.values))
        )
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    membership, _created = Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": role, "is_active": is_active}
    )
    if not Membership.objects.filter(project=project, role=Role.ADMIN, is_active=True).exists():
        raise Conflict(_("the project would have no admin left: make somebody else an admin first"), code="last_admin")
    return membership
