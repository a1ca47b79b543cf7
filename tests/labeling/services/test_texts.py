"""Checks and digests of texts."""

from __future__ import annotations

import pytest

from labeling.errors import Invalid
from labeling.services.texts import check_messages, check_text, is_held_out, messages_digest, text_digest


def test_text_becomes_one_turn_of_the_user():
    assert check_messages("Hi. 🎨") == [{"role": "user", "content": "Hi. 🎨"}]


def test_messages_keep_role_and_content_only():
    messages = [{"role": "system", "content": "Be brief.", "id": 1}, {"content": "Hi.", "role": "user", "name": "x"}]

    assert check_messages(messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi."},
    ]


USER = {"role": "user", "content": "Hi."}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("", "turn 1 is empty"),
        (" \n\t", "turn 1 is empty"),
        ([], "not empty"),
        (None, "not empty"),
        (3, "a prompt is a text or a list"),
        ({"role": "user", "content": "Hi."}, "a prompt is a text or a list"),
        ([USER, "x"], "turn 2 is not"),
        ([{"role": "human", "content": "Hi."}], "turn 1 has the role 'human'"),
        ([{"role": None, "content": "Hi."}], "turn 1 has the role None"),
        ([{"role": [], "content": "Hi."}], "turn 1 has the role"),
        ([{"role": "user", "content": None}], "turn 1 is NoneType, not a text"),
        ([{"role": "user", "content": [{"type": "text", "text": "Hi."}]}], "turn 1 is list, not a text"),
        ([USER, {"role": "assistant", "content": "Hello."}], "a prompt ends with the user's turn"),
        ([USER, {"role": "system", "content": "x"}, USER], "a system turn comes first"),
        ([{"role": "assistant", "content": "Hello."}, USER], "the assistant's turn comes first"),
        ([{"role": "system", "content": "x"}, {"role": "assistant", "content": "Hello."}, USER], "turn comes first"),
        ([{"role": "system", "content": "x"}], "the last turn is the system's"),
    ],
)
def test_broken_messages_are_refused_with_the_turn(messages, reason):
    with pytest.raises(Invalid, match=reason):
        check_messages(messages)


@pytest.mark.parametrize("text", ["", "x" * 200_000, "<script>alert(1)</script>", "\u202e\x07\ufffe", "👩‍🚀", "\r\n"])
def test_text_that_the_database_can_hold_is_taken_as_it_is(text):
    assert check_text(text, name="it") is text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"x", "it is bytes, not a text"),
        ("x" * 200_001, "it has 200,001 characters: at most 200,000"),
        ("ab\x00", "NUL character at 2"),
        ("a\udc00", "half of a surrogate pair at 1"),
    ],
)
def test_text_that_the_database_cannot_hold_is_refused(text, reason):
    with pytest.raises(Invalid, match=reason):
        check_text(text, name="it")


def test_digest_depends_on_roles_contents_and_their_borders():
    messages = [
        [{"role": "user", "content": "ab"}],
        [{"role": "system", "content": "ab"}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        [{"role": "user", "content": 'a"],["user","b'}],
    ]

    digests = {messages_digest(each) for each in messages}

    # printf '[["user","ab"]]' | sha256sum
    assert messages_digest(messages[0]) == "fe681135cc14005fc4f79af6a952189edea858049456a9b92c3e5163dd231893"
    assert len(digests) == 4


def test_digest_of_a_text_is_its_sha_256():
    # printf 'é' | sha256sum
    assert text_digest("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


@pytest.mark.parametrize(
    ("digest", "percent", "expected"),
    [
        ("00000000" + "f" * 56, 0, False),
        ("00000000" + "f" * 56, 1, True),  # 0 % 100 = 0
        ("00000063" + "0" * 56, 99, False),  # 99 % 100 = 99
        ("00000063" + "0" * 56, 100, True),
        ("00000064" + "0" * 56, 1, True),  # 100 % 100 = 0
    ],
)
def test_held_out_follows_from_the_first_eight_digits(digest, percent, expected):
    assert is_held_out(digest, percent=percent) is expected


def test_a_tenth_of_prompts_is_held_out():
    held_out = sum(is_held_out(text_digest(str(number)), percent=10) for number in range(10_000))

    assert 880 < held_out < 1120  # 1000 +- 4 standard deviations of 30
