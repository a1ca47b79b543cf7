from __future__ import annotations

import threading
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from factories import a_verdict, claim, end_lease, judge, make_cast, make_user

from labeling.errors import Conflict, Invalid
from labeling.models import Guidelines, Label, Project
from labeling.services.assignments import claim_next
from labeling.services.guidelines import mark_read, write_guidelines
from labeling.services.projects import create_project, update_project
from labeling.services.revisions import revise_label


@pytest.fixture
def cast(db):
    return make_cast(num_items=2)


def write(cast, text, **options):
    return write_guidelines(project=cast.project, author=cast.alice, text=text, **options)


def test_each_text_is_a_version_and_the_last_is_in_force(cast):
    first = write(cast, "Be kind.", change="begun")
    second = write(cast, "Be fair.", change="  fair, not kind  ")

    cast.project.refresh_from_db()
    assert cast.project.guidelines_version == 2
    assert list(Guidelines.objects.values_list("version", "text", "change", "author")) == [
        (2, "Be fair.", "fair, not kind", cast.alice.pk),
        (1, "Be kind.", "begun", cast.alice.pk),
    ]
    assert first.created < second.created


def test_the_text_in_force_makes_no_new_version(cast):
    first = write(cast, "Be kind.")

    again = write(cast, "Be kind.", follows=1)

    assert again == first
    assert Guidelines.objects.count() == 1


def test_a_version_is_never_changed_not_even_by_hand(cast):
    written = write(cast, "Be kind.")

    with pytest.raises(IntegrityError, match="never changed: write a new version"), transaction.atomic():
        Guidelines.objects.filter(pk=written.pk).update(text="Be mean.")

    assert Guidelines.objects.get(pk=written.pk).text == "Be kind."


def test_a_project_can_not_have_a_version_in_force_that_is_not_there(cast):
    write_guidelines(project=cast.other_project, author=cast.charlie, text="Others' own.")

    Project.objects.filter(pk=cast.project.pk).update(guidelines_version=1)

    with pytest.raises(IntegrityError, match="project_guidelines_exist"), transaction.atomic():
        connection.check_constraints()

    Project.objects.filter(pk=cast.project.pk).update(guidelines_version=None)


def test_who_did_not_see_the_newest_version_is_told_and_nothing_is_written(cast):
    write(cast, "Be kind.", follows=0)

    with pytest.raises(Conflict, match="version 1 was written meanwhile") as refused:
        write(cast, "Mine.", follows=0)

    assert refused.value.code == "newer_guidelines"
    assert Guidelines.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("a\x00b", "", "the guidelines has a NUL"),
        ("x" * 200_001, "", "has 200,001 characters"),
        ("Be kind.", "y" * 301, "what changed has 301 characters: at most 300"),
        ("Be kind.", "\ud800", "half of a surrogate pair"),
    ],
)
def test_what_can_not_be_kept_is_refused(cast, text, change, message):
    with pytest.raises(Invalid, match=message):
        write(cast, text, change=change)

    cast.project.refresh_from_db()
    assert cast.project.guidelines_version is None


@pytest.mark.django_db(transaction=True)
def test_two_who_write_at_once_get_two_versions():
    author = make_user("alice")
    project = create_project(slug="together", creator=author)
    versions = []

    def work(text):
        versions.append(write_guidelines(project=Project(pk=project.pk), author=author, text=text).version)
        connection.close()

    threads = [threading.Thread(target=work, args=[f"Text {number}."]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(versions) == [1, 2, 3, 4, 5, 6]
    assert Project.objects.get(pk=project.pk).guidelines_version == 6


def test_settings_take_a_text_as_a_new_version(cast):
    made = create_project(slug="new", creator=cast.alice, guidelines="First.")
    update_project(project=made, changed_by=cast.bob, guidelines="Second.", overlap=2)

    written = Guidelines.objects.filter(project=made).values_list("version", "text", "author__username")
    assert list(written) == [(2, "Second.", "bob"), (1, "First.", "alice")]


def test_a_label_knows_the_version_that_stood_beside_the_work(cast):
    before = judge(cast.project, cast.bob)
    write(cast, "Be kind.")
    after = judge(cast.project, cast.bob)

    assert (before.guidelines_version, after.guidelines_version) == (None, 1)


def test_work_in_progress_keeps_its_version_until_the_item_is_shown_again(cast):
    write(cast, "One.")
    here, elsewhere = claim(cast.project, cast.bob), claim(cast.project, cast.dora)
    write(cast, "Two.")
    shown_again = claim_next(project=cast.project, annotator=cast.dora)
    assert shown_again is not None

    assert (here.guidelines_version, elsewhere.guidelines_version) == (1, 1)
    assert (shown_again.pk, shown_again.guidelines_version) == (elsewhere.pk, 2)


def test_an_item_whose_lease_ended_comes_back_with_the_version_in_force(cast):
    write(cast, "One.")
    held = claim(cast.project, cast.bob)
    end_lease(held)
    write(cast, "Two.")

    again = claim(cast.project, cast.bob)

    again.refresh_from_db()
    assert (again.pk, again.guidelines_version) == (held.pk, 2)


def test_a_revision_is_made_by_the_version_in_force_and_the_first_label_keeps_its_own(cast):
    write(cast, "One.")
    first = judge(cast.project, cast.bob)
    write(cast, "Two.")
    assignment = first.assignment

    revised = revise_label(
        assignment_id=assignment.pk,
        annotator=cast.bob,
        verdict=a_verdict(assignment, ranks=[1, 1, 1]),
        client_id=UUID("00000000-0000-4000-8000-00000000000a"),
    ).label

    assert (Label.objects.get(pk=first.pk).guidelines_version, revised.guidelines_version) == (1, 2)


def test_what_was_read_is_remembered_for_each_person_and_never_goes_back(cast):
    write(cast, "One.")
    write(cast, "Two.")

    assert mark_read(project=cast.project, user=cast.bob, version=2) == 2
    assert mark_read(project=cast.project, user=cast.bob, version=1) == 2

    read = dict(cast.project.memberships.values_list("user__username", "guidelines_read"))
    assert (read["bob"], read["dora"]) == (2, 0)


@pytest.mark.parametrize("version", [0, -1, 2, 10**12])
def test_a_version_that_is_not_there_can_not_have_been_read(cast, version):
    write(cast, "One.")

    with pytest.raises(Invalid, match=f"no guidelines of version {version}: the newest is 1"):
        mark_read(project=cast.project, user=cast.bob, version=version)
