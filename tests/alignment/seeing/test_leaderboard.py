"""Boards from outcomes: who is measured by whom, who stays apart, and what the fair comparisons are."""

from __future__ import annotations

import pytest

from alignment.seeing.leaderboard import board, boards
from labeling.exchange import seeing


def met(first, second, wins, ties, losses, *, is_fair=True, longer=0.0, prompts=10):
    """The same outcomes on each of ten prompts."""
    return [
        seeing.Outcomes(first, second, cluster, is_fair, longer, int(wins + ties + losses), wins, ties, losses)
        for cluster in range(prompts)
    ]


def entry(found, writer):
    return next(each for each in found["entries"] if each["writer"] == writer)


def test_the_strongest_stands_first_and_all_are_measured_by_the_base():
    rows = [*met("policy:1", "policy:2", 1, 1, 3), *met("policy:1", "person:7", 1, 0, 4)]

    found = board(rows, sft="policy:2")

    assert [each["writer"] for each in found["entries"]] == ["person:7", "policy:2", "policy:1"]
    assert entry(found, "policy:1")["strength"] == 0
    assert found["reference"] == "policy:1"
    assert found["num"] == 100
    assert entry(found, "policy:2")["rank"] == [1, 2]
    assert entry(found, "policy:1")["rank"] == [3, 3]


def test_the_win_rate_against_the_base_is_told_by_the_model_and_where_they_met():
    rows = [*met("policy:1", "policy:2", 1, 2, 2), *met("policy:2", "policy:3", 1, 0, 1)]

    found = board(rows, sft="policy:2")

    second, third = (entry(found, writer)["against"] for writer in ("policy:2", "policy:3"))
    assert second["base"]["direct"]["win_rate"] == pytest.approx(0.6)
    assert second["base"]["direct"]["num"] == 50
    assert second["base"]["win_rate"] == pytest.approx(0.6, abs=0.02)
    assert "sft" not in second
    assert third["base"]["direct"] is None
    assert third["base"]["low"] < third["base"]["win_rate"] < third["base"]["high"]
    assert third["sft"]["direct"]["win_rate"] == pytest.approx(0.5)


def test_who_met_nobody_of_the_others_has_no_strength():
    rows = [*met("policy:1", "policy:2", 1, 0, 2), *met("import:a.jsonl", "import:b.jsonl", 3, 0, 1)]

    found = board(rows)

    assert [each["writer"] for each in found["entries"]] == ["policy:2", "policy:1"]
    assert [each["writer"] for each in found["apart"]] == ["import:a.jsonl", "import:b.jsonl"]


def test_without_the_base_the_first_version_of_the_largest_part_is_the_measure():
    rows = [*met("person:3", "policy:4", 1, 0, 1), *met("policy:12", "policy:4", 2, 0, 1)]

    assert board(rows)["reference"] == "policy:4"


def test_what_a_rule_picked_is_not_on_the_fair_board():
    fair = met("policy:1", "policy:2", 2, 0, 2)
    picked = met("policy:1", "policy:2", 0, 0, 9, is_fair=False)

    found = boards([*fair, *picked], sft=None)

    assert entry(found["fair"]["plain"], "policy:2")["strength"] == pytest.approx(0, abs=1e-9)
    assert entry(found["all"]["plain"], "policy:2")["strength"] > 1
    assert found["fair"]["plain"]["num"] == 40


def test_at_equal_length_nothing_is_left_of_a_lead_that_length_explains():
    rows = [
        *met("policy:1", "policy:2", 1, 0, 4, longer=-0.5, prompts=20),
        *met("policy:1", "policy:2", 4, 0, 1, longer=0.5, prompts=5),
    ]

    found = boards(rows, sft=None)["all"]

    assert entry(found["plain"], "policy:2")["against"]["base"]["win_rate"] > 0.65
    assert entry(found["length"], "policy:2")["against"]["base"]["win_rate"] == pytest.approx(0.5, abs=0.02)
    assert found["length"]["length_effect"][0] > 1


def test_nothing_compared_is_an_empty_board():
    found = boards([], sft=None)

    assert found["fair"]["plain"]["entries"] == []
    assert found["all"]["length"]["reference"] is None
