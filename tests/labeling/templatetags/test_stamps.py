"""Pieces of a page that are rendered once: nothing of one item gets onto the page of another."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.template.loader import get_template
from django.utils import translation

from labeling.judgement_forms.base import Row
from labeling.models.flags import Question

QUESTIONS = [Question("fails", "Fails <b>&", "f", False), Question("harms", "Harms", "h", True)]
STAMPED = Template(
    '{% load stamps %}{% stamped "labeling/_assess.html" row letter=letter kind=kind questions=questions '
    "places=places ratings=ratings %}"
)


def shown(row, **others):
    values = {"letter": "A", "kind": "ranking", "questions": QUESTIONS, "places": ("1", "2"), "ratings": ["1", "2"]}
    return STAMPED.render(Context({**values, "row": row, **others})), get_template("labeling/_assess.html").render(
        {**values, "row": row, **others}
    )


def a_row(pk, *, text="The text.", rating="", flags=(), place=""):
    return Row(id=pk, text=text, rating=rating, flags=flags, place=place)


@pytest.mark.parametrize(
    "row", [a_row(1), a_row(23), a_row(1, rating="2"), a_row(45, flags=("harms",)), a_row(6, place="2")]
)
def test_a_stamped_piece_is_what_its_template_gives(row):
    stamped, rendered = shown(row)

    assert stamped.split() == rendered.split()
    assert f'name="rating-{row.id}"' in stamped


def test_other_values_and_other_languages_have_pieces_of_their_own():
    stamped, rendered = shown(a_row(1), letter="B")
    with translation.override("de"):
        other, expected = shown(a_row(1), letter="B")

    assert (stamped.split(), other.split()) == (rendered.split(), expected.split())


def test_a_stamped_piece_sees_nothing_else_of_the_page():
    page = Template('{% load stamps %}{% stamped "labeling/_steps.html" kind=kind %}')

    with_places = page.render(Context({"kind": "ranking", "places": ("1", "2")}))

    assert 'data-go="0"' not in with_places  # it was not told the places
    assert 'data-go="rank"' in with_places


def test_the_text_of_a_completion_is_in_no_stamped_piece():
    stamped, _ = shown(a_row(7, text="A secret."))

    assert "A secret." not in stamped
    assert "A secret." not in shown(a_row(8))[0]
