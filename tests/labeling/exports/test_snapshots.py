"""Snapshots: the same filters of the same labels give the same bytes, whatever happens later."""

from __future__ import annotations

import pytest
from factories import judge, make_cast, make_item

from labeling.errors import Conflict, Invalid
from labeling.exports.snapshots import WHOLE, take_snapshot
from labeling.exports.streams import FileFormat, make_export
from labeling.exports.views import VIEWS
from labeling.models import AuditEntry, Label, Prompt, Snapshot, SnapshotLabel
from labeling.selectors.selection import Selection

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    cast = make_cast(num_items=3, overlap=2)
    for person in (cast.bob, cast.dora, cast.bob):
        judge(cast.project, person)
    return cast


def content(snapshot, view, file_format="jsonl"):
    export = make_export(project=snapshot.project, view=view, file_format=file_format, snapshot=snapshot)
    return b"".join(export.stream())


def test_it_holds_what_the_filters_choose(cast):
    snapshot = take_snapshot(
        project=cast.project, name="pairs-of-bob", selection=Selection(kinds=("ranking",)), author=cast.rita
    )

    assert set(SnapshotLabel.objects.values_list("label", flat=True)) == set(Label.objects.values_list("pk", flat=True))
    assert snapshot.manifest["labels"] == 3
    assert snapshot.manifest["views"]["rankings"]["counts"]["rows"] == 3
    assert (snapshot.filters, len(snapshot.digest)) == ({"kinds": ["ranking"]}, 64)
    assert AuditEntry.objects.get(action="snapshot.taken").subject == "pairs-of-bob"


def test_the_same_filters_of_the_same_labels_give_the_same_digest_and_bytes(cast):
    one, other = (take_snapshot(project=cast.project, name=name) for name in ("one", "other"))

    assert one.digest == other.digest
    for view in VIEWS:
        for file_format in FileFormat:
            assert content(one, view, file_format) == content(other, view, file_format)


def test_a_live_export_of_the_same_labels_has_the_same_bytes(cast):
    snapshot = take_snapshot(project=cast.project, name="v1")

    for view in VIEWS:
        live = b"".join(make_export(project=cast.project, view=view, up_to=snapshot.up_to).stream())
        assert content(snapshot, view) == live


def test_nothing_that_happens_later_changes_its_bytes(cast):
    snapshot = take_snapshot(project=cast.project, name="v1")
    before = {view: content(snapshot, view) for view in WHOLE}
    make_item(cast.project, prompt="Another?")
    later = judge(cast.project, cast.dora)
    first = SnapshotLabel.objects.order_by("label").values("label")[:1]
    Label.objects.filter(pk__in=first).update(superseded_by=later)
    Prompt.objects.filter(project=cast.project).update(topics=["hate"])

    assert {view: content(snapshot, view) for view in WHOLE} == before
    assert take_snapshot(project=cast.project, name="v2").digest != snapshot.digest


def test_labels_up_to_an_earlier_one_are_kept_as_they_were_when_it_was_the_newest(cast):
    before = take_snapshot(project=cast.project, name="before")
    newest = Label.objects.filter(project=cast.project).order_by("-id").first()
    newer = judge(cast.project, cast.dora)
    Label.objects.filter(pk=newest.pk).update(superseded_by=newer)

    later = take_snapshot(project=cast.project, name="later", up_to=newest.pk)

    assert (later.digest, later.up_to) == (before.digest, newest.pk)
    assert take_snapshot(project=cast.project, name="now").digest != before.digest
    for wrong in (0, -1, newer.pk + 1):
        with pytest.raises(Invalid, match=f"up_to is {wrong}: give the id"):
            take_snapshot(project=cast.project, name="wrong", up_to=wrong)


def test_what_cannot_be_a_snapshot_is_refused(cast):
    take_snapshot(project=cast.project, name="v1")

    with pytest.raises(Conflict, match="there is a snapshot 'v1' already"):
        take_snapshot(project=cast.project, name="v1")
    with pytest.raises(Invalid, match="the name is 'V 1'"):
        take_snapshot(project=cast.project, name="V 1")
    with pytest.raises(Invalid, match="these filters leave no label"):
        take_snapshot(project=cast.project, name="none", selection=Selection(kinds=("pair",)))
    assert Snapshot.objects.count() == 1


def test_filters_beside_a_snapshot_are_refused(cast):
    snapshot = take_snapshot(project=cast.project, name="v1")

    with pytest.raises(Invalid, match="give no others beside it"):
        make_export(project=cast.project, snapshot=snapshot, selection=Selection(held_out=True))
