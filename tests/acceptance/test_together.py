"""Two browsers and 16 API clients on one project at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from acceptance.browsing import judge_by_keys, sign_in, start_judging
from acceptance.conftest import Desk
from acceptance.judging import judge
from acceptance.system import PASSWORD, System

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PEOPLE = 16
PROMPTS = 150


def prepare(system: System) -> None:
    """A project whose items want two judgements each, and sixteen members that work through the API."""
    admin = system.client("admin")
    body = {"slug": "crowd", "name": "Crowd", "overlap": 2, "completions_per_item": 3}
    assert admin.post("/projects/", json=body).status_code == 201
    rows = "\n".join(
        f'{{"prompt": "Question {number}", "completions": [{{"text": "Short {number}."}}, '
        f'{{"text": "A longer completion {number}."}}, {{"text": "The longest completion of all {number}."}}]}}'
        for number in range(PROMPTS)
    )
    answer = admin.post(
        "/projects/crowd/prompts/import/", content=rows, headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code in {200, 201}, answer.text
    system.manage("shell", "-c", MEMBERS)


MEMBERS = f"""
from labeling.models import Project, User
from labeling.services.projects import set_member
from alignment.services import change_loop
project = Project.objects.get(slug="crowd")
change_loop(project_id=project.pk, enabled=False)
for number in range({PEOPLE}):
    user = User.objects.create_user(f"client{{number}}", password="{PASSWORD}")
    set_member(project=project, user=user, role="annotator")
for name in ("annotator1", "annotator2"):
    set_member(project=project, user=User.objects.get(username=name), role="annotator")
"""


def test_no_item_gets_more_judgements_than_its_overlap(system: System, desk: Desk):
    prepare(system)
    pages = [desk.page() for _ in range(2)]
    for page, name in zip(pages, ("annotator1", "annotator2"), strict=True):
        sign_in(page, system.url, name)
        start_judging(page, "Crowd")
    clients = [system.client(f"client{number}") for number in range(PEOPLE)]

    with ThreadPoolExecutor(PEOPLE) as pool:
        work = [
            pool.submit(judge, client, project="crowd", count=PROMPTS, chance=random.Random(seed))
            for seed, client in enumerate(clients)
        ]
        for done in range(1, 4):
            for page in pages:
                judge_by_keys(page, ratings="741", ranks="122", done=done)
        labels = [label for result in work for label in result.result(timeout=300)]

    counts = system.query(
        "SELECT i.id, i.overlap, count(l.id) FROM labeling_item i JOIN labeling_project p ON p.id = i.project_id "
        "LEFT JOIN labeling_label l ON l.item_id = i.id AND NOT l.is_extra WHERE p.slug = 'crowd' GROUP BY i.id"
    )
    assert len(counts) == PROMPTS
    assert all(found <= overlap for _, overlap, found in counts), counts
    # The clients work until nothing is left: what is missing lies open in the two browsers, or is held ahead there.
    judged = sum(found for _, _, found in counts)
    assert judged == len(set(labels)) + 6
    # A share of the prompts is judged by more people than the others.
    assert len(pages) <= sum(overlap for _, overlap, _ in counts) - judged <= 2 * len(pages)
    assert " 500 " not in system.log.read_text(errors="replace")
