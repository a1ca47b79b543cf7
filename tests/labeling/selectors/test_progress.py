"""How far a project is."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import a_verdict, claim, end_lease, judge, make_cast, make_user

from labeling.models import Project, Role
from labeling.selectors.access import membership_in
from labeling.selectors.progress import Progress, overview, progress_of, project_progress
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member

pytestmark = pytest.mark.django_db


def test_progress_is_of_the_whole_project_and_of_the_person():
    cast = make_cast(num_items=3, overlap=2)
    judge(cast.project, cast.bob)
    judge(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    assert progress_of(membership_in("colours", user=cast.bob)) == Progress(done=3, total=6, mine=2, seconds=24.0)
    project = Project.objects.get(pk=cast.project.pk)
    assert project_progress(project) == Progress(done=3, total=6, mine=0, seconds=36.0)


def test_extra_judgements_are_outside_the_count_but_not_outside_the_time():
    cast = make_cast()
    late = claim(cast.project, cast.bob)
    end_lease(late)
    judge(cast.project, cast.dora)
    submit_label(assignment_id=late.pk, annotator=cast.bob, verdict=a_verdict(late), client_id=uuid4())

    progress = progress_of(membership_in("colours", user=cast.bob))

    assert (progress.done, progress.total, progress.mine, progress.seconds) == (1, 1, 0, 12.0)


def test_work_of_those_who_left_still_counts():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    set_member(project=cast.project, user=cast.bob, role=Role.ANNOTATOR, is_active=False)

    assert project_progress(cast.project).done == 1
    assert progress_of(membership_in("colours", user=cast.dora)).done == 1


def test_superuser_without_a_place_sees_the_progress_of_all():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    root = make_user("root", is_superuser=True)

    assert progress_of(membership_in("colours", user=root)) == Progress(done=1, total=2, mine=0, seconds=0.0)
    assert [(place.project.slug, place.role, place.progress.done) for place in overview(root)] == [
        ("colours", "admin", 1),
        ("other-colours", "admin", 0),
    ]


def test_overview_asks_as_many_queries_for_three_projects_as_for_one():
    zoe = make_user("zoe")
    counts = []
    for number in range(3):
        create_project(slug=f"project-{number}", creator=zoe)
        with CaptureQueriesContext(connection) as queries:
            assert len(overview(zoe)) == number + 1
        counts.append(len(queries))

    assert counts == [3, 3, 3]
