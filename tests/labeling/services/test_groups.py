from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from factories import Cast, judge, make_cast

from labeling.errors import Conflict, Invalid
from labeling.models import AuditEntry, Label, Membership
from labeling.services.groups import make_group, remove_group, rename_group
from labeling.services.projects import set_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=1)


def test_a_member_is_put_into_a_group_and_stays_there_when_only_the_role_changes(cast):
    group = make_group(project=cast.project, name="  held-out labelers ", changed_by=cast.alice)

    set_member(project=cast.project, user=cast.bob, role="annotator", group=group)
    set_member(project=cast.project, user=cast.bob, role="reviewer")

    assert cast.project.memberships.get(user=cast.bob).group == group
    assert group.name == "held-out labelers"


def test_a_group_of_another_project_is_refused_by_service_and_database(cast):
    foreign = make_group(project=cast.other_project, name="theirs")

    with pytest.raises(Invalid, match=f"no group {foreign.pk} in this project"):
        set_member(project=cast.project, user=cast.bob, role="annotator", group=foreign)
    Membership.objects.filter(project=cast.project, user=cast.bob).update(group=foreign)
    with pytest.raises(IntegrityError, match="membership_group_of_its_project"), transaction.atomic():
        connection.check_constraints()
    Membership.objects.filter(project=cast.project, user=cast.bob).update(group=None)


def test_a_removed_group_leaves_its_people_and_their_labels(cast):
    group = make_group(project=cast.project, name="experts")
    set_member(project=cast.project, user=cast.bob, role="annotator", group=group)
    judge(cast.project, cast.bob)

    remove_group(group=group, changed_by=cast.alice)

    place = cast.project.memberships.get(user=cast.bob)
    assert (place.group, place.is_active, place.num_submitted) == (None, True, 1)
    assert Label.objects.filter(annotator=cast.bob).count() == 1
    assert AuditEntry.objects.get(action="group.removed").before == {"name": "experts", "members": 1}


def test_two_groups_of_one_project_have_different_names(cast):
    make_group(project=cast.project, name="experts")
    other = make_group(project=cast.project, name="others")
    make_group(project=cast.other_project, name="experts")

    with pytest.raises(Conflict, match="there is a group 'experts' already"):
        make_group(project=cast.project, name="experts")
    with pytest.raises(Conflict, match="there is a group 'experts' already"):
        rename_group(group=other, name="experts")


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_name_has_one_to_sixty_characters(cast, name):
    with pytest.raises(Invalid, match="a name of 1 to 60 characters"):
        make_group(project=cast.project, name=name)


def test_a_name_that_stays_is_no_change(cast):
    group = make_group(project=cast.project, name="experts")

    rename_group(group=group, name="experts ", changed_by=cast.alice)
    assert not AuditEntry.objects.filter(action="group.changed").exists()
    rename_group(group=group, name="masters", changed_by=cast.alice)

    assert AuditEntry.objects.get(action="group.changed").after == {"name": "masters"}
