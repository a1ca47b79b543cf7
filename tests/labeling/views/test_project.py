from __future__ import annotations

import pytest
from factories import judge

from labeling.services.projects import update_project

SETTINGS = {
    "name": "Shades",
    "guidelines": "Be kind.",
    "completions_per_item": 5,
    "overlap": 2,
    "lease_minutes": 10,
    "held_out_percent": 20,
    "flags": ["opinion", "violent"],
}


def test_an_annotator_sees_guidelines_and_own_counts_but_no_settings(cast, signed_in):
    update_project(project=cast.project, guidelines="Be **kind**. <script>alert(1)</script>")
    judge(cast.project, cast.bob)

    page = signed_in(cast.bob).get("/p/colours/")

    html = page.content.decode()
    assert "Be <strong>kind</strong>. &lt;script&gt;" in html
    assert (page.context["counts"].submitted, page.context["counts"].drafts) == (1, 0)
    assert "Save the settings" not in html


def test_an_admin_changes_all_settings_at_once(cast, signed_in):
    answer = signed_in(cast.alice).post("/p/colours/settings/", {**SETTINGS, "is_paused": "on"})

    cast.project.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, "/p/colours/")
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
        ("flags", ["made_up"]),
    ],
)
def test_a_setting_outside_its_range_changes_nothing(cast, signed_in, name, value):
    answer = signed_in(cast.alice).post("/p/colours/settings/", {**SETTINGS, name: value})

    cast.project.refresh_from_db()
    assert answer.status_code == 422
    assert name in answer.context["form"].errors
    assert (cast.project.name, cast.project.overlap) == ("Colours", 1)
    assert "<h1>Colours</h1>" in answer.content.decode()
