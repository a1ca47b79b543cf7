"""The page of the loop: three clocks, and what an admin does with them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from factories import judge

from alignment import services
from alignment.gating.records import begin, new
from alignment.models import LoopSettings, Policy, RewardModel, Run
from labeling.exchange import project_record
from labeling.models import AuditEntry

pytestmark = pytest.mark.django_db
WRITE = ["loop/pause/", "loop/refresh/", "loop/train/", "loop/rewards/1/"]
SETTINGS = {
    "enabled": "on",
    "judgements_per_refresh": "7",
    "refreshes_per_policy": "1",
    "minutes_between_runs": "30",
    "features": "frozen",
    "members": "4",
    "pessimism": "1",
    "keep_policies": "5",
    "method": "ppo",
    "start": "base",
    "preset": "small",
    "beta": "0.2",
    "prompts_per_round": "5",
    "temperature": "0.8",
    "max_new_tokens": "32",
    "seed": "3",
}


def shown(client, user, path="/p/colours/loop/"):
    client.force_login(user)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(path).content.decode()))


def post(client, user, path, data=None):
    client.force_login(user)
    return client.post(f"/p/colours/{path}", data or {})


@pytest.mark.parametrize("path", WRITE)
def test_only_admins_touch_the_clocks(client, cast, past, path):
    past.reward_model()
    statuses = [post(client, user, path).status_code for user in (cast.rita, cast.bob, cast.charlie)]
    client.logout()
    visitor = client.post(f"/p/colours/{path}")

    assert statuses == [403, 403, 404]
    assert visitor["Location"].startswith("/login/?next=")
    assert not RewardModel.objects.filter(is_current=True).exists()
    assert Run.objects.count() == 1


def test_the_page_says_of_each_clock_what_it_does_next_and_what_came_of_it_last(client, cast, past):
    accuracy = {"accuracy": 0.7, "accuracy_low": 0.55, "accuracy_high": 0.82, "num_comparisons": 90}
    past.reward_model(is_current=True, **accuracy)
    ended = {"ended_by_budget": True, "steps": 7}
    results = {"policy": {"version": 2, "kl": 3.14159, "kl_budget": 3.5, "share": 0.75, **ended}}
    past.version(run=past.run("dpo", results=results))

    page = shown(client, cast.rita)

    assert "After 50 more judgements the reward model is refreshed (0 of 50)." in page
    assert "Model 1 gives the rewards. It agrees with 70 % of held-out comparisons (55 % to 82 %, 90)." in page
    assert "After 1 more refresh of the reward model a policy is trained." in page
    assert "Version 2 was trained last, with DPO. It is 3.1 nats from the base; the budget was 3.5." in page
    assert "Training ended at its budget, after 7 steps. To stay within it, 75 % of what it learned is kept." in page
    assert "No candidate waits: the next policy run brings one to the gate." in page
    assert "Too few held-out" not in page


def test_the_candidate_that_people_are_asked_about_is_told_before_those_that_wait(client, cast, past):
    first = Policy.objects.get(project=cast.project, version=1)
    begin(new(candidate=past.version(run=past.run("dpo")), against=first))
    new(candidate=past.version(run=past.run("dpo")), against=first)

    page = shown(client, cast.rita)

    assert "People compare version 2 with version 1, which serves" in page


@pytest.mark.parametrize("low", [None, 0.5, 0.31])
def test_a_reward_model_of_which_nothing_can_be_said_is_warned_of(client, cast, past, low):
    known = {} if low is None else {"accuracy": 0.6, "accuracy_low": low, "accuracy_high": 0.8, "num_comparisons": 9}
    past.reward_model(is_current=True, **known)

    assert "Too few held-out judgements to say whether the reward model is better than chance" in shown(
        client, cast.rita
    )


def test_a_clock_that_failed_says_why_and_when_it_tries_again(client, cast, past):
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=1)
    judge(cast.project, cast.bob)
    for _ in range(3):
        run = past.run(state="failed", ago=timedelta(minutes=1))

    page = shown(client, cast.alice)

    assert re.search(r"It failed 3 times in a row; it is tried again at \d\d:\d\d UTC, or now by hand\.", page)
    assert f"Run {run.pk} failed : it failed" in page


def test_an_admin_pauses_one_clock_and_lets_it_go_on(client, cast, past):
    paused = post(client, cast.alice, "loop/pause/", {"clock": "policy", "on": "0"})
    page = shown(client, cast.alice)
    then = post(client, cast.alice, "loop/pause/", {"clock": "policy", "on": "1"})

    assert (paused.status_code, then.status_code) == (302, 302)
    assert "Paused: no policy is trained by itself." in page
    assert LoopSettings.objects.get(pk=cast.project.pk).policy_enabled
    assert [entry.after for entry in AuditEntry.objects.filter(action="loop.settings").order_by("id")] == [
        {"policy_enabled": False},
        {"policy_enabled": True},
    ]


@pytest.mark.parametrize("data", [{}, {"clock": "kitchen", "on": "1"}, {"clock": "policy", "on": "2"}])
def test_a_clock_that_does_not_exist_is_not_paused(client, cast, past, data):
    assert post(client, cast.alice, "loop/pause/", data).status_code == 400


def test_an_admin_refreshes_trains_and_rolls_back_with_one_click(client, cast, past):
    judge(cast.project, cast.bob)
    first = past.reward_model()
    past.reward_model(is_current=True)

    for path in ("loop/refresh/", "loop/train/", f"loop/rewards/{first.number}/"):
        assert post(client, cast.alice, path).status_code == 302

    started = Run.objects.filter(state="queued").order_by("id").values_list("method", "trigger", "creator")
    assert list(started) == [("rm", "person", cast.alice.pk), ("dpo", "person", cast.alice.pk)]
    assert RewardModel.objects.get(is_current=True) == first
    assert "Roll back to an older one" in shown(client, cast.alice)
    assert "Roll back to an older one" not in shown(client, cast.rita)


def test_settings_that_contradict_each_other_are_said_beside_their_fields(client, cast, past):
    refused = post(client, cast.alice, "loop/settings/", {**SETTINGS, "minutes_at_most": "10", "members": "1"})

    content = refused.content.decode()
    assert refused.status_code == 422
    assert "a judgement waits 10 minutes at most, and runs are 30 minutes apart at least: one must give way" in content
    assert "pessimism is 1 and the reward model has one head" in content
    assert "Constraint" not in content
    assert LoopSettings.objects.get(pk=cast.project.pk).judgements_per_refresh == 50


def test_the_page_of_a_long_loop_needs_no_more_queries(client, cast, past, django_assert_max_num_queries):
    client.force_login(cast.alice)
    past.reward_model(is_current=True)
    past.version()
    client.get("/p/colours/loop/")

    def queries():
        with django_assert_max_num_queries(60) as counted:
            client.get("/p/colours/loop/")
        return len(counted)

    one = queries()
    for _ in range(50):
        past.reward_model()
        past.version(run=past.run("dpo", state="failed"))

    assert queries() <= one


def test_the_clocks_of_another_project_are_not_touched(client, cast, past):
    post(client, cast.alice, "loop/pause/", {"clock": "refresh", "on": "0"})

    assert services.ensure_loop(project_id=cast.other_project.pk).refresh_enabled
    assert project_record(cast.other_project.pk).slug == "other-colours"
