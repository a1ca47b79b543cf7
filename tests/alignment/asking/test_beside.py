"""A queue that runs low while a run has the device is filled beside it."""

from __future__ import annotations

import pytest
from factories import make_cast
from procrastinate.contrib.django.models import ProcrastinateJob

from alignment import services, writer
from alignment.clocks.starting import fill_if_low
from alignment.models import Run, RunState
from labeling.models import Item
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db(transaction=True)  # the job closes its connections


@pytest.fixture
def cast(small_world, monkeypatch):
    monkeypatch.setattr(writer, "_found_nothing", {})
    cast = make_cast(num_items=0)
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(6)])
    cast.project.prompts.update(held_out=False)
    services.ensure_loop(project_id=cast.project.pk)
    services.change_loop(project_id=cast.project.pk, max_new_tokens=6, prompts_per_round=4)
    return cast


def jobs_of(cast) -> list[tuple[str, str]]:
    rows = ProcrastinateJob.objects.filter(args={"project_id": cast.project.pk}).order_by("id")
    return [(job.queue_name, job.task_name) for job in rows]


def test_while_a_run_has_the_device_the_job_goes_to_the_process_beside_it_once(cast):
    Run.objects.create(
        project=cast.project, method="dpo", trigger="loop", config={}, code_version="0", state=RunState.RUNNING
    )

    assert fill_if_low(project_id=cast.project.pk) is True
    assert fill_if_low(project_id=cast.project.pk) is False

    assert jobs_of(cast) == [("conversations", "alignment.fill_beside")]


@pytest.mark.slow
def test_it_is_filled_once_and_not_when_it_was_filled_since(cast):
    writer.fill_beside_job(cast.project.pk)
    after_one = Item.objects.count()
    writer.fill_beside_job(cast.project.pk)

    assert (after_one, Item.objects.count()) == (4, 4)


@pytest.mark.slow
def test_where_nothing_is_left_to_write_it_is_not_tried_again_at_once(cast, monkeypatch):
    tried = []

    def nothing(*projects: int, **options: object) -> int:
        tried.append(projects)
        return 0

    monkeypatch.setattr("alignment.requests.fill_queue", nothing)

    writer.fill_beside_job(cast.project.pk)
    writer.fill_beside_job(cast.project.pk)
    writer.fill_beside_job(999_999)

    assert tried == [(cast.project.pk,)]
