from __future__ import annotations

import re
from pathlib import Path

import pytest

from labeling.models import Flag
from labeling.models.flags import FLAG_KEYS, HARMFUL, PAGE_KEYS, check_asked, check_own_flags, known_questions

RUDE = {"code": "rude", "label": "Is rude", "key": "j", "is_harmful": True}
KEYS_SHEET = Path(__file__).parents[3] / "templates" / "labeling" / "_keys.html"


def test_every_known_flag_has_a_key_of_its_own_and_none_of_the_page():
    assert set(FLAG_KEYS) == set(Flag)
    assert len(set(FLAG_KEYS.values())) == len(Flag)
    assert not set(FLAG_KEYS.values()) & PAGE_KEYS
    assert set(HARMFUL) <= set(Flag)


def test_every_letter_of_the_sheet_of_keys_is_kept_from_flags():
    letters = set(re.findall(r"<kbd>([a-z])</kbd>", KEYS_SHEET.read_text()))

    assert letters
    assert letters <= PAGE_KEYS


def test_known_flags_are_asked_with_their_words_keys_and_harm():
    asked = known_questions()

    assert (asked["denigrates"].label, asked["denigrates"].key) == ("Denigrates a protected class", "d")
    assert {code for code, question in asked.items() if question.is_harmful} == {
        "encourages_harm", "denigrates", "harmful_advice",
    }  # fmt: skip


@pytest.mark.parametrize("own", [[], [RUDE], [{**RUDE, "key": ""}], [RUDE, {**RUDE, "code": "kind_2"}]])
def test_own_flags_that_can_be_asked_about_are_taken(own):
    check_own_flags(own)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, "list of at most 30"),
        ([RUDE] * 31, "list of at most 30"),
        ([{"code": "rude"}], "a code, a label, a key"),
        ([{**RUDE, "color": "red"}], "a code, a label, a key"),
        ([{**RUDE, "code": "Rude"}], "the code 'Rude' is not one of lower-case"),
        ([{**RUDE, "code": "a b"}], "the code 'a b'"),
        ([{**RUDE, "code": "x" * 41}], "the code"),
        ([{**RUDE, "code": 5}], "the code 5"),
        ([{**RUDE, "code": "opinion"}], "a flag 'opinion' already"),
        ([RUDE, RUDE], "a flag 'rude' already"),
        ([{**RUDE, "label": " "}], "a label of 1 to 100"),
        ([{**RUDE, "label": "x" * 101}], "a label of 1 to 100"),
        ([{**RUDE, "key": "J"}], "the key 'J' is not a letter"),
        ([{**RUDE, "key": "1"}], "the key '1' is not a letter"),
        ([{**RUDE, "key": "s"}], "the key 's' does something else on the page"),
        ([{**RUDE, "is_harmful": "no"}], "neither true nor false"),
    ],
)
def test_own_flags_that_can_not_be_are_refused_by_what_is_wrong(own, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_own_flags(own)


@pytest.mark.parametrize(
    ("flags", "own", "message"),
    [
        (["rude"], [], "there is no flag 'rude'"),
        (["opinion", "violent", "opinion"], [], "'opinion' is there twice"),
        (["opinion", "rude"], [{**RUDE, "key": "o"}], "'opinion' and 'rude' have the same key 'o'"),
    ],
)
def test_a_list_that_can_not_be_asked_about_is_refused(flags, own, message):
    with pytest.raises(ValueError, match=message):
        check_asked(flags, own)


def test_a_key_is_free_again_when_its_flag_is_off_the_list():
    check_asked(["violent", "rude"], [{**RUDE, "key": "o"}])
    check_asked(["a_flag", "rude"], [{**RUDE, "key": ""}, {**RUDE, "code": "a_flag", "key": ""}])
