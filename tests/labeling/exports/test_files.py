"""Exports into files, and reading them back with datasets."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from factories import judge, make_cast

from labeling.exports.files import write_file
from labeling.exports.streams import make_export

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    cast = make_cast(num_items=3)
    for _ in range(3):
        judge(cast.project, cast.bob, ranks=[1, 2, 3])
    return cast


def test_file_and_manifest_are_written_and_nothing_else(cast, tmp_path):
    path = tmp_path / "pairs.jsonl"

    manifest = write_file(make_export(project=cast.project, view="trl"), path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["pairs.jsonl", "pairs.jsonl.manifest.json"]
    assert json.loads((tmp_path / "pairs.jsonl.manifest.json").read_text()) == manifest
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["counts"]["rows"] == len(path.read_text().splitlines()) == 9
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask(tmp_path)


def current_umask(folder: Path) -> int:
    probe = folder / "probe"
    probe.touch()
    mode = probe.stat().st_mode & 0o777
    probe.unlink()
    return 0o666 & ~mode


def test_failure_in_the_middle_leaves_what_was_there_before(cast, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("the old file")
    export = make_export(project=cast.project)

    def stop(count: int) -> None:
        if count >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(export, path, on_judgement=stop)

    assert path.read_text() == "the old file"
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.jsonl"]


@pytest.mark.parametrize(("file_format", "reader"), [("jsonl", "json"), ("parquet", "parquet")])
def test_datasets_reads_the_same_pairs_back(cast, tmp_path, file_format, reader):
    from datasets import load_dataset

    path = tmp_path / f"pairs.{file_format}"
    write_file(make_export(project=cast.project, view="trl", file_format=file_format), path)
    expected = [
        json.loads(line) for line in b"".join(make_export(project=cast.project, view="trl").stream()).splitlines()
    ]

    loaded = load_dataset(reader, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))

    assert loaded.column_names == ["prompt", "chosen", "rejected"]
    assert loaded.to_list() == expected


def test_command_writes_what_it_says(cast, tmp_path):
    out = io.StringIO()
    path = tmp_path / "all.parquet"

    call_command("export_preferences", str(path), "--project=colours", "--view=rankings", stdout=out)

    manifest = json.loads((tmp_path / "all.parquet.manifest.json").read_text())
    assert (manifest["format"], manifest["view"]) == ("parquet", "rankings")
    assert out.getvalue() == f"{path}: 3 judgements, 3 rankings, 3 rows; sha256 {manifest['sha256']}\n"


def test_command_takes_held_out_prompts_alone_or_leaves_them_out(cast, tmp_path):
    counts = []
    for choice in ("only", "without"):
        path = tmp_path / f"{choice}.jsonl"
        call_command(
            "export_preferences",
            str(path),
            "--project=colours",
            "--view=rankings",
            f"--held-out={choice}",
            stdout=io.StringIO(),
        )
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert {row["held_out"] for row in rows} <= {choice == "only"}
        counts.append(len(rows))

    assert sum(counts) == 3


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["out.jsonl", "--project=nowhere"], "no project 'nowhere'"),
        (["missing/out.jsonl", "--project=colours"], "can't be written: No such file"),
        (["out.jsonl", "--project=colours", "--up-to=-3"], "up_to is -3"),
        (["out.jsonl", "--project=colours", "--view=all"], "invalid choice"),
    ],
)
def test_command_refuses_by_name_and_writes_nothing(cast, tmp_path, args, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("export_preferences", str(tmp_path / args[0]), *args[1:])

    assert list(tmp_path.iterdir()) == []
