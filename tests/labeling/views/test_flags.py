from __future__ import annotations

import re
from uuid import uuid4

import pytest
from factories import a_verdict, claim, judge

from labeling.exports.streams import make_export
from labeling.models import Rating
from labeling.services.labels import submit_label
from labeling.services.projects import update_project
from labeling.services.revisions import revise_label

PAGE = "/p/colours/flags/"
YES = {"confirmed": "1"}
RUDE = {"code": "rude", "label": "Is rude", "key": "j", "is_harmful": True}


def stored(cast):
    cast.project.refresh_from_db()
    return cast.project.flags, cast.project.own_flags


def rows(page):
    return [(row["question"].code, row["is_asked"]) for row in page.context["form"].rows()]


def test_an_admin_chooses_and_orders_the_known_flags(cast, signed_in):
    client = signed_in(cast.alice)

    answer = client.post(
        f"{PAGE}save/", {"order": ["violent", "opinion", "sexual"], "asked": ["opinion", "violent"], **YES}
    )
    page = client.get(PAGE)

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert stored(cast) == (["violent", "opinion"], [])
    assert rows(page)[:3] == [("violent", True), ("opinion", True), ("fails_task", False)]
    assert len(rows(page)) == 11


@pytest.mark.parametrize(
    ("move", "flags"),
    [
        ("up:sexual", ["violent", "sexual", "opinion"]),
        ("down:violent", ["opinion", "violent", "sexual"]),
        ("up:violent", ["violent", "opinion", "sexual"]),
        ("down:made_up", ["violent", "opinion", "sexual"]),
        ("sideways:opinion", ["violent", "opinion", "sexual"]),
    ],
)
def test_a_button_moves_a_flag_by_one_place(cast, signed_in, move, flags):
    sent = ["violent", "opinion", "sexual"]

    signed_in(cast.alice).post(f"{PAGE}save/", {"order": sent, "asked": sent, "move": move, **YES})

    assert stored(cast)[0] == flags


def test_the_judging_page_asks_in_the_order_and_only_what_is_asked(cast, signed_in):
    update_project(project=cast.project, flags=["violent", "rude", "fails_task"], own_flags=[RUDE])

    html = signed_in(cast.bob).get("/p/colours/judge/").content.decode()

    first = html.split("<article")[1]
    assert first.index("Contains violent content") < first.index("Is rude") < first.index("Fails to follow")
    assert 'value="rude" data-key="j" data-harmful' in first
    assert "Expresses opinion" not in html


def test_an_admin_makes_a_flag_and_changes_its_words_but_not_its_code(cast, signed_in):
    client = signed_in(cast.alice)
    made = {"new_code": "rude", "new_label": "Is rude", "new_key": "j", "new_is_harmful": "on"}

    client.post(f"{PAGE}save/", {"order": ["opinion"], "asked": ["opinion"], **made, **YES})
    first = stored(cast)
    changed = {"label-rude": "Is very rude", "key-rude": "z"}
    client.post(f"{PAGE}save/", {"order": ["rude", "opinion"], "asked": ["rude", "opinion"], **changed, **YES})

    assert first == (["opinion", "rude"], [RUDE])
    assert stored(cast) == (
        ["rude", "opinion"],
        [{"code": "rude", "label": "Is very rude", "key": "z", "is_harmful": False}],
    )


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ({"new_code": "Rude", "new_label": "x"}, "The code &#x27;Rude&#x27;"),
        ({"new_code": "opinion", "new_label": "x"}, "a flag &#x27;opinion&#x27; already"),
        ({"new_code": "rude"}, "needs a label"),
        ({"new_code": "rude", "new_label": "x", "new_key": "o"}, "have the same key"),
        ({"new_code": "rude", "new_label": "x", "new_key": "s"}, "does something else on the page"),
        ({"asked": ["gore"]}, "gore"),
    ],
)
def test_a_flag_that_can_not_be_changes_nothing_and_stays_in_the_form(cast, signed_in, new, told):
    before = stored(cast)

    answer = signed_in(cast.alice).post(f"{PAGE}save/", {"order": ["opinion"], "asked": ["opinion"], **new})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert told in html
    assert f'value="{new.get("new_code", "")}"' in html or "new_code" not in new
    assert stored(cast) == before


def test_what_a_change_does_is_said_before_it_is_done(cast, signed_in):
    update_project(project=cast.project, flags=["opinion", "rude"], own_flags=[RUDE])
    claim(cast.project, cast.bob)
    client = signed_in(cast.alice)
    sent = {
        "order": ["violent", "opinion", "rude"],
        "asked": ["violent", "opinion"],
        "label-rude": "Is rude",
        "key-rude": "z",
    }

    asked = client.post(f"{PAGE}save/", sent)
    before = stored(cast)
    again = client.post(f"{PAGE}save/", {**sent, "back": "1"})
    page = asked.content.decode()
    shown_again = rows(again)[:3]
    done = client.post(f"{PAGE}save/", {**sent, **YES})

    assert "Taken off: Is rude · new: Contains violent content" in page
    assert "Judgements made so far keep their flags" in page
    assert "1 item is held now: if a flag is raised there that was taken off" in page
    assert "Pages opened from now on show them so." in page
    assert "What is harmful counts from now on" in page  # it was, and the box is not checked
    assert re.findall(r'type="hidden" name="(order|asked|label-rude)" value="([^"]+)"', page) == [
        ("order", "violent"),
        ("order", "opinion"),
        ("order", "rude"),
        ("asked", "violent"),
        ("asked", "opinion"),
        ("label-rude", "Is rude"),
    ]
    assert before == (["opinion", "rude"], [RUDE])
    assert shown_again == [("violent", True), ("opinion", True), ("rude", False)]
    assert done.status_code == 302
    assert stored(cast) == (["violent", "opinion"], [{**RUDE, "key": "z", "is_harmful": False}])


def test_another_order_of_the_same_flags_is_stored_at_once(cast, signed_in):
    update_project(project=cast.project, flags=["opinion", "violent"])

    answer = signed_in(cast.alice).post(
        f"{PAGE}save/", {"order": ["violent", "opinion"], "asked": ["violent", "opinion"]}
    )

    assert answer.status_code == 302
    assert stored(cast)[0] == ["violent", "opinion"]


def test_a_list_that_somebody_else_changed_meanwhile_is_not_overwritten(cast, signed_in):
    client = signed_in(cast.alice)
    [seen] = re.findall(r'name="seen" value="([0-9a-f]+)"', client.get(PAGE).content.decode())
    update_project(project=cast.project, flags=["violent"])

    answer = client.post(f"{PAGE}save/", {"order": ["opinion"], "asked": ["opinion"], "seen": seen, **YES})

    assert answer.status_code == 422
    assert "somebody changed the settings meanwhile" in answer.content.decode().lower()
    assert stored(cast)[0] == ["violent"]


def test_an_own_flag_is_raised_stored_and_explained_in_exports(cast):
    update_project(project=cast.project, flags=["rude"], own_flags=[RUDE])
    assignment = claim(cast.project, cast.bob)
    verdict = a_verdict(assignment, flags={assignment.order[0]: ["rude"]})

    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())
    cast.project.refresh_from_db()
    export = make_export(project=cast.project, view="rankings")
    written = b"".join(export.stream()).decode()

    assert Rating.objects.get(completion=assignment.order[0]).flags == ["rude"]
    assert '"rude"' in written
    assert export.manifest()["flags"]["rude"] == "Is rude"
    assert export.manifest()["flags"]["opinion"] == "Expresses opinion"


def test_a_flag_that_was_made_can_be_taken_off_the_list_and_not_away(cast, signed_in):
    update_project(project=cast.project, flags=["rude"], own_flags=[RUDE])

    signed_in(cast.alice).post(f"{PAGE}save/", {"order": ["rude"], "label-rude": "Is rude", "key-rude": "j", **YES})
    cast.project.refresh_from_db()
    with pytest.raises(Exception, match="'rude' was made before"):
        update_project(project=cast.project, own_flags=[])

    assert stored(cast)[0] == []
    assert stored(cast)[1][0]["code"] == "rude"


def test_a_judgement_with_a_flag_that_is_off_the_list_by_now_can_be_revised_without_it(cast):
    update_project(project=cast.project, flags=["opinion"], own_flags=[])
    label = judge(cast.project, cast.bob)
    update_project(project=cast.project, flags=[])

    revised = revise_label(
        assignment_id=label.assignment_id,
        annotator=cast.bob,
        verdict=a_verdict(label.assignment, ranks=[1, 1, 1]),
        client_id=uuid4(),
    )

    assert revised.created
