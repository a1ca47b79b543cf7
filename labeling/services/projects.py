"""Writes of projects and of who works in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeling import events
from labeling.errors import Conflict, Invalid, Stale
from labeling.models import Group, Membership, Project, Role, SecondFactor, Slot, User
from labeling.models.flags import check_asked, check_own_flags
from labeling.models.projects import MAX_DAILY
from labeling.services.archive import check_open
from labeling.services.audit import difference, record
from labeling.services.cleaning import clean
from labeling.services.guidelines import write_guidelines
from labeling.services.leases import release
from labeling.services.overlap import apply_overlap
from labeling.services.trust import apply_changed

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
    "qualification_items",
    "qualification_mark",
    "qualification_tries",
    "qualification_feedback",
    "known_percent",
    "weighs_annotators",
    "inverts_adversaries",
    "routes_away",
    "shared_percent",
    "shared_overlap",
    "tells_at_once",
    "tells_later",
    "review_below",
    "reviews_harmful",
    "daily_limit",
    "second_factor_roles",
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
    _check_not_locked_out(creator, settings)
    project = Project(slug=slug)
    try:
        with transaction.atomic():
            _apply(project, {"name": slug, **settings})
    except IntegrityError as error:  # somebody else took the slug between the question and the write
        raise Conflict(_(SLUG_TAKEN).format(slug=slug), code="slug_taken") from error
    Membership.objects.create(project=project, user=creator, role=Role.ADMIN)
    record(actor=creator, project=project, action="project.made", after={"slug": slug, "name": project.name})
    if guidelines:
        write_guidelines(project=project, author=creator, text=guidelines)
    return project


@transaction.atomic
def update_project(
    *,
    project: Project,
    changed_by: User | None = None,
    guidelines: str | None = None,
    expected: str | None = None,
    apply_to_open_items: bool = False,
    **settings: Any,
) -> Project:
    """Change settings of a project; items that are in the queue keep the overlap they were made with.

    Args:
        guidelines: the text of a new version, written by ``changed_by``.
        expected: the settings that the person saw, as their ``settings_tag``; None to change whatever there is.
        apply_to_open_items: give open items the overlap, too, as far as services.overlap can.
        settings: any of SETTINGS.

    Raises:
        Invalid: an unknown setting, or a value outside its range.
        Stale: somebody else changed the settings meanwhile.
        Conflict: the project is archived.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_open(project)
    if expected is not None and expected != settings_tag(project):
        raise Stale(_("somebody changed the settings meanwhile: look at them, then save yours again"))
    if "own_flags" in settings:
        _check_none_lost(project, settings["own_flags"])
    _check_not_locked_out(changed_by, settings)
    was = _settings(project)
    _apply(project, settings)
    before, after = difference(was, _settings(project))
    if after:
        record(actor=changed_by, project=project, action="project.settings", before=before, after=after)
        apply_changed(project, after)
    if apply_to_open_items:
        record(actor=changed_by, project=project, action="items.overlap", after=apply_overlap(project))
    if guidelines is not None:
        write_guidelines(project=project, author=changed_by, text=guidelines)
    events.publish(project.slug, "project")
    return project


def settings_tag(project: Project) -> str:
    """A short text that is another one when any setting is."""
    held = json.dumps([_settings(project), project.guidelines_version, project.is_archived], sort_keys=True)
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def _settings(project: Project) -> dict[str, Any]:
    return {name: getattr(project, name) for name in SETTINGS}


def _check_not_locked_out(admin: User | None, settings: Mapping[str, Any]) -> None:
    if admin is None or Role.ADMIN not in settings.get("second_factor_roles", ()):
        return
    if not SecondFactor.objects.filter(user=admin, confirmed__isnull=False).exists():
        raise Invalid(
            _("second_factor_roles: as an admin without a second factor you would be locked out: set yours up first")
        )


def check_flags(project: Project, changes: Mapping[str, Any]) -> None:
    """Refuse lists of flags and of own flags that a project can't have; nothing is changed.

    Raises:
        Invalid: as update_project.
    """
    _check_none_lost(project, changes["own_flags"])
    try:
        check_own_flags(changes["own_flags"])
        check_asked(changes["flags"], changes["own_flags"])
    except ValueError as error:
        raise Invalid(str(error)) from None


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
        clean(project)  # the slug is checked by the database, where it cannot race
    except ValidationError as error:
        raise Invalid("; ".join(_named(name, texts) for name, texts in error.message_dict.items())) from None
    project.save()


def _named(name: str, texts: list[str]) -> str:
    """What is wrong with a setting; what is said of flags names them already."""
    said = " ".join(texts)
    return said if name == "flags" else f"{name}: {said}"


class Place(TypedDict, total=False):
    """What else a member may be given; what is left out stays as it is."""

    group: Group | None
    daily_limit: int | None


@transaction.atomic
def set_member(
    *,
    project: Project,
    user: User,
    role: str,
    is_active: bool = True,
    changed_by: User | None = None,
    via: str = "",
    **place: Unpack[Place],
) -> Membership:
    """Give a person a place in the project, or change it. Labels and drafts of somebody who leaves stay.

    What they hold goes back to the queue when they don't judge any more.

    Args:
        via: what they joined by, for the audit log.
        place: ``group`` of this project, or None; ``daily_limit``: 1 to 10,000 judgements a day, 0 for as many as they
            like, None for what the project says.

    Raises:
        Invalid: no such role, a group of another project, a limit outside its range, or an account that was deleted.
        Conflict: the project would be left without an active admin.
    """
    _check_place(project, role, place)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    was = Membership.objects.select_related("group").filter(project=project, user=user).first()
    if user.erased is not None and is_active:
        raise Invalid(_("the personal data of this account were deleted: it can't take part any more"))
    membership, created = Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": role, "is_active": is_active, **place}
    )
    if not Membership.objects.filter(project=project, role=Role.ADMIN, is_active=True).exists():
        raise Conflict(_("the project would have no admin left: make somebody else an admin first"), code="last_admin")
    if not is_active or role == Role.RESEARCHER:
        release(Slot.objects.filter(assignment__annotator=user, project=project, is_done=False))
    before, after = difference(_as_recorded(was), _as_recorded(membership))
    if after:
        action = "member.joined" if via else "member.added" if created else "member.changed"
        record(
            actor=changed_by,
            project=project,
            action=action,
            subject=user,
            before=None if created else before,
            after={**after, "via": via} if via else after,
        )
    return membership


def _check_place(project: Project, role: str, place: Place) -> None:
    if role not in Role.values:
        raise Invalid(
            _("there is no role {role!r}: use one of {known}").format(role=role, known=", ".join(Role.values))
        )
    group, limit = place.get("group"), place.get("daily_limit")
    if group is not None and group.project_id != project.pk:
        raise Invalid(_("there is no group {group} in this project").format(group=group.pk))
    if limit is not None and not 0 <= limit <= MAX_DAILY:
        raise Invalid(
            _("daily_limit is {limit}: use 1 to {most}, or 0 for as many as they like").format(
                limit=limit, most=MAX_DAILY
            )
        )


def _as_recorded(membership: Membership | None) -> dict[str, Any]:
    if membership is None:
        return {}
    return {
        "role": str(membership.role),
        "is_active": membership.is_active,
        "group": membership.group.name if membership.group else None,
        "daily_limit": membership.daily_limit,
    }
