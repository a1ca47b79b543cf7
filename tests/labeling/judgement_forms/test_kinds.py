from __future__ import annotations

from uuid import UUID

import pytest

from labeling.judgement_forms import judgement_form
from labeling.judgement_forms.kinds import close_up
from labeling.services.verdicts import Verdict, check_verdict

CLIENT_ID = "0b7e7f3e-8f0a-4f3c-9d7c-6a51b3f6e001"


def verdict_of(form) -> Verdict:
    """What a valid form decided; the services take it as well."""
    assert form.is_valid(), form.errors
    verdict: Verdict = form.verdict()
    check_verdict(verdict, completions=[31, 12], flags=["opinion", "violent"], kind=form.sheet.kind)
    return verdict


# --- Ranking and rating -----------------------------------------------------------------------------------------------


def test_a_full_ranking_is_a_verdict(a_sheet, sent):
    form = judgement_form(
        a_sheet(),
        sent("rating-31=7&rating-12=2&place-31=2&place-12=2&flags-12=opinion&flags-12=violent&notes=%20so%0A"),
    )

    verdict = verdict_of(form)

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
def test_nothing_may_be_missing_in_a_ranking(a_sheet, sent, left_out):
    data = sent("rating-31=7&rating-12=2&place-31=1&place-12=2")
    del data[left_out]

    assert list(judgement_form(a_sheet(), data).errors) == [left_out]


def test_a_draft_fills_a_ranking(a_sheet):
    draft = {
        "ratings": {"31": 6},
        "flags": {"12": ["violent"]},
        "ranks": {"31": 2},
        "notes": "n",
        "client_id": CLIENT_ID,
    }

    form = judgement_form(a_sheet(**draft))

    first, second = form.rows
    assert (first.rating, first.flags, first.place) == ("6", (), "2")
    assert (second.rating, second.flags, second.place) == ("", ("violent",), "")
    assert (form["notes"].value(), form["client_id"].value()) == ("n", CLIENT_ID)


def test_a_rating_has_no_places_and_takes_none(a_sheet, sent):
    form = judgement_form(a_sheet("rating"), sent("rating-31=1&rating-12=7&place-31=1&place-12=2&flags-31=opinion"))

    assert verdict_of(form) == Verdict(ratings={31: 1, 12: 7}, flags={31: ["opinion"]}, seconds=4.5)


def test_a_rating_has_to_rate_each(a_sheet, sent):
    form = judgement_form(a_sheet("rating"), sent("rating-31=1&rating-99=3"))

    assert form.problems() == ["B: Rate it from 1 to 7."]


# --- Best and pair ----------------------------------------------------------------------------------------------------


def test_the_one_picked_is_the_best(a_sheet, sent):
    form = judgement_form(a_sheet("best"), sent("best=12&flags-31=violent"))

    assert verdict_of(form) == Verdict(best=12, flags={31: ["violent"]}, seconds=4.5)


@pytest.mark.parametrize("best", ["", "best=", "best=99", "best=A", "best=31.0"])
def test_only_a_completion_that_was_shown_can_be_the_best(a_sheet, sent, best):
    form = judgement_form(a_sheet("best"), sent(best))

    assert form.problems() == ["Pick one of the completions shown."]


def test_a_draft_fills_the_best(a_sheet):
    assert judgement_form(a_sheet("best", best=12)).filled("best") == "12"


SCALE = [
    ("1", {31: 1, 12: 2}, 3),
    ("2", {31: 1, 12: 2}, 2),
    ("3", {31: 1, 12: 2}, 1),
    ("4", {31: 1, 12: 1}, None),
    ("5", {31: 2, 12: 1}, 1),
    ("6", {31: 2, 12: 1}, 2),
    ("7", {31: 2, 12: 1}, 3),
]


@pytest.mark.parametrize(("choice", "ranks", "strength"), SCALE)
def test_a_choice_of_a_pair_is_ranks_and_a_strength(a_sheet, sent, choice, ranks, strength):
    form = judgement_form(a_sheet("pair"), sent(f"choice={choice}"))

    assert verdict_of(form) == Verdict(ranks=ranks, strength=strength, seconds=4.5)


@pytest.mark.parametrize(("choice", "ranks", "strength"), SCALE)
def test_a_draft_with_ranks_and_a_strength_fills_a_pair(a_sheet, choice, ranks, strength):
    draft = {"ranks": {str(pk): rank for pk, rank in ranks.items()}, "strength": strength}

    assert judgement_form(a_sheet("pair", **draft)).filled("choice") == choice


def test_half_a_draft_of_a_pair_is_no_choice(a_sheet):
    for draft in ({"ranks": {"31": 1, "12": 2}}, {"strength": 2}, {"ranks": {"31": 1}, "strength": 2}):
        assert judgement_form(a_sheet("pair", **draft)).filled("choice") == ""


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("", "Say which one is better, from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
        ("0", "Use a number from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
        ("8", "Use a number from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
        ("1.5", "Use a number from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
    ],
)
def test_a_pair_takes_nothing_beside_its_scale(a_sheet, sent, choice, said):
    assert judgement_form(a_sheet("pair"), sent(f"choice={choice}")).problems() == [said]


# --- Demonstration ----------------------------------------------------------------------------------------------------


def test_a_demonstration_is_the_text_as_written_and_what_it_was_begun_from(a_sheet, sent):
    form = judgement_form(a_sheet("demonstration"), sent("text=%20Dark%0D%0Ared.%0A&suggestion=31"))

    assert verdict_of(form) == Verdict(text=" Dark\nred.\n", suggestion=31, seconds=4.5)


def test_a_demonstration_needs_no_suggestion_and_has_no_flags(a_sheet, sent):
    form = judgement_form(a_sheet("demonstration"), sent("text=Red.&flags-31=opinion"))

    assert verdict_of(form) == Verdict(text="Red.", seconds=4.5)


@pytest.mark.parametrize("text", ["", "%20%0A%09"])
def test_white_space_is_no_demonstration(a_sheet, sent, text):
    form = judgement_form(a_sheet("demonstration"), sent(f"text={text}"))

    assert form.problems() == ["Write the completion that you would want to read."]


def test_a_demonstration_may_have_100_000_characters_whatever_its_line_ends(a_sheet, sent):
    data = sent("")
    data["text"] = "é\r\n" * 50_000
    longer = data.copy()
    longer["text"] += "x"

    form = judgement_form(a_sheet("demonstration"), data)

    assert len(verdict_of(form).text) == 100_000
    assert judgement_form(a_sheet("demonstration"), longer).problems() == [
        "Ensure this value has at most 100000 characters (it has 100001)."
    ]


def test_a_suggestion_that_was_not_shown_is_refused(a_sheet, sent):
    form = judgement_form(a_sheet("demonstration"), sent("text=Red.&suggestion=99"))

    assert form.problems() == ["The suggestion taken over is not one of those shown."]


def test_a_draft_fills_a_demonstration(a_sheet):
    form = judgement_form(a_sheet("demonstration", text="So far", suggestion=12))

    assert (form.filled("text"), form.filled("suggestion")) == ("So far", "12")
