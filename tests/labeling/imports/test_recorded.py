"""Imports that are remembered."""

from __future__ import annotations

import hashlib
import io

import pytest
from factories import Cast, make_cast, make_import

from labeling.errors import Conflict, Invalid
from labeling.imports.files import RowsRejected
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.imports.recorded import Brought, Cancelled, ask_for, cancel, path_of, receive, run
from labeling.models import Import, ImportState, Prompt, RejectedRow

pytestmark = pytest.mark.django_db

PROMPTS = Brought(name="more.jsonl", file_format=Format.PROMPTS, kind=FileKind.JSONL)
GOOD = b'{"prompt": "Three?"}\n{"prompt": "Four?"}\n'


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=0)


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def bring(cast: Cast, content: bytes, brought: Brought = PROMPTS) -> Import:
    return receive(io.BytesIO(content), brought, project=cast.project, by=cast.alice, num_bytes=len(content))


def test_a_small_file_is_taken_in_at_once_and_remembered(cast):
    imported = bring(cast, GOOD)

    stored = Import.objects.get()
    assert stored == imported
    assert (stored.state, stored.rows, stored.prompts, stored.num_rejected) == ("finished", 2, 2, 0)
    assert (stored.requested_by, stored.file_name, stored.num_bytes, stored.bytes_read) == (
        cast.alice,
        "more.jsonl",
        len(GOOD),
        len(GOOD),
    )
    assert stored.digest == hashlib.sha256(GOOD).hexdigest()
    assert stored.started is not None
    assert stored.ended is not None
    assert stored.created <= stored.started <= stored.ended


def test_a_refused_file_leaves_its_report_with_every_bad_row_and_nothing_else(cast):
    content = GOOD + b"{}\n" * 1500

    with pytest.raises(RowsRejected) as refused:
        bring(cast, content)

    stored = Import.objects.get()
    assert getattr(refused.value, "imported", None) == stored
    assert (stored.state, stored.rows, stored.prompts, stored.num_rejected) == ("refused", 1502, 0, 1500)
    assert stored.error.startswith("nothing was imported: line 3: give either")
    assert list(RejectedRow.objects.values_list("line", flat=True)) == list(range(3, 1503))
    assert not Prompt.objects.exists()


def test_a_file_that_cannot_be_read_is_refused_with_its_reason(cast):
    with pytest.raises(Invalid):
        bring(cast, GOOD.decode().encode("utf-16"))

    assert (Import.objects.get().state, Import.objects.get().error) == (
        "refused",
        "the file is UTF-16: save it as UTF-8",
    )


def test_good_rows_are_kept_beside_the_report_of_the_bad_ones(cast):
    imported = make_import(cast, GOOD + b'{"prompt": "a\\ud800"}\nbroken\x00\n')

    assert (imported.state, imported.prompts, imported.num_rejected) == ("finished", 2, 2)
    assert [(row.line, row.reason[:6]) for row in RejectedRow.objects.all()] == [(3, "turn 1"), (4, "broken")]


def test_a_large_file_waits_for_the_importer_whole(cast, monkeypatch):
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)

    imported = bring(cast, GOOD)

    assert imported.state == ImportState.WAITING
    assert path_of(imported).read_bytes() == GOOD
    assert not Prompt.objects.exists()


def test_a_tag_that_is_none_is_refused_before_anything_is_remembered(cast):
    with pytest.raises(Invalid, match="a tag is empty"):
        bring(cast, GOOD, Brought(name="a", file_format=Format.PROMPTS, kind=FileKind.JSONL, tags="a,,b"))

    assert not Import.objects.exists()


def test_a_waiting_import_is_cancelled_at_once_and_its_file_is_gone(cast, monkeypatch):
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    imported = bring(cast, GOOD)

    cancel(imported)

    imported.refresh_from_db()
    assert (imported.state, imported.ended is not None) == ("cancelled", True)
    assert not path_of(imported).exists()
    with pytest.raises(Conflict, match="this import has ended: it is cancelled"):
        cancel(imported)


def test_an_import_that_is_cancelled_on_its_way_stores_nothing_and_tells_how_far_it_was(cast):
    content = b"".join(b'{"prompt": "Count to %d."}\n' % number for number in range(5000))
    imported = ask_for(PROMPTS, project=cast.project, by=None)

    def tell(summary):
        if summary.rows >= 2000:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run(imported, io.BytesIO(content), tell=tell)

    imported.refresh_from_db()
    assert (imported.state, imported.prompts, imported.rows >= 2000) == ("cancelled", 0, True)
    assert not Prompt.objects.exists()


def test_what_is_not_the_files_fault_is_a_failure_that_is_told(cast):
    imported = ask_for(PROMPTS, project=cast.project, by=None)

    def tell(summary):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        run(imported, io.BytesIO(GOOD), tell=tell)

    imported.refresh_from_db()
    assert (imported.state, imported.error) == ("failed", "the disk is full")
