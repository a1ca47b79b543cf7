"""Tags of prompts."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from factories import make_cast

from labeling.errors import Invalid
from labeling.models import PromptTag, Tag
from labeling.services.prompts import add_prompts
from labeling.services.tags import check_tags, set_tags, tag_ids, tag_prompts

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (None, []),
        ("", []),
        ("b, a ,b", ["b", "a"]),
        (["Round 1", "Round\t 1"], ["Round 1"]),
        (("größe",), ["größe"]),
    ],
)
def test_names_are_taken_once_in_their_order(tags, names):
    assert check_tags(tags) == names


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (5, "tags is int"),
        ([5], "a tag is int, not a text"),
        ("a,,b", "a tag is empty"),
        (["x" * 61], "has 61 characters: at most 60"),
        (["a,b"], "has a comma or a control character"),
        (["a\x07b"], "has a comma or a control character"),
        (["a\x00"], "NUL character"),
    ],
)
def test_what_is_no_tag_is_refused(tags, reason):
    with pytest.raises(Invalid, match=reason):
        check_tags(tags)


def test_a_tag_of_one_project_is_not_that_of_another():
    cast = make_cast(num_items=0)

    first = tag_ids(project=cast.project, names={"hard"})
    again = tag_ids(project=cast.project, names={"hard"})
    other = tag_ids(project=cast.other_project, names={"hard"})

    assert first == again
    assert first != other


def test_tagging_twice_changes_nothing_and_setting_takes_away():
    cast = make_cast(num_items=0)
    [one, two], _ = add_prompts(project=cast.project, prompts=["One?", "Two?"])
    ids = tag_ids(project=cast.project, names={"a", "b"})

    new = tag_prompts([(ids["a"], one.pk), (ids["a"], two.pk), (ids["a"], one.pk)])
    again = tag_prompts([(ids["a"], one.pk)])
    set_tags(project=cast.project, prompt_id=one.pk, tags="c,b")

    assert (new, again) == (2, 0)
    assert sorted(PromptTag.objects.values_list("prompt__messages__0__content", "tag__name")) == [
        ("One?", "b"),
        ("One?", "c"),
        ("Two?", "a"),
    ]


@pytest.mark.parametrize("name", ["", " a", "a ", "a,b", "a\tb"])
def test_the_database_refuses_names_that_no_cell_of_a_csv_could_hold(name):
    cast = make_cast(num_items=0)

    with pytest.raises(IntegrityError, match="tag_has_a_name"), transaction.atomic():
        Tag.objects.create(project=cast.project, name=name)
