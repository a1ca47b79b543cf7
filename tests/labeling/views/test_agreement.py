"""Coefficients by kind, person and week: who sees which, as a page and as a file."""

from __future__ import annotations

import csv

import pytest
from factories import judge, make_item, make_user

from labeling.models import Role
from labeling.selectors.labels import pseudonym
from labeling.services.projects import set_member

PATH = "/p/colours/quality/agreement/"
FILE = "/p/colours/quality/agreement.csv"
NUM_QUERIES = 19


def judged(cast, *people, first=0):
    """Four more items that all of these people judge."""
    for number in range(first, first + 4):
        item = make_item(cast.project, prompt=f"Shared {number}?", overlap=len(people), priority=5)
        assert {judge(cast.project, person).item_id for person in people} == {item.pk}


def test_admins_see_people_by_name_researchers_by_pseudonym_annotators_themselves(cast, signed_in):
    judged(cast, cast.bob, cast.dora)

    admins = signed_in(cast.alice).get(PATH).content.decode()
    researchers = signed_in(cast.rita).get(PATH).content.decode()
    bobs = signed_in(cast.bob).get(PATH).content.decode()

    assert "Krippendorff's alpha, ordinal" in admins.replace("&#x27;", "'")
    assert "tr data-day" in admins
    assert ">bob</a>" in admins
    assert pseudonym(cast.project.pk, cast.bob.pk) in researchers
    assert "bob" not in researchers
    assert "By person" not in bobs
    assert "Your judgements beside those of each other person" in bobs
    assert pseudonym(cast.project.pk, cast.dora.pk) not in bobs


def test_it_is_nobodys_from_elsewhere(cast, signed_in, client):
    for path in (PATH, FILE):
        assert signed_in(cast.charlie).get(path).status_code == 404
        assert client.get(path).status_code == 302
    named = f"{PATH}?annotator={pseudonym(cast.project.pk, cast.dora.pk)}"
    assert signed_in(cast.bob).get(named).status_code == 404
    assert signed_in(cast.rita).get(named).status_code == 200


def test_without_two_judges_the_page_says_what_it_needs(cast, signed_in):
    assert "Agreement needs items that two people or more judged" in signed_in(cast.rita).get(PATH).content.decode()


def test_the_file_has_every_coefficient_with_its_interval(cast, signed_in):
    judged(cast, cast.bob, cast.dora)

    rows = list(csv.DictReader(signed_in(cast.rita).get(FILE).content.decode().splitlines()))
    own = list(csv.DictReader(signed_in(cast.bob).get(FILE).content.decode().splitlines()))

    assert {(row["kind"] != "", row["week"] != "", row["annotator"] != "") for row in rows} == {
        (False, False, False),
        (True, False, False),
        (False, True, False),
        (False, False, True),
    }
    assert {row["coefficient"] for row in rows} >= {"kendall_tau", "fleiss_kappa", "gwet_ac1", "alpha_ordinal"}
    assert {row["annotator"] for row in own} == {""}
    ratings = next(row for row in rows if row["measure"] == "ratings" and row["coefficient"] == "pairwise_agreement")
    assert ratings["units"] == "12"


def test_the_number_of_queries_does_not_grow(cast, signed_in, django_assert_num_queries):
    judged(cast, cast.bob, cast.dora)
    client = signed_in(cast.alice)
    client.get(PATH)
    with django_assert_num_queries(NUM_QUERIES):
        client.get(PATH)

    more = [make_user(name) for name in ("eve", "finn")]
    for person in more:
        set_member(project=cast.project, user=person, role=Role.ANNOTATOR)
    judged(cast, cast.bob, cast.dora, *more, first=10)
    client.get(PATH)

    with django_assert_num_queries(NUM_QUERIES):
        client.get(PATH)


@pytest.mark.parametrize("by", ["all", "kind", "person", "week"])
def test_programs_read_the_same(cast, by):
    from factories import api_client

    judged(cast, cast.bob, cast.dora)
    path = f"/api/v1/projects/colours/coefficients/?by={by}"

    found = api_client(cast.rita).get(path).data
    own = api_client(cast.bob).get(path).data

    assert found["uncounted"] == 0
    pairs = [row for row in found["coefficients"] if row["coefficient"] == "kendall_tau"]
    assert len(pairs) == (2 if by == "person" else 1)
    assert {row["annotator"] for row in own["coefficients"]} == {None}
    assert api_client(cast.charlie).get(path).status_code == 404
    assert api_client(cast.rita).get(path.replace(by, "moon")).status_code == 400
