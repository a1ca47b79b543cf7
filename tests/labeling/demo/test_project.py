"""The demo project."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.contrib.auth import authenticate
from factories import make_user

from labeling.demo import read_corpus
from labeling.demo.project import make_demo, spread
from labeling.models import Completion, Item, Membership, Project, Prompt, Slot, User
from labeling.services.assignments import claim_next

pytestmark = pytest.mark.django_db


def test_project_has_people_prompts_and_forty_items_of_four_completions():
    demo = make_demo()

    project = Project.objects.get()
    members = dict(Membership.objects.values_list("user__username", "role"))
    assert (project.slug, project.completions_per_item, project.overlap) == ("demo", 4, 1)
    assert project.guidelines_versions.get().text.strip()
    assert members == {
        "admin": "admin", "annotator1": "annotator", "annotator2": "annotator", "researcher": "researcher",
    }  # fmt: skip
    assert demo.accounts == ("admin", "annotator1", "annotator2", "researcher")
    assert Prompt.objects.count() == len({row.messages[-1]["content"] for row in read_corpus()})
    assert (Item.objects.count(), Slot.objects.count(), Completion.objects.count()) == (40, 40, 160)
    assert 0 < Item.objects.filter(prompt__held_out=True).count() < 15
    assert claim_next(project=project, annotator=User.objects.get(username="annotator1")) is not None


def test_generated_password_opens_every_account_and_differs_each_time():
    demo = make_demo()

    assert len(demo.password) >= 12
    assert all(authenticate(username=name, password=demo.password) for name in demo.accounts)
    assert User.objects.get(username="admin").is_superuser
    assert not User.objects.get(username="researcher").is_staff


def test_given_password_is_taken():
    demo = make_demo(password="open sesame")

    assert demo.password == "open sesame"
    assert authenticate(username="annotator2", password="open sesame")


def test_second_call_changes_nothing():
    first = make_demo()
    Project.objects.update(name="My own")
    Membership.objects.filter(user__username="annotator2").update(is_active=False)

    second = make_demo(password="another")

    assert (second.created, second.accounts, second.password) == (False, (), "")
    assert Project.objects.get().name == "My own"
    assert not Membership.objects.get(user__username="annotator2").is_active
    assert authenticate(username="admin", password=first.password)


def test_account_that_exists_keeps_its_password():
    make_user("annotator1", password="mine for years")

    demo = make_demo(password="open sesame")

    assert demo.accounts == ("admin", "annotator2", "researcher")
    assert authenticate(username="annotator1", password="mine for years")


def test_spread_goes_from_the_best_to_the_worst():
    for row in read_corpus():
        if len(row.completions) >= 4:
            chosen = spread(row)
            qualities = [completion.quality for completion in chosen]
            assert len({completion.text for completion in chosen}) == 4
            assert all(high >= low for high, low in pairwise(qualities))
            assert qualities[0] == max(completion.quality for completion in row.completions)
            assert qualities[-1] == min(completion.quality for completion in row.completions)
