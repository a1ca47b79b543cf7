"""manage.py snapshot, and the file of one."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command
from factories import judge, make_cast

from labeling.models import Snapshot
from labeling.selectors.labels import latest_label
from tests.benchmarks import export as benchmark

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    return cast


def test_a_snapshot_is_taken_with_its_card_and_exported_with_its_manifest(cast, tmp_path, capsys):
    call_command("snapshot", "v1", "--project=colours", "--kinds=ranking", f"--card={tmp_path / 'card.md'}")
    call_command(
        "export_preferences", str(tmp_path / "v1.jsonl"), "--project=colours", "--snapshot=v1", "--view=rankings"
    )

    taken = Snapshot.objects.get()
    written = (tmp_path / "v1.jsonl").read_bytes()
    manifest = json.loads((tmp_path / "v1.jsonl.manifest.json").read_bytes())
    assert f"v1: 1 labels; sha256 {taken.digest}" in capsys.readouterr().out
    assert (tmp_path / "card.md").read_text() == taken.card
    assert manifest["sha256"] == hashlib.sha256(written).hexdigest() == taken.manifest["views"]["rankings"]["sha256"]


def test_labels_up_to_an_earlier_one_are_kept_later(cast, capsys):
    newest = latest_label(cast.project)
    judge(cast.project, cast.bob)

    call_command("snapshot", "then", "--project=colours", f"--up-to={newest}")

    assert (Snapshot.objects.get().up_to, Snapshot.objects.get().manifest["labels"]) == (newest, 1)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["snapshot", "V 1", "--project=colours"], "the name is 'V 1'"),
        (["snapshot", "v1", "--project=colours", "--since=soon"], "since is 'soon'"),
        (["snapshot", "v1", "--project=colours", "--up-to=0"], "up_to is 0"),
        (["export_preferences", "a.jsonl", "--project=colours", "--snapshot=v9"], "there is no snapshot 'v9'"),
        (["export_preferences", "a.jsonl", "--project=colours", "--agreement=2"], "agreement is '2'"),
    ],
)
def test_what_is_not_understood_is_refused(cast, command, reason):
    with pytest.raises(CommandError, match=reason):
        call_command(*command)


def test_the_benchmark_counts_every_row_it_made():
    found = benchmark.run(say=lambda _: None, items=12, completions=3, words=2, rounds=2)

    assert (found["rows"], found["format"]) == (12, "jsonl")
    assert {name: each["rows"] for name, each in found["views"]["comparisons"].items()} == {
        "jsonl": 36,
        "csv": 36,
        "parquet": 36,
    }
