from __future__ import annotations

import pytest
from django.test import Client

PAGE = "/settings/"
CHOSEN = {"language": "de", "opted_out": ["hate"], "reminds": "on", "break_minutes": "30"}


def stored(user):
    user.refresh_from_db()
    return user.language, user.opted_out, user.break_minutes


def test_a_visitor_is_led_to_the_login_and_back(db):
    answer = Client().get(PAGE)

    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={PAGE}")


def test_a_person_chooses_for_themselves(cast, signed_in):
    answer = signed_in(cast.bob).post(PAGE, CHOSEN)

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert stored(cast.bob) == ("de", ["hate"], 30)
    assert stored(cast.dora) == ("", [], 50)


def test_the_page_shows_what_was_chosen(cast, signed_in):
    client = signed_in(cast.bob)
    client.post(PAGE, {"language": "", "opted_out": ["violent"]})

    form = client.get(PAGE).context["form"]

    assert stored(cast.bob) == ("", ["violent"], 0)
    assert (form["opted_out"].value(), form["reminds"].value(), form["break_minutes"].value()) == (
        ["violent"],
        False,
        50,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "tlh"},
        {"opted_out": ["gore"]},
        {"break_minutes": "0"},
        {"break_minutes": "481"},
        {"break_minutes": "x"},
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(cast, signed_in, wrong):
    answer = signed_in(cast.bob).post(PAGE, {**CHOSEN, **wrong})

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == set(wrong)
    assert stored(cast.bob) == ("", [], 50)
