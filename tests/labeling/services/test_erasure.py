from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction
from django.test import Client
from factories import PASSWORD, Cast, api_client, claim, judge, make_cast, make_user

from labeling.errors import Conflict, Invalid, NotAllowed
from labeling.models import ApiToken, Assignment, AuditEntry, Label, Prompt, Session, Slot, User
from labeling.selectors.labels import pseudonym
from labeling.services.assignments import claim_next, save_draft
from labeling.services.erasure import erase_person, may_erase
from labeling.services.preferences import set_preferences
from labeling.services.projects import set_member
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    """bob judged one item and holds another with a draft; he signed in by browser and by token."""
    cast = make_cast(num_items=3)
    User.objects.filter(pk=cast.bob.pk).update(first_name="Robert", last_name="Builder")
    judge(cast.project, cast.bob)
    held = claim(cast.project, cast.bob)
    save_draft(assignment_id=held.pk, annotator=cast.bob, draft={"notes": "Robert was here"})
    add_prompts(project=cast.project, prompts=["What is it?"], source="added by bob")
    set_preferences(user=cast.bob, language="de", opted_out=["hate"], break_minutes=0)
    Client().force_login(cast.bob)
    api_client(cast.bob)
    return cast


def everything_kept() -> str:
    """All that the tables of people hold, and what they wrote into texts."""
    tables = [
        User.objects.all(), AuditEntry.objects.all(), Session.objects.all(), ApiToken.objects.all(),
        Assignment.objects.all(), Prompt.objects.all(),
    ]  # fmt: skip
    return repr([list(table.values()) for table in tables])


def test_nothing_of_the_person_is_left_but_their_labels_under_the_same_pseudonym(cast):
    called = pseudonym(cast.project.pk, cast.bob.pk)

    erase_person(person=cast.bob, actor=cast.alice)

    kept = everything_kept()
    assert [name for name in ("'bob'", "by bob", "bob@", "Robert", "Builder") if name in kept] == []
    label = Label.objects.get(annotator=cast.bob.pk)
    assert pseudonym(cast.project.pk, label.annotator_id) == called
    assert label.ranks.count() == 3
    assert not Session.objects.filter(user=cast.bob).exists()
    assert not ApiToken.objects.filter(user=cast.bob).exists()
    assert authenticate(username="bob", password=PASSWORD) is None


def test_what_they_held_goes_back_to_the_queue(cast):
    erase_person(person=cast.bob, actor=cast.alice)

    assert not Slot.objects.filter(assignment__annotator=cast.bob, is_done=False).exists()
    assert claim_next(project=cast.project, annotator=cast.dora) is not None


def test_the_log_says_who_did_it_and_to_which_account_without_the_name(cast):
    erase_person(person=cast.bob, actor=cast.alice)

    entry = AuditEntry.objects.get(action="member.erased")
    assert (entry.actor, entry.person, entry.project) == (cast.alice, cast.bob, cast.project)
    assert str(entry.person) == f"deleted-{cast.bob.pk}"


def test_the_name_is_free_for_somebody_else_who_is_called_otherwise_in_exports(cast):
    erase_person(person=cast.bob, actor=cast.alice)

    other = make_user("bob")

    assert pseudonym(cast.project.pk, other.pk) != pseudonym(cast.project.pk, cast.bob.pk)


def test_the_account_never_takes_part_again(cast):
    erased = erase_person(person=cast.bob, actor=cast.alice)

    with pytest.raises(Invalid, match="personal data of this account were deleted"):
        set_member(project=cast.project, user=erased, role="annotator")
    with pytest.raises(IntegrityError, match="user_erased_is_nobody"), transaction.atomic():
        User.objects.filter(pk=erased.pk).update(is_active=True)


def test_doing_it_twice_is_harmless(cast):
    erase_person(person=cast.bob, actor=cast.alice)
    erase_person(person=cast.bob, actor=cast.alice)

    assert AuditEntry.objects.filter(action="member.erased").count() == 1


def test_people_delete_their_own_and_admins_those_who_work_for_them_alone(cast):
    set_member(project=cast.other_project, user=cast.dora, role="annotator")
    root = make_user("root", is_superuser=True)
    set_member(project=cast.project, user=root, role="annotator")

    assert may_erase(person=cast.dora, actor=cast.dora)
    assert may_erase(person=cast.bob, actor=cast.alice)
    assert may_erase(person=cast.dora, actor=root)
    assert not may_erase(person=cast.dora, actor=cast.alice)
    assert not may_erase(person=cast.bob, actor=cast.rita)
    assert not may_erase(person=cast.charlie, actor=cast.alice)
    assert not may_erase(person=root, actor=cast.alice)
    assert not may_erase(person=make_user("nobody-yet"), actor=cast.alice)
    with pytest.raises(NotAllowed, match="projects that are not yours"):
        erase_person(person=cast.dora, actor=cast.alice)


def test_the_last_admin_and_the_last_superuser_stay(cast):
    root = make_user("root", is_superuser=True)

    with pytest.raises(Conflict, match="no admin left"):
        erase_person(person=cast.alice, actor=cast.alice)
    with pytest.raises(Conflict, match="nobody would be left"):
        erase_person(person=root, actor=root)

    cast.alice.refresh_from_db()
    assert (cast.alice.username, cast.alice.is_active) == ("alice", True)


def test_who_is_taken_out_gives_back_what_they_hold_and_finds_the_draft_when_they_come_back(cast):
    held = Assignment.objects.get(annotator=cast.bob, state="active")

    set_member(project=cast.project, user=cast.bob, role="annotator", is_active=False, changed_by=cast.alice)

    assert not Slot.objects.filter(assignment=held).exists()
    set_member(project=cast.project, user=cast.bob, role="annotator", is_active=True)
    again = claim_next(project=cast.project, annotator=cast.bob)
    assert again is not None
    assert (again.pk, again.draft) == (held.pk, {"notes": "Robert was here"})
