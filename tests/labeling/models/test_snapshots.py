"""What the database refuses of snapshots."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from factories import judge, make_cast

from labeling.models import Snapshot, SnapshotLabel

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(num_items=2)


@pytest.fixture
def sealed(cast):
    """A snapshot of one label, as it is once it has its digest."""
    label = judge(cast.project, cast.bob)
    snapshot = Snapshot.objects.create(project=cast.project, name="v1", filters={}, up_to=label.pk)
    SnapshotLabel.objects.create(snapshot=snapshot, label=label)
    Snapshot.objects.filter(pk=snapshot.pk).update(digest="a" * 64)
    return snapshot


def refused(constraint: str):
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize(
    "change", [{"name": "v2"}, {"filters": {"kinds": ["pair"]}}, {"digest": "b" * 64}, {"card": "!"}]
)
def test_what_a_snapshot_says_never_changes(sealed, change):
    with refused("is never changed"), transaction.atomic():
        Snapshot.objects.filter(pk=sealed.pk).update(**change)


def test_a_snapshot_gets_no_label_and_loses_none(cast, sealed):
    other = judge(cast.project, cast.bob)

    with refused("labels of a snapshot are never changed"), transaction.atomic():
        SnapshotLabel.objects.create(snapshot=sealed, label=other)
    with refused("labels of a snapshot are never changed"), transaction.atomic():
        SnapshotLabel.objects.filter(snapshot=sealed).update(topics=["hate"])
    with refused("labels of a snapshot are never changed"), transaction.atomic():
        SnapshotLabel.objects.filter(snapshot=sealed).delete()


def test_a_snapshot_is_never_taken_away(cast):
    snapshot = Snapshot.objects.create(project=cast.project, name="v1", filters={}, up_to=0, digest="a" * 64)

    with refused("is never changed"), transaction.atomic():
        snapshot.delete()


@pytest.mark.parametrize("name", ["", "V1", "a/b", "../a", "-a", "a b"])
def test_a_name_can_stand_in_an_address_and_name_a_file(cast, name):
    with refused("snapshot_name_is_one"), transaction.atomic():
        Snapshot.objects.create(project=cast.project, name=name, filters={}, up_to=0)


def test_a_name_is_there_once_in_a_project(cast):
    Snapshot.objects.create(project=cast.project, name="v1", filters={}, up_to=0)
    Snapshot.objects.create(project=cast.other_project, name="v1", filters={}, up_to=0)

    with refused("snapshot_name_once"), transaction.atomic():
        Snapshot.objects.create(project=cast.project, name="v1", filters={}, up_to=0)
