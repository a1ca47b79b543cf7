"""What an annotator sends, checked."""

from __future__ import annotations

import math

import pytest

from labeling.errors import Invalid
from labeling.services.verdicts import Verdict, check_verdict

SHOWN = [11, 12, 13]
FLAGS = ["violent", "opinion"]


def verdict(**changes):
    return Verdict(**{"ratings": {11: 7, 12: 1, 13: 4}, "ranks": {11: 1, 12: 3, 13: 2}, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ranks": {11: 1, 12: 1, 13: 1}},
        {"ranks": {11: 2, 12: 1, 13: 1}},
        {"flags": {11: ["violent", "opinion"], 12: []}},
        {"notes": "x" * 20_000, "seconds": 86_400.0},
    ],
)
def test_complete_verdict_is_taken(changes):
    check_verdict(verdict(**changes), completions=SHOWN, flags=FLAGS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ratings": {11: 7, 12: 1}}, "ratings lacks completion 13"),
        ({"ratings": {11: 7, 12: 1, 13: 4, 99: 4}}, "ratings names completion 99"),
        ({"ratings": {11: 0, 12: 1, 13: 4}}, "the rating of completion 11 is 0"),
        ({"ratings": {11: 8, 12: 1, 13: 4}}, "the rating of completion 11 is 8"),
        ({"ratings": {11: 4.0, 12: 1, 13: 4}}, "the rating of completion 11 is 4.0"),
        ({"ratings": {11: True, 12: 1, 13: 4}}, "the rating of completion 11 is True"),
        ({"ratings": {11: None, 12: 1, 13: 4}}, "the rating of completion 11 is None"),
        ({"ranks": {}}, "ranks lacks completion 11"),
        ({"ranks": {11: 1, 12: 2, 14: 3}}, "ranks names completion 14"),
        ({"ranks": {11: 1, 12: 3, 13: 3}}, "nothing has rank 2, but rank 3 is used"),
        ({"ranks": {11: 2, 12: 3, 13: 4}}, "nothing has rank 1"),
        ({"ranks": {11: 0, 12: 1, 13: 2}}, "the rank of completion 11 is 0"),
        ({"ranks": {11: "1", 12: 2, 13: 3}}, "the rank of completion 11 is '1'"),
        ({"flags": {99: ["violent"]}}, "flags names completion 99"),
        ({"flags": {11: ["rude"]}}, "completion 11 has the unknown flag 'rude'"),
        ({"notes": "x" * 20_001}, "the notes have 20,001 characters"),
        ({"notes": "a\x00"}, "NUL"),
        ({"seconds": -0.1}, "seconds is -0.1"),
        ({"seconds": 86_401.0}, "seconds is 86401"),
        ({"seconds": math.nan}, "seconds is nan"),
        ({"seconds": math.inf}, "seconds is inf"),
    ],
)
def test_wrong_verdict_is_refused_with_its_value(changes, reason):
    with pytest.raises(Invalid, match=reason):
        check_verdict(verdict(**changes), completions=SHOWN, flags=FLAGS)


def test_fingerprint_is_of_what_was_decided_and_not_of_how_it_was_sent():
    first = verdict(flags={11: ["violent", "opinion"]}, seconds=3.0)
    same = Verdict(
        ratings={13: 4, 12: 1, 11: 7},
        ranks={13: 2, 12: 3, 11: 1},
        flags={12: [], 11: ["opinion", "violent"]},
        seconds=99.0,
    )

    assert first.fingerprint() == same.fingerprint()
    others = [
        verdict(),
        verdict(flags={12: ["violent", "opinion"]}),
        verdict(flags={11: ["violent", "opinion"]}, notes="x"),
        verdict(flags={11: ["violent", "opinion"]}, ranks={11: 1, 12: 2, 13: 2}),
        verdict(flags={11: ["violent", "opinion"]}, ratings={11: 7, 12: 1, 13: 5}),
    ]
    assert len({first.fingerprint(), *(other.fingerprint() for other in others)}) == 6


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("rating", {"ratings": {11: 7, 12: 1, 13: 4}, "flags": {12: ["violent"]}}),
        ("best", {"best": 12, "notes": "the only one that answers"}),
        ("pair", {"ranks": {11: 1, 12: 2}, "strength": 3}),
        ("pair", {"ranks": {11: 1, 12: 1}}),
        ("demonstration", {"text": "Blue."}),
        ("demonstration", {"text": "Blue.", "suggestion": 13}),
        ("demonstration", {"text": "x" * 100_000}),
    ],
)
def test_what_a_kind_asks_for_is_taken(kind, changes):
    shown = [11, 12] if kind == "pair" else SHOWN

    check_verdict(Verdict(**changes), completions=shown, flags=FLAGS, kind=kind)


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("rating", {"ratings": {11: 7, 12: 1}}, "ratings lacks completion 13"),
        (
            "rating",
            {"ratings": {11: 7, 12: 1, 13: 4}, "ranks": {11: 1}},
            "ranks is not part of .* rating: send ratings",
        ),
        ("best", {}, "best is None: name one of the completions shown, 11, 12, 13"),
        ("best", {"best": 99}, "best is 99"),
        ("best", {"best": 11, "ratings": {11: 4}}, "ratings is not part of a judgement of kind best: send best"),
        ("pair", {"ranks": {11: 1}}, "ranks lacks completion 12"),
        ("pair", {"ranks": {11: 1, 12: 2}}, r"strength is None: say how much .* 1 \(slightly better\)"),
        ("pair", {"ranks": {11: 1, 12: 2}, "strength": 4}, "strength is 4"),
        ("pair", {"ranks": {11: 1, 12: 2}, "strength": True}, "strength is True"),
        ("pair", {"ranks": {11: 1, 12: 1}, "strength": 1}, "strength is 1 and the two are tied"),
        ("demonstration", {}, "the completion is empty"),
        ("demonstration", {"text": " \n"}, "the completion is empty"),
        ("demonstration", {"text": "x" * 100_001}, "the completion has 100,001 characters"),
        ("demonstration", {"text": "a\x00"}, "NUL"),
        ("demonstration", {"text": "Blue.", "suggestion": 99}, "suggestion is 99"),
        ("demonstration", {"text": "Blue.", "best": 11}, "best is not part of .* send text and suggestion"),
        ("ranking", {"text": "Blue."}, "text is not part of .* send ratings and ranks"),
    ],
)
def test_what_a_kind_does_not_ask_for_is_refused_with_its_value(kind, changes, reason):
    shown = [11, 12] if kind == "pair" else SHOWN

    with pytest.raises(Invalid, match=reason):
        check_verdict(Verdict(**changes), completions=shown, flags=FLAGS, kind=kind)


def test_other_decisions_have_other_fingerprints_and_rankings_keep_theirs():
    ranking = Verdict(ratings={11: 7}, ranks={11: 1}, notes="n")
    others = [Verdict(best=11), Verdict(best=12), Verdict(text="Blue."), Verdict(text="Blue.", suggestion=11)]

    assert ranking.fingerprint() == "8278af137c2281c4fa91dfaf87522624aa6a7c968fa1b6f3b3e3281b4342cc1c"
    assert len({each.fingerprint() for each in (*others, ranking)}) == 5
