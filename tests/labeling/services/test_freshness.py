"""What is out of date leaves the queue, and nothing that anybody began."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item, make_user

from labeling.models import Assignment, Item, Label, Project, Prompt, Role, Slot
from labeling.selectors.prompts import PromptFilter
from labeling.services.assignments import claim_next, save_draft, skip
from labeling.services.freshness import let_go
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member
from labeling.services.prompt_changes import change_prompts, check_change
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items

pytestmark = pytest.mark.django_db


def in_queue(project) -> set[int]:
    return set(Slot.objects.filter(project=project).values_list("item", flat=True))


def check_counts(project) -> None:
    """The project knows how many slots there are, and what left has none."""
    project.refresh_from_db()
    assert project.num_slots == Slot.objects.filter(project=project).count()
    assert not Slot.objects.filter(item__left_queue__isnull=False).exists()


def test_what_only_such_versions_wrote_leaves_and_is_kept():
    cast = make_cast(num_items=0)
    old = make_item(cast.project, prompt="Old?", policy_version=1)
    new = make_item(cast.project, prompt="New?", policy_version=2)
    imported = make_item(cast.project, prompt="Imported?", policy_version=None)
    Prompt.objects.update(times_sampled=3)

    left = let_go(project=cast.project, versions=[1])

    assert left == 1
    assert in_queue(cast.project) == {new.pk, imported.pk}
    old.refresh_from_db()
    assert old.left_queue is not None
    assert old.entries.count() == 3
    assert dict(Prompt.objects.values_list("messages__0__content", "times_sampled")) == {
        "Old?": 2,
        "New?": 3,
        "Imported?": 3,
    }
    check_counts(cast.project)


def test_an_item_of_two_versions_stays_as_long_as_one_of_them_writes():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Mixed?"])
    completions = add_completions(
        pairs=[(prompt, NewCompletion(text=f"By {version}.", policy_version=version)) for version in (1, 2)]
    )
    create_items(project=cast.project, items=[NewItem(prompt=prompt, completions=completions, policy_version=2)])

    assert let_go(project=cast.project, versions=[1]) == 0
    assert let_go(project=cast.project, versions=[2]) == 0
    assert let_go(project=cast.project, versions=[1, 2]) == 1


def test_what_somebody_began_stays():
    cast = make_cast(num_items=0, overlap=2)
    items = [make_item(cast.project, prompt=f"{number}?", overlap=2) for number in range(5)]
    judge(cast.project, cast.bob)  # the first: judged once
    claim(cast.project, cast.bob)  # the second: leased
    skip(assignment_id=claim(cast.project, cast.dora).pk, annotator=cast.dora)  # the first: skipped by another
    begun = claim(cast.project, cast.dora)  # the second as well
    save_draft(assignment_id=begun.pk, annotator=cast.dora, draft={"notes": "Hm."})
    third = claim_next(project=cast.project, annotator=cast.alice)
    assert third is not None
    Assignment.objects.filter(pk=third.pk).update(item=items[2])  # the third: open, its lease over
    Slot.objects.filter(assignment=third).update(assignment=None)
    end_lease(third)

    left = let_go(project=cast.project, versions=[1])

    assert left == 2
    assert in_queue(cast.project) == {items[0].pk, items[1].pk, items[2].pk}
    check_counts(cast.project)


def test_what_was_only_skipped_may_leave_and_the_skip_is_kept():
    cast = make_cast()
    skipped = skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob)

    assert let_go(project=cast.project, versions=[1]) == 1
    assert Assignment.objects.get() == skipped
    assert claim_next(project=cast.project, annotator=cast.dora) is None


def test_evaluations_other_projects_and_no_versions_are_left_alone():
    cast = make_cast(num_items=1)
    make_item(cast.other_project, prompt="Theirs?")
    Item.objects.filter(project=cast.project).update(purpose="evaluation", kind="pair", policy_version=None)

    assert let_go(project=cast.project, versions=[1]) == 0
    assert let_go(project=cast.other_project, versions=[]) == 0
    assert Slot.objects.count() == 2


def test_a_prompt_that_comes_back_from_the_archive_does_not_bring_back_what_left():
    cast = make_cast(num_items=1)
    let_go(project=cast.project, versions=[1])

    for action in ("archive", "restore"):
        change_prompts(check_change(action=action), project=cast.project, wanted=PromptFilter(), actor=cast.alice)

    assert not Slot.objects.filter(project=cast.project).exists()
    check_counts(cast.project)


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    cast = make_cast(num_items=50)

    with django_assert_num_queries(6):  # savepoint, lock, statement, count, event, savepoint
        assert let_go(project=cast.project, versions=[1]) == 50


@pytest.mark.django_db(transaction=True)
def test_while_people_judge_nothing_is_lost_and_nothing_is_counted_twice():
    project = create_project(slug="team", creator=make_user("boss"), overlap=2)
    team = [make_user(f"annotator-{number}") for number in range(4)]
    for user in team:
        set_member(project=project, user=user, role=Role.ANNOTATOR)
    for number in range(30):
        make_item(project, prompt=f"{number}?", texts=("One.", "Two."))
    ready = threading.Barrier(5)

    def judge_all(user) -> int:
        judged = 0
        while (assignment := claim_next(project=project, annotator=user)) is not None:
            verdict = a_verdict(assignment)
            submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4())
            judged += 1
        return judged

    def judge_at_once(user) -> int:
        try:
            ready.wait(timeout=30)
            return judge_all(user)
        finally:
            connection.close()

    def let_all_go() -> int:
        try:
            ready.wait(timeout=30)
            return sum(let_go(project=project, versions=[1]) for _ in range(20))
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        letting = pool.submit(let_all_go)
        judged = sum(pool.map(judge_at_once, team))
        left = letting.result()
    # Whoever asked just while all that was left was looked at found nothing at that moment.
    judged += sum(judge_all(user) for user in team)

    assert Label.objects.filter(is_extra=False).count() == judged == Label.objects.count()
    assert Item.objects.filter(left_queue__isnull=False).count() == left
    assert Item.objects.filter(left_queue=None, num_judgements=2).count() == 30 - left
    check_counts(Project.objects.get(pk=project.pk))
