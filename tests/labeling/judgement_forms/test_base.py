"""What the forms of all kinds share; a ranking stands for them."""

from __future__ import annotations

from uuid import UUID

import pytest

from labeling.judgement_forms import judgement_form
from labeling.models import Kind

CLIENT_ID = "0b7e7f3e-8f0a-4f3c-9d7c-6a51b3f6e001"
KINDS = ["ranking", "rating", "best", "pair", "demonstration"]


def test_every_kind_has_a_form_and_a_part_of_the_page_of_its_own(a_sheet):
    forms = {kind: judgement_form(a_sheet(kind)) for kind in KINDS}

    assert {*KINDS, "conversation"} == set(Kind.values)  # which is judged turn by turn
    assert len({type(form) for form in forms.values()}) == 5
    assert {form.fragment for form in forms.values()} == {
        "labeling/_rating.html",
        "labeling/_best.html",
        "labeling/_pair.html",
        "labeling/_demonstration.html",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_without_a_draft_has_a_client_id_of_its_own_and_is_no_answer(a_sheet, kind):
    forms = [judgement_form(a_sheet(kind)) for _ in range(3)]

    assert len({UUID(str(form["client_id"].value())) for form in forms}) == 3
    decisions = set(forms[0].fields) - {"client_id", "seconds", "notes"}
    assert {forms[0].filled(name) or "" for name in decisions if not name.startswith("flags")} == {""}


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_that_holds_nothing_is_refused(a_sheet, sent, kind):
    assert not judgement_form(a_sheet(kind), sent("")).is_valid()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "draft",
    [
        {"ratings": [1], "flags": 3, "ranks": "x", "notes": {"a": 1}, "seconds": "long", "client_id": 7},
        {"best": {"a": 1}, "strength": [1], "ranks": {"31": [1], "12": {}}, "text": ["x"], "suggestion": True},
        {"flags": {"31": 3, "12": [{"a": 1}]}, "ratings": {"31": [1], "12": {"a": 1}}},
        {"best": 99, "strength": 9, "ranks": {"31": 2, "12": 1}, "suggestion": "99"},
    ],
)
def test_a_draft_of_any_shape_makes_a_form_with_nothing_chosen(a_sheet, kind, draft):
    form = judgement_form(a_sheet(kind, **draft))

    assert not {flag for row in form.rows for flag in row.flags} & set(form.sheet.flags)
    assert form.filled("choice") == form.filled("text") == ""
    assert form.filled("best") in {"", "99"}  # none of those shown


def test_line_ends_of_browsers_become_one_character_and_white_space_is_kept(a_sheet, sent):
    form = judgement_form(a_sheet("best"), sent("best=12&notes=%20a%0D%0Ab%0A"))

    assert form.is_valid(), form.errors
    assert form.verdict().notes == " a\nb\n"


def test_a_browser_is_not_told_to_cut_what_is_pasted(a_sheet):
    form = judgement_form(a_sheet("demonstration"))

    assert "maxlength" not in str(form["notes"]) + str(form["text"])


def test_problems_name_the_field_or_the_completion_s_letter(a_sheet, sent):
    data = sent("rating-31=7&rating-12=9&place-31=1&place-12=2&flags-31=made_up&seconds=x")

    assert judgement_form(a_sheet(), data).problems() == [
        "seconds: Enter a number.",
        "A: Select a valid choice. made_up is not one of the available choices.",
        "B: Use a rating from 1 to 7.",
    ]
