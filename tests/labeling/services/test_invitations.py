from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from factories import Cast, make_cast, make_user

from labeling.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from labeling.models import AuditEntry, Group, Invitation, Membership, User
from labeling.services.groups import make_group
from labeling.services.invitations import accept, find_invitation, make_invitation, register, revoke_invitation
from labeling.services.projects import set_member


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast(num_items=0)


def test_a_link_gives_its_role_and_group_and_is_used_once(cast):
    group = make_group(project=cast.project, name="held-out labelers")
    made = make_invitation(project=cast.project, author=cast.alice, role="reviewer", group=group)

    place = accept(token=made.token, user=cast.charlie)

    assert (place.user, place.role, place.group, place.is_active) == (cast.charlie, "reviewer", group, True)
    with pytest.raises(Conflict, match="was used already"):
        accept(token=made.token, user=make_user("frank"))


def test_the_token_is_kept_nowhere(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")

    row = Invitation.objects.filter(pk=made.invitation.pk).values().get()

    assert made.token not in repr(row)
    assert len(row["digest"]) == 64
    assert made.token not in repr(list(AuditEntry.objects.values()))


def test_a_new_account_has_the_name_and_the_password_of_its_own_choice(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")

    place = register(token=made.token, username="erin", password="a long and quiet river")

    assert authenticate(username="erin", password="a long and quiet river") == place.user
    assert Membership.objects.get(user__username="erin").role == "annotator"
    [entry] = AuditEntry.objects.filter(action="member.joined")
    assert entry.after is not None
    assert (entry.actor, entry.person, entry.after["via"]) == (
        place.user,
        place.user,
        f"invitation {made.invitation.pk}",
    )


@pytest.mark.parametrize(
    ("username", "password", "error"),
    [
        ("erin", "12345678", "too common"),
        ("erin", "short", "too short"),
        ("erinerinerin", "erinerinerin", "too similar"),
        ("with space", "a long and quiet river", "valid username"),
        ("", "a long and quiet river", "blank"),
        ("bob", "a long and quiet river", "the name 'bob' is taken"),
        ("nul\x00", "a long and quiet river", "valid username"),
    ],
)
def test_a_bad_name_or_password_makes_no_account_and_uses_nothing_up(cast, username, password, error):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")
    before = User.objects.count()

    with pytest.raises(DomainError, match=error):
        register(token=made.token, username=username, password=password)

    assert User.objects.count() == before
    made.invitation.refresh_from_db()
    assert made.invitation.num_uses == 0


def test_a_link_that_was_revoked_expired_or_invented_is_refused(cast):
    revoked = make_invitation(project=cast.project, author=cast.alice, role="annotator")
    revoke_invitation(invitation=revoked.invitation, changed_by=cast.alice)
    expired = make_invitation(project=cast.project, author=cast.alice, role="annotator", days=1)
    Invitation.objects.filter(pk=expired.invitation.pk).update(expires=timezone.now() - dt.timedelta(seconds=1))

    for token, error, words in [
        (revoked.token, Conflict, "was revoked"),
        (expired.token, Conflict, "has expired"),
        ("invented", NotFound, "no such invitation"),
        ("\ud800", NotFound, "no such invitation"),
    ]:
        with pytest.raises(error, match=words):
            find_invitation(token)
        with pytest.raises(error, match=words):
            accept(token=token, user=cast.charlie)

    assert not cast.project.memberships.filter(user=cast.charlie).exists()


def test_revoking_twice_is_one_entry_in_the_log(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")

    revoke_invitation(invitation=made.invitation, changed_by=cast.alice)
    revoke_invitation(invitation=made.invitation, changed_by=cast.alice)

    assert AuditEntry.objects.filter(action="invitation.revoked").count() == 1


def test_a_member_uses_nothing_up_and_gets_no_other_role(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="admin")

    with pytest.raises(Conflict, match="in this project already"):
        accept(token=made.token, user=cast.bob)

    made.invitation.refresh_from_db()
    assert made.invitation.num_uses == 0
    assert cast.project.memberships.get(user=cast.bob).role == "annotator"


def test_who_was_taken_out_does_not_come_back_by_a_link(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")
    set_member(project=cast.project, user=cast.bob, role="annotator", is_active=False)

    with pytest.raises(NotAllowed, match="you left this project"):
        accept(token=made.token, user=cast.bob)

    assert not cast.project.memberships.get(user=cast.bob).is_active


@pytest.mark.parametrize(("days", "uses"), [(0, 1), (366, 1), (7, 0), (7, 1001)])
def test_days_and_uses_have_bounds(cast, days, uses):
    with pytest.raises(Invalid, match="a link is good for 1 to 365 days and 1 to 1000 uses"):
        make_invitation(project=cast.project, author=cast.alice, role="annotator", days=days, max_uses=uses)


def test_a_group_of_another_project_is_refused_by_service_and_database(cast):
    foreign = make_group(project=cast.other_project, name="theirs")

    with pytest.raises(Invalid, match=f"no group {foreign.pk} in this project"):
        make_invitation(project=cast.project, author=cast.alice, role="annotator", group=foreign)
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")
    Invitation.objects.filter(pk=made.invitation.pk).update(group=foreign)
    with pytest.raises(IntegrityError, match="invitation_group_of_its_project"), transaction.atomic():
        connection.check_constraints()
    Invitation.objects.filter(pk=made.invitation.pk).update(group=None)


def test_the_database_refuses_more_uses_than_there_are(cast):
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator")

    with pytest.raises(IntegrityError, match="invitation_never_over_its_uses"), transaction.atomic():
        Invitation.objects.filter(pk=made.invitation.pk).update(num_uses=2)


def test_a_removed_group_leaves_the_link_good(cast):
    group = make_group(project=cast.project, name="experts")
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator", group=group)
    Group.objects.filter(pk=group.pk).get().delete()

    assert accept(token=made.token, user=cast.charlie).group is None


@pytest.mark.django_db(transaction=True)
def test_many_who_follow_a_link_at_once_are_let_in_as_often_as_it_says():
    cast = make_cast(num_items=0)
    made = make_invitation(project=cast.project, author=cast.alice, role="annotator", max_uses=3)
    people = [make_user(f"person-{number}") for number in range(8)]

    def follow(user: User) -> bool:
        try:
            accept(token=made.token, user=user)
        except Conflict:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        let_in = list(threads.map(follow, people))

    assert sum(let_in) == 3
    assert cast.project.memberships.filter(user__in=people).count() == 3
