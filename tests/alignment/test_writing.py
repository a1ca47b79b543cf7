"""What a policy writes for."""

from __future__ import annotations

import pytest
from factories import make_cast

from alignment.writing import prompts_for_queue
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = make_cast(num_items=0).project
    prompts, _ = add_prompts(project=project, prompts=[f"Question {number}?" for number in range(60)])
    project.prompts.update(held_out=False)
    project.prompts.filter(pk__in=[prompt.pk for prompt in prompts[:10]]).update(held_out=True)
    return project


def test_one_prompt_in_ten_is_held_out_and_stands_in_the_middle_of_its_ten(project):
    records = prompts_for_queue(project.pk, limit=20)

    assert len({record.id for record in records}) == 20
    assert [place for place, record in enumerate(records) if record.held_out] == [4, 14]


def test_without_held_out_prompts_all_are_trained_on(project):
    project.prompts.update(held_out=False)

    assert [record.held_out for record in prompts_for_queue(project.pk, limit=20)] == [False] * 20


def test_those_written_for_least_come_first(project):
    project.prompts.exclude(pk__in=project.prompts.order_by("-pk")[:3]).update(times_sampled=1)

    records = prompts_for_queue(project.pk, limit=3)

    assert {record.id for record in records} == set(project.prompts.order_by("-pk").values_list("pk", flat=True)[:3])
