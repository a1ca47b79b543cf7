"""Getting people ready: the page of admins."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from factories import judge, make_user

from labeling.models import KnownAnswer, Membership, Role
from labeling.services.assignments import lock_membership
from labeling.services.known import NewKnown, add_known, change_settings
from labeling.services.probes import give
from labeling.services.projects import set_member

PATH = "/p/colours/known/"
WRITTEN = {"prompt": "What is 2 + 2?", "text_1": "4", "text_2": "5", "explanation": "Count."}


def add(cast, number):
    new = [NewKnown(messages=f"What is {n} + 1?", texts=["a", "b", "c"], ranks=[1, 2, 3]) for n in range(number)]
    return add_known(project=cast.project, new=new, author=cast.alice)


def test_one_is_written_by_hand_and_stands_in_the_list(cast, signed_in):
    client = signed_in(cast.alice)

    page = client.post(f"{PATH}add/", WRITTEN, follow=True).content.decode()

    assert "What is 2 + 2?" in page
    assert KnownAnswer.objects.get().explanation == "Count."
    assert "1 item with a known answer can be given to people." in page


def test_what_is_wrong_is_said_beside_what_was_written(cast, signed_in):
    again = {**WRITTEN, "text_2": "4"}

    response = signed_in(cast.alice).post(f"{PATH}add/", again)

    assert response.status_code == 422
    assert "names the same completion twice" in response.content.decode()
    assert "Count." in response.content.decode()
    assert not KnownAnswer.objects.exists()


def test_a_file_is_taken_whole_or_not_at_all(cast, signed_in):
    client = signed_in(cast.alice)
    good = {"prompt": "2 + 2?", "completions": [{"text": "4"}, {"text": "5"}], "ranks": [1, 2], "explanation": "Count."}
    bad = {**good, "ranks": [1, 3]}

    refused = client.post(f"{PATH}upload/", {"file": a_file(good, bad)})
    taken = client.post(f"{PATH}upload/", {"file": a_file(good)}, follow=True)

    assert refused.status_code == 422
    assert "line 2: the rank 3 is not a whole number from 1 to 2" in refused.content.decode()
    assert "1 item with a known answer added." in taken.content.decode()
    assert KnownAnswer.objects.count() == 1


def a_file(*rows):
    return SimpleUploadedFile("known.jsonl", "\n".join(json.dumps(row) for row in rows).encode())


def test_a_judgement_is_taken_on_the_page_of_its_prompt(cast, signed_in):
    label = judge(cast.project, cast.bob)
    client = signed_in(cast.alice)
    assert f"/known/from/{label.pk}/" in client.get(f"/p/colours/prompts/{label.item.prompt_id}/").content.decode()

    client.post(f"{PATH}from/{label.pk}/")

    assert KnownAnswer.objects.get().item.prompt_id == label.item.prompt_id
    assert client.post(f"{PATH}from/{label.pk + 1}/").status_code == 404


def test_settings_are_saved_and_what_cannot_be_is_refused(cast, signed_in):
    add(cast, 3)
    wanted = {
        "qualification_items": 2,
        "qualification_mark": 80,
        "qualification_tries": 2,
        "qualification_feedback": "on",
        "known_percent": 5,
        "tells_later": 5,
    }
    client = signed_in(cast.alice)

    client.post(f"{PATH}settings/", wanted)
    refused = client.post(f"{PATH}settings/", {**wanted, "qualification_items": 4})

    cast.project.refresh_from_db()
    assert (cast.project.qualification_items, cast.project.known_percent) == (2, 5)
    assert refused.status_code == 422
    assert "there are 3" in refused.content.decode()
    assert "Use 5 or more" in client.post(f"{PATH}settings/", {**wanted, "tells_later": 4}).content.decode()
    assert cast.project.tells_later == 5


def test_the_settings_of_the_project_leave_these_as_they_are(cast, signed_in):
    add(cast, 3)
    change_settings(project=cast.project, changed_by=cast.alice, qualification_items=2, qualification_feedback=True)
    page = signed_in(cast.alice).get("/p/colours/settings/")
    settings = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    sent = {name: value for name, value in settings.items() if value not in (None, False)}

    assert signed_in(cast.alice).post("/p/colours/settings/", {**sent, "name": "Colors"}).status_code == 302

    cast.project.refresh_from_db()
    assert (cast.project.name, cast.project.qualification_items, cast.project.qualification_feedback) == (
        "Colors",
        2,
        True,
    )


def test_one_is_put_away_and_used_again(cast, signed_in):
    [known] = add(cast, 1)
    client = signed_in(cast.alice)

    client.post(f"{PATH}{known.pk}/", {"is_active": "no"})
    away = KnownAnswer.objects.get().is_active
    client.post(f"{PATH}{known.pk}/", {"is_active": "yes"})

    assert not away
    assert KnownAnswer.objects.get().is_active


def test_an_admin_lets_somebody_in(cast, signed_in):
    add(cast, 2)
    change_settings(project=cast.project, changed_by=cast.alice, qualification_items=2)
    client = signed_in(cast.alice)
    assert "Let bob in" in client.get(PATH).content.decode()

    page = client.post(f"{PATH}people/{cast.bob.pk}/", follow=True).content.decode()

    assert "bob can judge from now on." in page
    assert "Let bob in" not in page
    assert Membership.objects.get(project=cast.project, user=cast.bob).is_let_in


def test_what_was_right_of_those_mixed_in_stands_there_with_its_interval(cast, signed_in):
    add(cast, 1)
    give(lock_membership(project_id=cast.project.pk, user=cast.bob), number=1)
    judge(cast.project, cast.bob)
    Membership.objects.filter(user=cast.bob, project=cast.project).update(known_right=15, known_asked=20)

    page = signed_in(cast.alice).get(PATH).content.decode()

    assert "0.75" in page
    assert "(0.53–0.89)" in page  # Wilson's interval of 15 of 20


@pytest.mark.parametrize("user", ["bob", "rita", "charlie", ""])
def test_nobody_but_admins_sees_or_changes_any_of_it(cast, signed_in, user, client):
    [known] = add(cast, 1)
    browser = signed_in(getattr(cast, user)) if user else client
    status = {"charlie": 404, "": 302}.get(user, 403)

    assert browser.get(PATH).status_code == status
    for path in ("settings/", "add/", "upload/", f"{known.pk}/", f"people/{cast.bob.pk}/", "from/1/"):
        assert browser.post(PATH + path, WRITTEN).status_code == status, path
    assert KnownAnswer.objects.count() == 1


def test_another_projects_items_and_people_are_not_found(cast, signed_in):
    [known] = add(cast, 1)
    client = signed_in(cast.charlie)

    assert client.post(f"/p/other-colours/known/{known.pk}/", {"is_active": "no"}).status_code == 404
    assert client.post(f"/p/other-colours/known/people/{cast.bob.pk}/").status_code == 404


def test_the_page_asks_as_much_for_one_as_for_many(cast, signed_in, django_assert_num_queries):
    add(cast, 1)
    client = signed_in(cast.alice)
    client.get(PATH)
    with django_assert_num_queries(8):
        client.get(PATH)

    add(cast, 20)
    for number in range(20):
        set_member(project=cast.project, user=make_user(f"annotator-{number}"), role=Role.ANNOTATOR)

    with django_assert_num_queries(8):
        client.get(PATH)
