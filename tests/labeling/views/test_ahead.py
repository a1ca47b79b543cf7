"""The item after the one at hand, as the page gets it."""

from __future__ import annotations

import pytest
from factories import claim, make_item

from labeling.models import Assignment, Topic
from labeling.services import ahead
from labeling.services.topics import set_topics


@pytest.fixture(autouse=True)
def enough(monkeypatch):
    monkeypatch.setattr(ahead, "ENOUGH", 1)


def url(assignment, action="ahead"):
    return f"/p/colours/judge/{assignment.pk}/{action}/"


def test_the_page_of_the_next_item_comes_once_and_then_its_id_alone(cast, signed_in):
    make_item(cast.project, prompt="There is more.")
    current = claim(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)

    first = client.post(url(current)).json()
    again = client.post(url(current), {"has": first["assignment"]}).json()

    following = Assignment.objects.latest("id")
    assert (first["is_held"], first["assignment"], first["seconds"]) == (True, str(following.pk), 300)
    assert first["html"].lstrip().startswith('<div id="item"')
    assert "Name a colour, number 1." in first["html"]
    assert "0 by me" in again.pop("far")
    assert again == {
        "is_held": True,
        "assignment": str(following.pk),
        "leave": url(following, "leave"),
        "seconds": 300,
    }


def test_a_sensitive_item_comes_as_its_warning(cast, signed_in):
    set_topics(prompt=cast.items[1].prompt, topics=[Topic.VIOLENT])
    make_item(cast.project, prompt="There is more.")
    current = claim(cast.project, cast.bob)

    html = signed_in(cast.bob, json=True).post(url(current)).json()["html"]

    assert "data-warning" in html
    assert "Name a colour, number 1." not in html


def test_without_another_item_only_the_current_one_is_held(cast, signed_in):
    claim(cast.project, cast.dora)
    current = claim(cast.project, cast.bob)

    reply = signed_in(cast.bob, json=True).post(url(current)).json()

    assert reply.keys() == {"is_held", "far"}
    assert "0 by me" in reply["far"]


def test_an_item_is_given_back_by_the_page_that_leaves(cast, signed_in):
    current = claim(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)
    client.post(url(current))
    following = Assignment.objects.latest("id")

    answer = client.post(url(following, "leave"))

    assert answer.json() == {"given_back": True}
    assert list(Assignment.objects.all()) == [current]
