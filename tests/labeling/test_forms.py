from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from django.http import QueryDict

from labeling.forms import FLAG_KEYS, JudgementForm, PromptsForm, close_up
from labeling.models import Flag
from labeling.selectors.progress import Progress
from labeling.selectors.queue import Sheet, ShownCompletion

CLIENT_ID = "0b7e7f3e-8f0a-4f3c-9d7c-6a51b3f6e001"


def a_sheet(**draft) -> Sheet:
    return Sheet(
        assignment=5,
        kind="ranking",
        prompt=[{"role": "user", "content": "Name a colour."}],
        completions=[ShownCompletion(id=31, text="Red."), ShownCompletion(id=12, text="Blue.")],
        lease_expires=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        draft=draft,
        flags=["opinion", "violent"],
        progress=Progress(done=0, total=1, mine=0, seconds=0.0),
    )


def sent(fields: str) -> QueryDict:
    return QueryDict(f"client_id={CLIENT_ID}&seconds=4.5&{fields}")


def test_a_full_form_is_a_verdict():
    form = JudgementForm(
        sent("rating-31=7&rating-12=2&place-31=2&place-12=2&flags-12=opinion&flags-12=violent&notes=%20so%0A"),
        sheet=a_sheet(),
    )

    assert form.is_valid(), form.errors
    verdict = form.verdict()
    assert verdict.ratings == {31: 7, 12: 2}
    assert verdict.ranks == {31: 1, 12: 1}  # both in place 2: tied, and closed up to rank 1
    assert verdict.flags == {12: ["opinion", "violent"]}
    assert (verdict.notes, verdict.seconds) == (" so\n", 4.5)
    assert form.cleaned_data["client_id"] == UUID(CLIENT_ID)


@pytest.mark.parametrize(
    ("places", "ranks"),
    [
        ({1: 1, 2: 2, 3: 3}, {1: 1, 2: 2, 3: 3}),
        ({1: 4, 2: 1, 3: 4}, {1: 2, 2: 1, 3: 2}),
        ({1: 9}, {1: 1}),
        ({1: 3, 2: 3}, {1: 1, 2: 1}),
    ],
)
def test_empty_places_are_closed_up(places, ranks):
    assert close_up(places) == ranks


@pytest.mark.parametrize("left_out", ["rating-31", "place-12", "client_id"])
def test_nothing_may_be_missing(left_out):
    data = sent("rating-31=7&rating-12=2&place-31=1&place-12=2").copy()
    del data[left_out]

    form = JudgementForm(data, sheet=a_sheet())

    assert list(form.errors) == [left_out]


def test_a_draft_fills_the_form():
    draft = {
        "ratings": {"31": 6},
        "flags": {"12": ["violent"]},
        "ranks": {"31": 2},
        "notes": "n",
        "client_id": CLIENT_ID,
    }

    form = JudgementForm(sheet=a_sheet(**draft))

    first, second = form.rows()
    assert (first.rating, first.flags, first.place) == ("6", [], "2")
    assert (second.rating, second.flags, second.place) == ("", ["violent"], "")
    assert (form["notes"].value(), form["client_id"].value()) == ("n", CLIENT_ID)


def test_a_form_without_a_draft_has_a_client_id_of_its_own():
    ids = {str(JudgementForm(sheet=a_sheet())["client_id"].value()) for _ in range(3)}

    assert len({UUID(value) for value in ids}) == 3


def test_every_flag_has_a_key_of_its_own_and_none_of_the_pages():
    assert set(FLAG_KEYS) == set(Flag)
    assert len(set(FLAG_KEYS.values())) == len(Flag)
    assert not set(FLAG_KEYS.values()) & set("sun?1234567")


def test_prompts_are_lines_that_hold_something():
    form = PromptsForm({"prompts": " One? \r\n\r\n\tTwo?\n"})

    assert form.is_valid()
    assert form.cleaned_data["prompts"] == ["One?", "Two?"]
