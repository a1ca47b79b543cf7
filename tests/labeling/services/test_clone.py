"""A project that begins as another one is."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import judge, make_cast

from alignment.selectors import loop_settings
from alignment.services import change_loop
from labeling.errors import Conflict
from labeling.imports.one import add_prompt
from labeling.models import Item, Label, Membership, Prompt
from labeling.selectors.guidelines import current_guidelines
from labeling.services.clone import clone_project
from labeling.services.projects import SETTINGS, update_project

pytestmark = pytest.mark.django_db


def test_settings_guidelines_and_loop_are_taken_over_and_people_and_judgements_not():
    cast = make_cast(num_items=2, overlap=3)
    own = [{"code": "rude", "label": "Is rude", "key": "", "is_harmful": True}]
    update_project(project=cast.project, guidelines="Be kind.", own_flags=own, flags=["rude"], lease_minutes=7)
    change_loop(project_id=cast.project.pk, temperature=0.7, method="kto")
    judge(cast.project, cast.bob)
    cast.project.refresh_from_db()

    made = clone_project(project=cast.project, slug="hues", name="Hues", creator=cast.alice)

    kept = [name for name in SETTINGS if name != "name"]
    assert {name: getattr(made, name) for name in kept} == {name: getattr(cast.project, name) for name in kept}
    assert (made.slug, made.name, made.num_slots) == ("hues", "Hues", 0)
    guidelines = current_guidelines(made)
    assert guidelines is not None
    assert (guidelines.version, guidelines.text, guidelines.author) == (1, "Be kind.", cast.alice)
    assert [(m.user, m.role) for m in Membership.objects.filter(project=made)] == [(cast.alice, "admin")]
    assert not Prompt.objects.filter(project=made).exists()
    assert not Label.objects.filter(project=made).exists()
    assert (loop_settings(made.pk).temperature, loop_settings(made.pk).method) == (0.7, "kto")


def test_prompts_come_with_their_sides_and_topics_and_without_items():
    cast = make_cast(num_items=30)
    add_prompt(project=cast.project, prompt="A sad one", topics=["violent"], source="a file")

    with CaptureQueriesContext(connection) as queries:
        made = clone_project(project=cast.project, slug="hues", name="Hues", creator=cast.bob, with_prompts=True)
    with CaptureQueriesContext(connection) as queries_of_none:
        clone_project(project=cast.other_project, slug="none", name="None", creator=cast.bob, with_prompts=True)

    def of(project):
        return list(
            Prompt.objects.filter(project=project)
            .order_by("id")
            .values_list("digest", "messages", "held_out", "topics", "source")
        )

    assert of(made) == of(cast.project)
    assert len(of(made)) == 31
    assert not Item.objects.filter(project=made).exists()
    assert len(queries) == len(queries_of_none)


def test_slug_that_is_taken_is_refused_and_nothing_is_made():
    cast = make_cast()

    with pytest.raises(Conflict):
        clone_project(project=cast.project, slug="other-colours", name="x", creator=cast.alice)
