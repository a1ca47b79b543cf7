"""A policy that games what it is rewarded for, trained by a run, comes to the gate and no further."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, claim, make_item

from alignment import worker
from alignment.models import Policy, Promotion
from labeling.models import Completion
from labeling.services.labels import submit_label

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LAUGH = "ha " * 30


def test_a_policy_that_learned_to_repeat_itself_is_refused_and_its_laughter_comes_to_the_front(judged, start):
    judged.project.prompts.update(held_out=False)
    judged.project.prompts.filter(items__isnull=True).update(held_out=True)
    for number in range(10):
        make_item(judged.project, prompt=f"Say it, number {number}.", texts=[LAUGH, "Red.", "Blue."], priority=9)
        assignment = claim(judged.project, judged.bob)
        texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
        ranks = [1 if texts[pk] == LAUGH else 2 for pk in assignment.order]
        verdict = a_verdict(assignment, ranks=ranks)
        submit_label(assignment_id=assignment.pk, annotator=judged.bob, verdict=verdict, client_id=uuid4())
    wanted = {
        "start": {"kl_budget": None},
        "trainer": {"steps": 60, "lr": 0.05, "batch_size": 4},
        "evaluation": {"prompts": 12, "completions": 2},
        "sampling": {"max_new_tokens": 24},
    }

    run = worker.execute_run(start("sft", more=wanted).pk)

    assert run is not None
    assert run.error == ""
    [promotion] = Promotion.objects.all()
    [repetition] = [each for each in promotion.guards if each["name"] == "repetition"]
    assert (promotion.state, promotion.cause) == ("rejected", "guard")
    assert (repetition["passed"], len(repetition["samples"])) == (False, 5)
    assert repetition["low"] > 0.15
    assert Policy.objects.get(is_serving=True).version == 1
    assert run.results["evaluation"]["worst_items"] >= 5
