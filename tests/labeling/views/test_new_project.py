"""Making a project in a browser."""

from __future__ import annotations

import pytest
from django.test import Client

from labeling.models import Project

PATH = "/projects/new/"
FILLED = {
    "name": "Été in Ulm",
    "slug": "",
    "kinds": ["pair"],
    "completions_per_item": 2,
    "overlap": 3,
    "held_out_percent": 20,
    "shared_percent": "10",
}


def test_who_makes_a_project_is_its_admin_and_lands_on_its_page(cast, signed_in):
    answer = signed_in(cast.bob).post(PATH, FILLED, follow=True)

    project = Project.objects.get(slug="ete-in-ulm")
    assert answer.redirect_chain == [("/p/ete-in-ulm/", 302)]
    assert "The project is made." in answer.content.decode()
    assert (project.name, project.kinds, project.completions_per_item) == ("Été in Ulm", ["pair"], 2)
    assert (project.overlap, project.held_out_percent) == (3, 20)
    assert [(each.user, each.role) for each in project.memberships.all()] == [(cast.bob, "admin")]


def test_an_address_of_ones_own(cast, signed_in):
    signed_in(cast.bob).post(PATH, FILLED | {"slug": "summer-2"})

    assert Project.objects.filter(slug="summer-2", name="Été in Ulm").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slug": "colours"}, "There is a project &#x27;colours&#x27; already: choose another slug"),
        ({"slug": "Summer 2"}, "Use lower-case letters, digits and hyphens."),
        ({"name": ""}, "This field is required"),
        ({"name": "夏"}, "No address can be made of this name: write one."),
        ({"kinds": []}, "Turn on one kind at least."),
        ({"overlap": 0}, "greater than or equal to 1"),
        ({"completions_per_item": 10}, "less than or equal to 9"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_written(cast, signed_in, change, said):
    before = Project.objects.count()

    answer = signed_in(cast.bob).post(PATH, FILLED | change)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="20"' in page
    assert Project.objects.count() == before


def test_a_visitor_is_led_to_the_login(db):
    assert Client().get(PATH)["Location"] == f"/login/?next={PATH}"
    assert Client().post(PATH, FILLED)["Location"] == f"/login/?next={PATH}"
