"""Blind evaluations as admins and researchers meet them: started, written by the worker, and what people say."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from factories import api_client, claim, make_cast, make_user

from alignment import bookkeeping, services
from alignment.blind_results import blind_result, shown_evaluations
from alignment.models import BlindEvaluation, BlindState, Policy, Run
from labeling import exchange
from labeling.models import Completion, Item, Project
from labeling.services.labels import submit_label
from labeling.services.projects import set_member
from labeling.services.prompts import add_prompts
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

HOW = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 8}
START = "/api/v1/projects/colours/evaluations/"


@pytest.fixture
def cast(db):
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50)
    cast.project.refresh_from_db()
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(60)])
    services.ensure_loop(project_id=cast.project.pk)
    for version in (2, 3):
        make_policy(cast.project, version)
    return cast


def make_policy(project, version):
    first = Policy.objects.get(project=project, version=1)
    run = Run.objects.create(
        project=project, method="dpo", trigger="person", config={}, code_version="0", parent=first, snapshot_last=1
    )
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": first}
    return Policy.objects.create(project=project, version=version, **fields)


def start(cast, version=3, against=2, **options):
    wanted = {"num_prompts": 12, "overlap": 1, **options}
    return services.start_blind_evaluation(project_id=cast.project.pk, version=version, against=against, **wanted)


def people_are_asked(cast, evaluation):
    """What the worker does, with texts that tell the version."""
    records = exchange.prompts(cast.project.pk, held_out=True, limit=evaluation.num_prompts)
    versions = (evaluation.policy.version, evaluation.against.version)
    exchange.ask_people(
        project_id=cast.project.pk,
        versions=versions,
        prompts=[record.id for record in records],
        written={
            version: [
                exchange.Sampled(prompt=record.id, text=f"{version}", logprob=-1.0, sampling={**HOW, "seed": 1})
                for record in records
            ]
            for version in versions
        },
        sampling=HOW,
        overlap=evaluation.overlap,
    )
    bookkeeping.end_blind_evaluation(evaluation_id=evaluation.pk)


def judge_next(cast, annotator, best):
    """The annotator's next pair: the version that is better, None for a tie."""
    assignment = claim(cast.project, annotator)
    texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
    ranks = {pk: 1 if best is None or text == str(best) else 2 for pk, text in texts.items()}
    verdict = Verdict(ranks=ranks, strength=None if best is None else 1)
    submit_label(assignment_id=assignment.pk, annotator=annotator, verdict=verdict, client_id=uuid4())


def test_the_share_counts_ties_half_and_its_interval_is_drawn_by_prompt(cast):
    people_are_asked(cast, start(cast))
    for best in [3] * 6 + [2] * 4 + [None] * 2:
        judge_next(cast, cast.bob, best)

    result = blind_result(cast.project.pk, version=3, against=2)
    turned = blind_result(cast.project.pk, version=2, against=3)

    assert result is not None
    assert turned is not None
    assert result.win_rate == pytest.approx(7 / 12)  # 6 wins and 2 halves
    assert turned.win_rate == pytest.approx(5 / 12)
    assert (result.num_judgements, result.num_ties, result.num_prompts, result.num_wanted) == (12, 2, 12, 12)
    # The standard error of 12 independent outcomes is 0.130: a t interval would be 0.30 to 0.87.
    assert 0.25 < result.low < 0.38
    assert 0.79 < result.high < 0.92
    assert blind_result(cast.project.pk, version=3, against=1) is None


def test_three_people_on_one_prompt_are_one_prompt(cast):
    team = [cast.bob, cast.dora, make_user("emil")]
    set_member(project=cast.project, user=team[2], role="annotator")
    people_are_asked(cast, start(cast, num_prompts=4, overlap=3))
    for annotator in team:
        for best in (3, 3, 2, 2):
            judge_next(cast, annotator, best)

    result = blind_result(cast.project.pk, version=3, against=2)

    assert result is not None
    assert (result.num_judgements, result.num_prompts) == (12, 4)
    assert result.win_rate == pytest.approx(0.5)
    assert result.high - result.low > 0.75  # of 12 independent ones it would be 0.6


def test_before_a_judgement_there_is_no_result(cast):
    people_are_asked(cast, start(cast))

    [shown] = shown_evaluations(cast.project.pk)

    assert blind_result(cast.project.pk, version=3, against=2) is None
    assert (shown.result, shown.num_wanted, shown.is_waiting) == (None, 12, False)


def test_the_newest_evaluation_of_two_versions_is_shown_whichever_way_round(cast):
    people_are_asked(cast, start(cast))
    later = start(cast, version=2, against=3)
    judge_next(cast, cast.bob, 3)

    [shown] = shown_evaluations(cast.project.pk)

    assert shown.evaluation == later
    assert shown.result is not None
    assert (shown.result.version, shown.result.win_rate) == (2, 0.0)


def test_two_clicks_start_one_evaluation(cast):
    start(cast)

    with pytest.raises(exchange.Conflict, match="are being written already"):
        start(cast, version=2, against=3)
    assert BlindEvaluation.objects.count() == 1


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"version": 3, "against": 3}, exchange.Invalid, "cannot be compared with itself"),
        ({"version": 9}, exchange.NotFound, "no policy version 9"),
        ({"num_prompts": 0}, exchange.Invalid, "0 prompts"),
        ({"overlap": 51}, exchange.Invalid, "51 judgements of each"),
    ],
)
def test_what_cannot_be_started_is_refused(cast, options, error, reason):
    with pytest.raises(error, match=reason):
        start(cast, **options)
    assert not BlindEvaluation.objects.exists()


def test_without_held_out_prompts_nothing_is_started(cast):
    services.ensure_loop(project_id=cast.other_project.pk)
    make_policy(cast.other_project, 2)

    with pytest.raises(exchange.Invalid, match="no held-out prompts"):
        services.start_blind_evaluation(
            project_id=cast.other_project.pk, version=2, against=1, num_prompts=3, overlap=1
        )


@pytest.mark.parametrize(
    "changes",
    [{"state": "failed"}, {"error": "why"}, {"num_prompts": 0}, {"overlap": 0}, {"state": "lost"}],
)
def test_the_database_holds_evaluations_to_their_rules(cast, changes):
    evaluation = start(cast)

    with pytest.raises(IntegrityError), transaction.atomic():
        BlindEvaluation.objects.filter(pk=evaluation.pk).update(**changes)


def test_an_evaluation_is_started_and_read_over_the_api(cast):
    client = api_client(cast.alice)

    started = client.post(START, {"version": 3, "against": 2, "num_prompts": 12}, format="json")
    people_are_asked(cast, BlindEvaluation.objects.get())
    judge_next(cast, cast.bob, 3)
    [row] = api_client(cast.rita).get(START).json()["results"]

    assert (started.status_code, started.json()["state"], started.json()["result"]) == (201, "queued", None)
    assert (row["version"], row["against"], row["state"], row["num_wanted"]) == (3, 2, "asked", 12)
    assert (row["result"]["win_rate"], row["result"]["num_judgements"]) == (1.0, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": 3, "against": 3, "num_prompts": 1}, 400),
        ({"version": 3, "against": 9, "num_prompts": 1}, 404),
        ({"version": 3, "against": 2}, 400),
        ({"version": 3, "against": 2, "num_prompts": 1, "prompts": 5}, 400),
    ],
)
def test_a_wrong_body_is_refused_over_the_api(cast, body, status):
    assert api_client(cast.alice).post(START, body, format="json").status_code == status
    assert not BlindEvaluation.objects.exists()


def test_the_page_starts_one_and_says_the_result_in_a_sentence(cast, client):
    client.force_login(cast.alice)
    form = {"version": "3", "against": "2", "num_prompts": "12", "overlap": "1"}

    answer = client.post("/p/colours/policies/evaluate/", form)
    people_are_asked(cast, BlindEvaluation.objects.get())
    for best in [3] * 6 + [2] * 4 + [None] * 2:
        judge_next(cast, cast.bob, best)
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/p/colours/policies/").content.decode()))

    assert answer.status_code == 302
    assert re.search(r"Version 3 beats version 2 in 58 % \(95 % \d\d–\d\d %\) of 12 judgements", shown)
    assert "2 of them ties, which count half; 12 prompts. 12 judgements were asked for." in shown


def test_a_second_start_is_refused_on_the_page_with_the_reason(cast, client):
    client.force_login(cast.alice)
    form = {"version": "3", "against": "2", "num_prompts": "12", "overlap": "1"}
    client.post("/p/colours/policies/evaluate/", form)

    again = client.post("/p/colours/policies/evaluate/", form)
    wrong = client.post("/p/colours/policies/evaluate/", {**form, "against": "77"})

    assert (again.status_code, wrong.status_code) == (422, 422)
    assert "are being written already" in again.content.decode()
    assert BlindEvaluation.objects.count() == 1


def test_a_failure_is_said_on_the_page(cast, client):
    evaluation = start(cast)
    bookkeeping.end_blind_evaluation(evaluation_id=evaluation.pk, error="the model <b>is gone</b>")
    client.force_login(cast.rita)

    page = client.get("/p/colours/policies/").content.decode()

    assert "The last attempt failed: the model &lt;b&gt;is gone&lt;/b&gt;" in page
    assert BlindEvaluation.objects.get().state == BlindState.FAILED
    assert "Start a blind evaluation" not in page  # a researcher reads


def test_the_page_costs_the_same_with_one_and_with_many(cast, client, django_assert_num_queries):
    client.force_login(cast.rita)
    people_are_asked(cast, start(cast))
    client.get("/p/colours/policies/")
    with django_assert_num_queries(9):
        client.get("/p/colours/policies/")
    for version in range(4, 10):
        make_policy(cast.project, version)
        people_are_asked(cast, start(cast, version=version))

    with django_assert_num_queries(9):
        client.get("/p/colours/policies/")
    assert Item.objects.count() == 7 * 12
