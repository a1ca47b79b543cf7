"""The process that takes large files in."""

from __future__ import annotations

import datetime as dt
import io
import threading
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.utils import timezone
from factories import Cast, make_cast
from procrastinate.contrib.django import connector_params

from labeling.imports import importer
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.imports.recorded import Brought, path_of, receive
from labeling.models import Import, Prompt, RejectedRow

pytestmark = pytest.mark.django_db(transaction=True)

PROMPTS = Brought(name="more.jsonl", file_format=Format.PROMPTS, kind=FileKind.JSONL)


@pytest.fixture
def cast(settings, tmp_path, monkeypatch) -> Cast:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    monkeypatch.setattr(importer, "TELL_SECONDS", 0.0)
    return make_cast(num_items=0)


def bring(cast: Cast, *, rows: int) -> Import:
    content = b"".join(b'{"prompt": "Count to %d."}\n' % number for number in range(rows))
    return receive(io.BytesIO(content), PROMPTS, project=cast.project, by=cast.alice, num_bytes=len(content))


def test_waiting_imports_are_taken_in_one_after_the_other(cast):
    first, second = bring(cast, rows=3), bring(cast, rows=5)

    ran = [importer.run_next(ending=threading.Event()) for _ in range(3)]

    first.refresh_from_db()
    second.refresh_from_db()
    assert ran == [True, True, False]
    assert [(each.state, each.rows, each.prompts) for each in (first, second)] == [
        ("finished", 3, 3),
        ("finished", 5, 2),
    ]
    assert not path_of(first).exists()


def test_a_file_that_is_refused_is_put_away_with_its_report(cast):
    content = b'{"prompt": "One?"}\n{"prompt": ""}\n'
    imported = receive(io.BytesIO(content), PROMPTS, project=cast.project, by=cast.alice, num_bytes=len(content))

    importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    assert (imported.state, imported.num_rejected, imported.rejected_rows.get().line) == ("refused", 1, 2)
    assert not path_of(imported).exists()
    assert not Prompt.objects.exists()


def test_how_far_it_is_can_be_seen_from_outside_and_cancelling_ends_it_with_nothing_stored(cast, monkeypatch):
    imported = bring(cast, rows=12_000)
    seen: list[Any] = []
    tell = importer.Teller.__call__

    def look(teller, summary):
        with psycopg.connect(**connector_params(), autocommit=True) as outside:
            seen.append(outside.execute("SELECT state, rows FROM labeling_import").fetchone())
            if seen[-1][1] >= 2000:
                outside.execute("UPDATE labeling_import SET cancel_asked = true")
        tell(teller, summary)

    monkeypatch.setattr(importer.Teller, "__call__", look)
    importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    assert seen[0] == ("running", 0)
    assert any(rows >= 2000 for _, rows in seen[1:])
    assert (imported.state, imported.prompts) == ("cancelled", 0)
    assert not Prompt.objects.exists()


def test_what_another_process_is_at_is_left_to_it(cast):
    imported = bring(cast, rows=3)

    with psycopg.connect(**connector_params(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", (importer.LOCK_SPACE, imported.pk))
        ran = importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    assert (ran, imported.state) == (False, "waiting")


def test_an_import_whose_process_ended_is_begun_again_and_nothing_is_there_twice(cast):
    imported, ending = bring(cast, rows=5000), threading.Event()
    ending.set()

    importer.run_next(ending=ending)
    imported.refresh_from_db()
    then = imported.state, Prompt.objects.count()
    importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    assert then == ("running", 0)
    assert (imported.state, imported.prompts, Prompt.objects.count()) == ("finished", 5000, 5000)


def test_an_import_without_a_file_fails_once_nobody_can_be_at_it_any_more(cast):
    imported = bring(cast, rows=3)
    path_of(imported).unlink()

    importer.run_next(ending=threading.Event())
    then = Import.objects.get().state
    Import.objects.update(state="running", created=timezone.now() - dt.timedelta(days=2))
    importer.run_next(ending=threading.Event())

    assert then == "waiting"
    assert (Import.objects.get().state, Import.objects.get().error) == ("failed", "its file is gone: import it again")


def test_an_importer_that_shares_no_folder_with_the_web_server_says_so(cast, settings, tmp_path):
    imported = bring(cast, rows=3)
    settings.DATA_DIR = tmp_path / "another"  # as the importer of another machine has it
    Import.objects.update(created=timezone.now() - dt.timedelta(minutes=2))

    importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    assert imported.state == "failed"
    assert imported.error == (
        f"its file is not in {tmp_path}/another/imports: the web server and the importer need one folder between them; "
        "start both with the same DATA_DIR, on a disk that both see, and import it again"
    )


def test_rejected_rows_can_be_read_while_it_runs_and_are_there_once_in_the_end(cast, monkeypatch):
    content = b"".join(b'{"prompt": "%s"}\n' % (b"" if number % 3 == 0 else b"Count.") for number in range(9000))
    imported = receive(
        io.BytesIO(content),
        replace(PROMPTS, keep_good=True),
        project=cast.project,
        by=cast.alice,
        num_bytes=len(content),
    )
    RejectedRow.objects.create(imported=imported, line=7, reason="of an importer that died")
    seen: list[int] = []
    tell = importer.Teller.__call__

    def look(teller, summary):
        with psycopg.connect(**connector_params(), autocommit=True) as outside:
            row = outside.execute("SELECT count(*) FROM labeling_rejectedrow").fetchone()
            assert row is not None
            seen.append(row[0])
        tell(teller, summary)

    monkeypatch.setattr(importer.Teller, "__call__", look)
    importer.run_next(ending=threading.Event())

    imported.refresh_from_db()
    lines = list(imported.rejected_rows.order_by("id").values_list("line", flat=True))
    assert seen[0] == 0
    assert 0 < seen[-1] <= 3000
    assert (imported.state, imported.num_rejected) == ("finished", 3000)
    assert lines == list(range(1, 9000, 3))
