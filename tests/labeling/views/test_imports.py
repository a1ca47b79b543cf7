from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from factories import make_import

from labeling.models import Import, RejectedRow

UPLOAD = "/p/colours/prompts/upload/"
IMPORTS = "/p/colours/imports/"


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def send(client, content, **fields):
    file = SimpleUploadedFile(fields.pop("name", "more.jsonl"), content)
    return client.post(UPLOAD, {"file": file, "format": "prompts", **fields}, follow=True)


def test_a_large_file_leads_to_its_page_which_asks_again_until_it_has_ended(cast, signed_in, monkeypatch):
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)

    page = send(signed_in(cast.alice), b'{"prompt": "Three?"}\n' * 10)

    imported = Import.objects.get()
    html = page.content.decode()
    assert page.redirect_chain == [(f"{IMPORTS}{imported.pk}/", 302)]
    assert f'hx-get="{IMPORTS}{imported.pk}/" hx-trigger="every 1s"' in html
    Import.objects.update(state="running", rows=4, bytes_read=imported.num_bytes // 2)
    fragment = signed_in(cast.alice, htmx=True).get(f"{IMPORTS}{imported.pk}/").content.decode()
    assert "50 % of the file, 4 rows" in fragment
    assert "<html" not in fragment
    RejectedRow.objects.create(imported=imported, line=3, reason="turn 1 is empty")
    Import.objects.update(num_rejected=1)
    with_rejected = signed_in(cast.alice, htmx=True).get(f"{IMPORTS}{imported.pk}/").content.decode()
    assert "turn 1 is empty" in with_rejected
    assert f'href="{IMPORTS}{imported.pk}/rejected/" download' in with_rejected
    Import.objects.update(state="finished", ended=imported.created)
    ended = signed_in(cast.alice, htmx=True).get(f"{IMPORTS}{imported.pk}/")
    assert "hx-trigger" not in ended.content.decode()
    assert ended["HX-Refresh"] == "true"


def test_a_waiting_import_is_cancelled_from_its_page(cast, signed_in, monkeypatch):
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    client = signed_in(cast.alice)
    send(client, b'{"prompt": "Three?"}\n' * 10)

    page = client.post(f"{IMPORTS}{Import.objects.get().pk}/cancel/", follow=True)

    assert "Nothing of it is kept." in page.content.decode()
    assert Import.objects.get().state == "cancelled"


def test_good_rows_are_kept_when_asked_and_the_bad_ones_are_shown_and_taken_away_as_a_file(cast, signed_in):
    client = signed_in(cast.alice)
    bad = b"".join(b'{"prompt": "", "n": %d}\n' % number for number in range(150))

    page = send(client, b'{"prompt": "Three?"}\n' + bad, keep_good="on")
    imported = Import.objects.get()
    file = client.get(f"{IMPORTS}{imported.pk}/rejected/")

    html = page.content.decode()
    rows = file.content.decode().splitlines()
    assert "150</span>" in html
    assert "50 more are in the file." in html
    assert rows[:2] == ["line,reason", "2,turn 1 is empty"]
    assert len(rows) == 151


def test_a_refused_file_leads_to_its_whole_report(cast, signed_in):
    client = signed_in(cast.alice)

    page = send(client, b"{}\n" * 30)

    address = f"{IMPORTS}{Import.objects.get().pk}/"
    assert page.status_code == 422
    assert f'href="{address}"' in page.content.decode()
    assert client.get(address).context["imported"].num_rejected == 30


@pytest.mark.parametrize("count", [1, 50])
def test_the_list_costs_the_same_queries_for_any_number_of_imports(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        make_import(cast, b'{"prompt": "%d?"}\n' % number, name=f"{number}.jsonl")
    client = signed_in(cast.alice)

    with django_assert_num_queries(4):
        page = client.get(IMPORTS)

    assert page.content.decode().count("finished</span>") == count


def test_an_import_of_another_project_is_not_found(cast, signed_in):
    imported = make_import(cast)

    for path in ("", "rejected/"):
        assert signed_in(cast.charlie).get(f"/p/other-colours/imports/{imported.pk}/{path}").status_code == 404
    assert signed_in(cast.charlie).post(f"/p/other-colours/imports/{imported.pk}/cancel/").status_code == 404
