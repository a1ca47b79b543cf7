"""The researcher's page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories import judge, make_cast

from labeling.exports.snapshots import take_snapshot
from labeling.models import Group, Snapshot

pytestmark = pytest.mark.django_db

DATA = "/p/colours/data/"
TAKE = "/p/colours/take-snapshot/"


@pytest.fixture
def cast():
    cast = make_cast(num_items=3)
    for _ in range(3):
        judge(cast.project, cast.bob)
    return cast


@pytest.fixture
def rita(cast):
    client = Client()
    client.force_login(cast.rita)
    return client


def test_filters_are_counted_and_lead_to_a_file_a_command_and_a_frame(cast, rita):
    page = rita.get(f"{DATA}?view=rankings&format=csv&kinds=ranking&sources=person&held_out=false").content.decode()
    none = rita.get(f"{DATA}?kinds=pair").content.decode()

    assert "prompts: " in page
    assert "Judgements: <strong>0</strong>, prompts: 0, people: 0." in none
    address = "/api/v1/projects/colours/export/?view=rankings&amp;format=csv&amp;kinds=ranking&amp;held_out=false"
    assert f'href="{address}&amp;sources=person"' in page
    assert "--project=colours --view=rankings --kinds=ranking --held-out=without --sources=person" in page
    assert "client.rows(&#x27;colours&#x27;, view=&#x27;rankings&#x27;, kinds=&#x27;ranking&#x27;" in page
    assert rita.get(address.replace("&amp;", "&")).status_code == 200


def test_a_snapshot_is_taken_of_what_was_chosen(cast, rita):
    taken = rita.post(TAKE, {"name": "v1", "filters": "kinds=ranking&view=trl"}, follow=True)

    assert Snapshot.objects.get().filters == {"kinds": ["ranking"]}
    assert "The snapshot is taken." in taken.content.decode()
    assert "<code>ranking_id</code>" in taken.content.decode()
    assert 'href="/p/colours/data/v1/"' in rita.get(DATA).content.decode()


def test_the_card_is_a_file_for_hubs(cast, rita):
    take_snapshot(project=cast.project, name="v1")

    card = rita.get(f"{DATA}v1/?card")

    assert card["Content-Disposition"] == 'attachment; filename="colours-v1.md"'
    assert card.content.decode().startswith('---\npretty_name: "Colours: v1"')


@pytest.mark.parametrize(
    ("name", "filters", "status", "reason"),
    [
        ("v1", "", 409, "there is a snapshot &#x27;v1&#x27; already"),
        ("", "", 422, "the name is &#x27;&#x27;"),
        ("v2", "kinds=pair", 422, "these filters leave no label"),
        ("v2", "agreement=2", 422, "less than or equal to 1"),
    ],
)
def test_what_cannot_be_a_snapshot_is_told_beside_its_name(cast, rita, name, filters, status, reason):
    take_snapshot(project=cast.project, name="v1")

    response = rita.post(TAKE, {"name": name, "filters": filters})

    assert response.status_code == status
    assert reason in response.content.decode()
    assert Snapshot.objects.count() == 1


def test_a_filter_that_is_not_understood_is_told_beside_its_field(cast, rita):
    response = rita.get(f"{DATA}?annotators=annotator-0000000000")

    assert response.status_code == 422
    assert "nobody in this project is &#x27;annotator-0000000000&#x27;" in response.content.decode()


def test_snapshots_of_another_project_are_not_there(cast, rita):
    take_snapshot(project=cast.project, name="v1")
    client = Client()
    client.force_login(cast.charlie)

    assert client.get("/p/other-colours/data/v1/").status_code == 404
    assert "/data/v1/" not in client.get("/p/other-colours/data/").content.decode()


def test_the_page_asks_as_many_queries_for_three_snapshots_as_for_one(cast, rita, django_assert_num_queries):
    Group.objects.create(project=cast.project, name="experts")
    take_snapshot(project=cast.project, name="a")
    rita.get(DATA)
    counts = []
    for name in ("b", "c"):
        with CaptureQueriesContext(connection) as queries:
            rita.get(DATA)
        counts.append(len(queries))
        take_snapshot(project=cast.project, name=name)

    with django_assert_num_queries(counts[0]):
        rita.get(DATA)
    assert counts[0] == counts[1]
