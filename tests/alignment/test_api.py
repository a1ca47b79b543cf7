"""Runs and policies over HTTP."""

from __future__ import annotations

import pytest
from factories import api_client, judge

from alignment import bookkeeping, services
from alignment.models import Policy, Run, Stage

pytestmark = pytest.mark.django_db


def policy(run, version=2):
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64}
    parent = Policy.objects.get(project=run.project_id, version=1)
    return Policy.objects.create(project_id=run.project_id, version=version, parent=parent, **fields)


# method, address, statuses for annotator, researcher and admin
ENDPOINTS = [
    ("get", "/api/v1/projects/colours/runs/", 403, 200, 200),
    ("post", "/api/v1/projects/colours/runs/", 403, 403, 201),
    ("get", "/api/v1/runs/{run}/", 403, 200, 200),
    ("post", "/api/v1/runs/{run}/stop/", 403, 403, 200),
    ("get", "/api/v1/projects/colours/policies/", 403, 200, 200),
    ("post", "/api/v1/policies/{policy}/promote/", 403, 403, 200),
    ("get", "/api/v1/projects/colours/evaluations/", 403, 200, 200),
    ("post", "/api/v1/projects/colours/evaluations/", 403, 403, 400),
]


def ask(user, method, address, body=None):
    return getattr(api_client(user), method)(address, body if method == "get" else body or {}, format="json")


@pytest.mark.parametrize(("method", "address", "annotator", "researcher", "admin"), ENDPOINTS)
def test_each_role_reaches_what_it_may(cast, run, method, address, annotator, researcher, admin):
    address = address.format(run=run.pk, policy=policy(run).pk)

    statuses = [ask(user, method, address).status_code for user in (cast.bob, cast.rita, cast.alice)]

    assert statuses == [annotator, researcher, admin]


@pytest.mark.parametrize(("method", "address"), [row[:2] for row in ENDPOINTS])
def test_anonymous_gets_401_and_a_stranger_404_as_if_there_was_nothing(cast, run, method, address):
    there = address.format(run=run.pk, policy=policy(run).pk)
    nowhere = address.replace("colours", "nowhere").format(run=999_999, policy=999_999)

    anonymous = ask(None, method, there)
    stranger, missing = ask(cast.charlie, method, there), ask(cast.charlie, method, nowhere)

    assert anonymous.status_code == 401
    assert (stranger.status_code, missing.status_code) == (404, 404)
    ids = {str(run.pk): "X", str(Policy.objects.get(version=2).pk): "X", "999999": "X", "colours": "P", "nowhere": "P"}
    said = []
    for response in (stranger, missing):
        words = response.json()["detail"].replace("'", " ' ").replace(",", " ,").split()
        said.append([ids.get(word, word) for word in words])
    assert said[0] == said[1]


def test_a_run_is_started_with_settings_and_says_all_about_itself(cast):
    judge(cast.project, cast.bob)

    response = ask(
        cast.alice,
        "post",
        "/api/v1/projects/colours/runs/",
        {"method": "ppo", "seed": 7, "config": {"ppo": {"beta": 0.3}}, "reason": "to see"},
    )

    body = response.json()
    assert response.status_code == 201
    assert (body["method"], body["seed"], body["state"], body["reason"]) == ("ppo", 7, "queued", "to see")
    assert body["config"]["ppo"]["beta"] == 0.3
    assert (body["parent"], body["policy"], body["accuracy"], body["metrics"]) == (1, None, None, [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"method": "magic"}, '"magic" is not a valid choice'),
        ({"config": {"ppo": {"beta": -1}}}, "PPOConfig.beta is -1"),
        ({"config": {"ppo": 3}}, "Expected a dictionary"),
        ({"config": {"cooking": {}}}, "a run has no section 'cooking'"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"sead": 1}, "unknown field; known are method, seed, config, reason"),
        ([1], "Expected a dictionary"),
    ],
)
def test_what_does_not_fit_is_refused_with_400_and_a_sentence(cast, body, message):
    judge(cast.project, cast.bob)

    response = ask(cast.alice, "post", "/api/v1/projects/colours/runs/", body)

    assert response.status_code == 400
    assert message in response.json()["detail"] or message in str(response.json().get("fields"))
    assert not Run.objects.exists()


def test_a_run_without_judgements_is_refused(cast):
    response = ask(cast.alice, "post", "/api/v1/projects/colours/runs/")

    assert response.status_code == 400
    assert "no judgements" in response.json()["detail"]


def test_a_run_tells_its_metrics_in_order(cast, run, attempt_at):
    attempt = attempt_at(run)
    steps = [(1, {"loss": 0.7}), (2, {"loss": 0.6})]
    bookkeeping.record_metrics(run_id=run.pk, attempt=attempt, stage=Stage.POLICY, steps=steps)

    body = ask(cast.rita, "get", f"/api/v1/runs/{run.pk}/").json()

    assert body["metrics"] == [
        {"stage": "policy", "step": 1, "values": {"loss": 0.7}},
        {"stage": "policy", "step": 2, "values": {"loss": 0.6}},
    ]


def test_a_run_that_ended_can_not_be_stopped(cast, run):
    first = ask(cast.alice, "post", f"/api/v1/runs/{run.pk}/stop/")
    second = ask(cast.alice, "post", f"/api/v1/runs/{run.pk}/stop/")

    assert (first.json()["state"], first.json()["stop_requested"]) == ("stopped", True)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")


def test_policies_come_with_version_parent_and_status_the_newest_first(cast, run):
    second = policy(run)

    body = ask(cast.alice, "get", "/api/v1/projects/colours/policies/").json()
    promoted = ask(cast.alice, "post", f"/api/v1/policies/{second.pk}/promote/").json()
    after = ask(cast.alice, "get", "/api/v1/projects/colours/policies/").json()

    rows = [(row["version"], row["parent"], row["status"]) for row in body["results"]]
    assert rows == [(2, 1, "candidate"), (1, None, "serving")]
    assert promoted["status"] == "serving"
    assert [row["status"] for row in after["results"]] == ["serving", "past"]


@pytest.mark.parametrize("kind", ["runs", "policies"])
def test_a_longer_list_needs_no_more_queries(cast, run, kind, django_assert_max_num_queries):
    client = api_client(cast.alice)
    address = f"/api/v1/projects/colours/{kind}/"
    policy(run)

    def queries():
        with django_assert_max_num_queries(30) as counted:
            assert client.get(address).status_code == 200
        return len(counted)

    before = queries()
    for number in (3, 4):
        policy(services.create_run(project_id=cast.project.pk), version=number)

    assert queries() == before
