"""Writes of projects and of who works in them."""

from __future__ import annotations

import pytest
from django.utils import timezone
from factories import claim, judge, make_cast, make_item, make_user

from labeling.errors import Conflict, Invalid
from labeling.models import Item, Label, Membership, Project, Role, SecondFactor
from labeling.services.projects import create_project, set_member, update_project

pytestmark = pytest.mark.django_db


def test_creator_is_the_only_admin():
    alice = make_user("alice")

    project = create_project(slug="tea", creator=alice, overlap=2)

    assert (project.name, project.overlap, project.completions_per_item) == ("tea", 2, 4)
    assert list(Membership.objects.values_list("user__username", "role")) == [("alice", "admin")]


def test_taken_slug_is_a_conflict_and_changes_nothing():
    cast = make_cast()

    with pytest.raises(Conflict) as refused:
        create_project(slug="colours", creator=cast.charlie, name="Mine")

    assert refused.value.code == "slug_taken"
    assert Project.objects.get(slug="colours").name == "Colours"
    assert not Membership.objects.filter(project=cast.project, user=cast.charlie).exists()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"overlap": 0}, "overlap"),
        ({"overlap": 51}, "overlap"),
        ({"completions_per_item": 1}, "completions_per_item"),
        ({"completions_per_item": 10}, "completions_per_item"),
        ({"lease_minutes": 0}, "lease_minutes"),
        ({"held_out_percent": 51}, "held_out_percent"),
        ({"held_out_percent": "many"}, "held_out_percent"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"flags": ["rude"]}, "no flag 'rude'"),
        ({"num_slots": 5}, "no setting 'num_slots'"),
        ({"slug": "other"}, "no setting 'slug'"),
    ],
)
def test_wrong_setting_is_refused_by_its_name_and_nothing_is_changed(settings, reason):
    cast = make_cast()

    with pytest.raises(Invalid, match=reason):
        update_project(project=cast.project, guidelines="new", **settings)

    assert Project.objects.get(pk=cast.project.pk).guidelines_version is None


@pytest.mark.parametrize("slug", ["", "Tea", "tea time", "-tea", "tee_zeit", "x" * 51])
def test_wrong_slug_is_refused(slug):
    with pytest.raises(Invalid, match="slug"):
        create_project(slug=slug, creator=make_user("alice"))

    assert not Project.objects.exists()


def test_items_in_the_queue_keep_the_overlap_they_were_made_with():
    cast = make_cast(overlap=2)

    update_project(project=cast.project, overlap=1)
    item = make_item(Project.objects.get(pk=cast.project.pk), prompt="Later?")

    assert Item.objects.get(pk=cast.items[0].pk).overlap == 2
    assert item.overlap == 1


def test_settings_can_be_changed_while_people_work():
    cast = make_cast()
    claim(cast.project, cast.bob)

    update_project(project=cast.project, lease_minutes=5, flags=["violent"])

    assert judge(cast.project, cast.bob).is_extra is False


def test_change_does_not_write_back_what_it_read_earlier():
    cast = make_cast()
    stale = Project.objects.get(pk=cast.project.pk)
    make_item(cast.project, prompt="Meanwhile?")

    update_project(project=stale, name="New")

    assert Project.objects.get(pk=cast.project.pk).num_slots == 2


def test_role_is_changed_and_counts_and_labels_stay():
    cast = make_cast()
    judge(cast.project, cast.bob)

    set_member(project=cast.project, user=cast.bob, role=Role.REVIEWER)
    set_member(project=cast.project, user=cast.bob, role=Role.REVIEWER, is_active=False)

    membership = Membership.objects.get(project=cast.project, user=cast.bob)
    assert (membership.role, membership.is_active, membership.num_submitted) == ("reviewer", False, 1)
    assert Label.objects.filter(annotator=cast.bob).count() == 1


@pytest.mark.parametrize("change", [{"role": Role.ANNOTATOR}, {"role": Role.ADMIN, "is_active": False}])
def test_last_admin_stays(change):
    cast = make_cast()

    with pytest.raises(Conflict) as refused:
        set_member(project=cast.project, user=cast.alice, **change)

    membership = Membership.objects.get(project=cast.project, user=cast.alice)
    assert refused.value.code == "last_admin"
    assert (membership.role, membership.is_active) == ("admin", True)


def test_unknown_role_is_refused():
    cast = make_cast()

    with pytest.raises(Invalid, match="no role 'boss'"):
        set_member(project=cast.project, user=cast.bob, role="boss")


def test_admin_without_a_second_factor_can_not_lock_themselves_out():
    cast = make_cast()

    with pytest.raises(Invalid, match="you would be locked out"):
        update_project(project=cast.project, changed_by=cast.alice, second_factor_roles=["annotator", "admin"])
    with pytest.raises(Invalid, match="you would be locked out"):
        create_project(slug="tea", creator=cast.alice, second_factor_roles=["admin"])
    update_project(project=cast.project, changed_by=cast.alice, second_factor_roles=["annotator"])
    SecondFactor.objects.create(user=cast.alice, sealed="x", confirmed=timezone.now())
    update_project(project=cast.project, changed_by=cast.alice, second_factor_roles=["admin"])

    assert Project.objects.get(slug="colours").second_factor_roles == ["admin"]
    assert not Project.objects.filter(slug="tea").exists()


def test_unknown_role_needs_no_second_factor():
    cast = make_cast()

    with pytest.raises(Invalid):
        update_project(project=cast.project, second_factor_roles=["janitor"])
