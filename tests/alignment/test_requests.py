"""Small jobs of the worker, with a model of random weights."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from factories import make_cast
from talking import converse, decide, speak

from alignment import promotion, requests, services, worker, writer
from alignment.artifacts import data_folder, folder_digest, load_base
from alignment.models import BlindEvaluation, Policy, Run
from alignment.patience import Interrupted
from labeling.models import Completion, Item, Project, Purpose
from labeling.services.projects import update_project
from labeling.services.prompts import add_prompts

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def cast(small_world):
    """A project with held-out prompts and a version 2 whose adapter is not the base's."""
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50)
    cast.project.refresh_from_db()
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(30)])
    services.ensure_loop(project_id=cast.project.pk)
    services.change_loop(project_id=cast.project.pk, max_new_tokens=8)
    make_version_2(cast.project)
    return cast


def make_version_2(project):
    base = load_base(lora=requests._plan(project.pk).lora, device="cpu", known="")
    base.add_adapter("policy")
    with torch.no_grad():
        for parameter in base.parameters("policy"):
            parameter.add_(0.02)
    base.save_adapter("policy", data_folder("policies/2"))
    first = Policy.objects.get(project=project, version=1)
    run = Run.objects.create(project=project, method="dpo", trigger="person", config={}, code_version="0", parent=first)
    Policy.objects.create(
        project=project,
        version=2,
        run=run,
        parent=first,
        path="policies/2",
        digest=folder_digest(data_folder("policies/2")),
        base_digest=base.digest,
    )


def start(cast, num_prompts=6):
    return services.start_blind_evaluation(
        project_id=cast.project.pk, version=2, against=1, num_prompts=num_prompts, overlap=1
    )


def test_the_worker_writes_what_is_missing_and_people_are_asked(cast):
    requests.evaluate_blindly(start(cast).pk, device="cpu")

    evaluation = BlindEvaluation.objects.get()
    items = Item.objects.filter(purpose=Purpose.EVALUATION)
    assert (evaluation.state, evaluation.error, items.count()) == ("asked", "", 6)
    assert all(item.prompt.held_out for item in items)
    written = Completion.objects.filter(entries__item__in=items)
    assert Counter(written.values_list("policy_version", flat=True)) == {1: 6, 2: 6}
    assert set(written.values_list("sampling__seed", flat=True)) == {evaluation.seed, evaluation.seed + 1}
    assert not written.exclude(logprob__lt=0).exists()


def test_a_second_evaluation_uses_what_is_written_and_asks_about_new_prompts_only(cast):
    requests.evaluate_blindly(start(cast, 4).pk, device="cpu")
    before = set(Completion.objects.values_list("pk", flat=True))

    requests.evaluate_blindly(start(cast, 7).pk, device="cpu")

    assert Item.objects.count() == 7
    assert Completion.objects.exclude(pk__in=before).count() == 6


def test_begun_again_after_an_interruption_it_ends_as_if_nothing_had_been(cast):
    evaluation = start(cast)
    parts = iter(range(9))

    def check():
        if next(parts):
            raise Interrupted

    with pytest.raises(Interrupted):
        requests.evaluate_blindly(evaluation.pk, device="cpu", check=check)
    requests.evaluate_blindly(evaluation.pk, device="cpu")
    requests.evaluate_blindly(evaluation.pk, device="cpu")

    assert (Item.objects.count(), Completion.objects.count()) == (6, 12)


@pytest.mark.django_db(transaction=True)  # the job closes its connections
def test_a_failure_is_kept_with_the_evaluation(cast, settings):
    evaluation = start(cast)
    settings.MODEL = str(settings.DATA_DIR / "nothing here")

    worker.evaluate_blindly_job(evaluation.pk)

    evaluation.refresh_from_db()
    assert evaluation.state == "failed"
    assert "nothing here" in evaluation.error
    assert not Item.objects.exists()


def begin(cast):
    """A turn that waits for the model."""
    update_project(project=cast.project, conversation_opening="topic", completions_per_item=3)
    return speak(converse(cast.project, cast.bob, prompt="Talk about tea."), "Which tea is green?")


def carry_on(turn, say):
    """Choose what the policy wrote, and say something to it; a random model may end at once, which can't be chosen."""
    turn.refresh_from_db()
    texts = Completion.objects.in_bulk(turn.order)
    best = next(pk for pk in turn.order if texts[pk].text.strip())
    others = [pk for pk in turn.order if pk != best]
    decide(turn.assignment, number=turn.number, shown=[best, *others])
    return speak(turn.assignment, say)


def test_the_served_policy_writes_for_a_turn_and_a_second_job_changes_nothing(cast):
    turn = begin(cast)
    promotion.promote(policy_id=Policy.objects.get(version=2).pk)

    requests.write_turn(turn.pk, device="cpu")
    turn.refresh_from_db()
    order = turn.order
    requests.write_turn(turn.pk, device="cpu")

    turn.refresh_from_db()
    written = Completion.objects.filter(prompt=turn.prompt)
    assert (turn.state, turn.order) == ("offered", order)
    assert 2 <= len(order) <= 3
    assert set(written.values_list("policy_version", flat=True)) == {2}
    assert not written.exclude(logprob__lt=0).exists()


def test_the_served_policy_stays_loaded_between_turns_until_another_one_serves(cast):
    turns = [begin(cast)]
    kept = requests.write_turn(turns[0].pk, device="cpu")
    turns.append(carry_on(turns[0], "And black?"))

    again = requests.write_turn(turns[1].pk, device="cpu", kept=kept)
    promotion.promote(policy_id=Policy.objects.get(version=2).pk)
    turns.append(carry_on(turns[1], "And white?"))
    other = requests.write_turn(turns[2].pk, device="cpu", kept=again)

    assert again is kept
    assert other is not kept
    turns[2].refresh_from_db()
    written = [
        set(Completion.objects.filter(pk__in=turn.order).values_list("policy_version", flat=True)) for turn in turns
    ]
    assert written == [{1}, {1}, {2}]


@pytest.mark.django_db(transaction=True)  # the jobs close their connections
def test_why_nothing_could_be_written_is_told_and_a_turn_that_is_gone_is_no_failure(cast, settings):
    turn = begin(cast)
    settings.MODEL = str(settings.DATA_DIR / "nothing here")

    writer.write_turn_job(turn.pk)
    writer.write_turn_job(999_999)

    turn.refresh_from_db()
    assert turn.state == "waiting"
    assert "nothing here" in turn.error
