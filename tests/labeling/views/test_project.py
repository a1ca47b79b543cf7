from __future__ import annotations

import re

import pytest
from factories import judge

from labeling.services.projects import update_project

SETTINGS = {
    "name": "Shades",
    "completions_per_item": 5,
    "overlap": 2,
    "lease_minutes": 10,
    "conversation_turns": 7,
    "conversation_sides": "both",
    "conversation_opening": "topic",
    "held_out_percent": 20,
    "kinds": ["ranking", "pair"],
}


def test_an_annotator_sees_guidelines_and_own_counts_but_no_settings(cast, signed_in):
    update_project(project=cast.project, guidelines="Be **kind**. <script>alert(1)</script>")
    judge(cast.project, cast.bob)

    page = signed_in(cast.bob).get("/p/colours/")

    html = page.content.decode()
    assert "Be <strong>kind</strong>. &lt;script&gt;" in html
    assert (page.context["counts"].submitted, page.context["counts"].drafts) == (1, 0)
    assert "Save the settings" not in html


def test_those_who_research_take_the_data_from_the_page_and_annotators_do_not(cast, signed_in):
    judge(cast.project, cast.bob)

    shown = {
        each.username: "Download" in signed_in(each).get("/p/colours/").content.decode()
        for each in (cast.alice, cast.bob, cast.rita)
    }
    page = signed_in(cast.rita).get("/p/colours/").content.decode()
    views, formats = (re.findall(r'<option value="(\w+)"', select) for select in page.split("<select")[1:3])
    files = {
        (view, file_format): signed_in(cast.rita).get(
            "/api/v1/projects/colours/export/", {"view": view, "format": file_format}
        )
        for view in views
        for file_format in formats
    }

    assert shown == {"alice": True, "bob": False, "rita": True}
    assert {key: answer.status_code for key, answer in files.items()} == dict.fromkeys(files, 200)
    assert set(files) == {
        (view, name)
        for view in ("comparisons", "rankings", "trl", "demonstrations", "conversations", "evaluations")
        for name in ("jsonl", "parquet", "csv")
    }


def test_an_admin_changes_all_settings_at_once(cast, signed_in):
    answer = signed_in(cast.alice).post("/p/colours/settings/", {**SETTINGS, "is_paused": "on", "confirmed": "1"})

    cast.project.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, "/p/colours/settings/")
    assert {name: getattr(cast.project, name) for name in SETTINGS} == SETTINGS
    assert cast.project.is_paused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("overlap", 0),
        ("overlap", 51),
        ("completions_per_item", 10),
        ("lease_minutes", "x"),
        ("held_out_percent", 51),
        ("name", ""),
        ("name", "   "),
        ("kinds", ["made_up"]),
        ("conversation_turns", 21),
        ("conversation_sides", "none"),
        ("conversation_opening", ""),
        ("kinds", []),
    ],
)
def test_a_setting_outside_its_range_changes_nothing(cast, signed_in, name, value):
    answer = signed_in(cast.alice).post("/p/colours/settings/", {**SETTINGS, name: value})

    cast.project.refresh_from_db()
    assert answer.status_code == 422
    assert name in answer.context["form"].errors
    assert (cast.project.name, cast.project.overlap) == ("Colours", 1)
    assert "<h1>Settings</h1>" in answer.content.decode()


def test_what_is_left_of_the_day_is_told_where_there_is_a_limit(cast, signed_in):
    without = signed_in(cast.bob).get("/p/colours/").content.decode()
    update_project(project=cast.project, daily_limit=5)
    judge(cast.project, cast.bob)

    answer = signed_in(cast.bob).get("/p/colours/")

    assert "Left for today" not in without
    assert answer.context["left_today"] == 4
    assert "Left for today" in answer.content.decode()
