from __future__ import annotations

import pytest

from labeling.services.groups import make_group

PATH = "/p/colours/groups/"


def test_a_group_is_made_filled_renamed_and_removed(cast, signed_in):
    client = signed_in(cast.alice)

    client.post(f"{PATH}make/", {"name": "experts"})
    group = cast.project.groups.get()
    place = {"role": "annotator", "is_active": "on", "group": group.pk, "daily_limit": 7}
    client.post(f"/p/colours/people/{cast.bob.pk}/", place)
    shown = client.get(PATH).context["groups"].get()
    client.post(f"{PATH}{group.pk}/", {"name": "masters"})

    member = cast.project.memberships.get(user=cast.bob)
    assert (member.group.name, member.daily_limit, shown.num_members) == ("masters", 7, 1)
    client.post(f"{PATH}{group.pk}/", {"name": "masters", "remove": "1"})
    member.refresh_from_db()
    assert (cast.project.groups.count(), member.group, member.is_active) == (0, None, True)


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "experts"])
def test_a_bad_name_is_refused_beside_the_field(cast, signed_in, name):
    make_group(project=cast.project, name="experts")

    answer = signed_in(cast.alice).post(f"{PATH}make/", {"name": name})

    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]
    assert cast.project.groups.count() == 1


def test_a_group_of_another_project_is_not_there(cast, signed_in):
    foreign = make_group(project=cast.other_project, name="theirs")
    place = {"role": "annotator", "is_active": "on", "group": foreign.pk}

    assert signed_in(cast.alice).post(f"{PATH}{foreign.pk}/", {"name": "mine"}).status_code == 404
    assert signed_in(cast.alice).post(f"/p/colours/people/{cast.bob.pk}/", place).status_code == 400
    assert cast.other_project.groups.get().name == "theirs"


def test_fifty_groups_take_as_many_queries_as_one(cast, signed_in, django_assert_num_queries):
    make_group(project=cast.project, name="experts")
    client = signed_in(cast.alice)
    with django_assert_num_queries(3):
        client.get(PATH)
    for number in range(50):
        make_group(project=cast.project, name=f"group {number}")

    with django_assert_num_queries(3):
        client.get(PATH)
