"""Pages of the loop: who sees what, and what they show."""

from __future__ import annotations

import re

import pytest
from factories import judge

from alignment import bookkeeping, services
from alignment.models import LoopSettings, Policy, Run, RunState, Stage
from labeling.models import Snapshot
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db

READ = ["loop/", "runs/", "runs/{run}/", "runs/{run}/curves/", "runs/{run}/state/", "policies/", "policies/samples/"]
WRITE = [
    "loop/settings/",
    "runs/start/",
    "runs/{run}/stop/",
    "policies/1/promote/",
    "policies/samples/write/",
    "policies/evaluate/",
]


def address(path, run, slug="colours"):
    return f"/p/{slug}/{path.format(run=run.pk)}"


def page(client, user, path):
    client.force_login(user)
    return client.get(path)


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize("path", READ)
def test_admins_and_researchers_see_it_annotators_and_strangers_do_not(client, cast, run, path):
    statuses = [
        page(client, user, address(path, run)).status_code for user in (cast.alice, cast.rita, cast.bob, cast.charlie)
    ]

    assert statuses == [200, 200, 403, 404]


@pytest.mark.parametrize("path", [*READ, *WRITE])
def test_who_is_signed_out_is_led_to_the_login(client, run, path):
    method = client.get if path in READ else client.post

    response = method(address(path, run))

    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("path", WRITE)
def test_only_admins_steer(client, cast, run, path):
    statuses = []
    for user in (cast.rita, cast.bob, cast.charlie):
        client.force_login(user)
        statuses.append(client.post(address(path, run)).status_code)

    assert statuses == [403, 403, 404]
    run.refresh_from_db()
    assert run.stop_requested is False


@pytest.mark.parametrize("path", [path for path in READ if "{run}" in path])
def test_a_run_of_another_project_is_not_found(client, cast, run, path):
    client.force_login(cast.charlie)

    assert client.get(address(path, run, slug="other-colours")).status_code == 404


def test_the_page_says_what_comes_next(client, cast, run):
    services.request_stop(run_id=run.pk)
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=3)
    judge(cast.project, cast.bob)

    shown = text(page(client, cast.alice, "/p/colours/runs/"))

    assert "After 1 more judgement the reward model is refreshed (2 of 3)." in shown


def test_the_loop_is_a_fragment_for_htmx_and_a_page_for_everybody_else(client, cast):
    client.force_login(cast.alice)

    fragment = client.get("/p/colours/loop/", headers={"HX-Request": "true"}).content.decode()
    whole = client.get("/p/colours/loop/").content.decode()

    assert fragment.lstrip().startswith("<section")
    assert "<html" in whole
    assert 'name="judgements_per_refresh"' in whole


def test_an_admin_changes_the_loop_and_a_wrong_value_is_said_beside_its_field(client, cast):
    client.force_login(cast.alice)
    settings = {
        "enabled": "on",
        "judgements_per_refresh": "7",
        "refreshes_per_policy": "2",
        "minutes_between_runs": "10",
        "features": "trained",
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

    saved = client.post("/p/colours/loop/settings/", settings | {"confirmed": "1"})
    refused = client.post("/p/colours/loop/settings/", settings | {"judgements_per_refresh": "0"})

    assert saved.status_code == 302
    stored = LoopSettings.objects.get()
    assert (stored.judgements_per_refresh, stored.method, stored.beta, stored.seed) == (7, "ppo", 0.2, 3)
    assert refused.status_code == 422
    assert "greater than or equal to 1" in text(refused)


def test_a_run_is_started_by_hand_with_any_setting(client, cast):
    judge(cast.project, cast.bob)
    client.force_login(cast.alice)

    form = {"method": "dpo", "beta": "0.05", "epochs": "2", "more": "reward_trainer.lr=0.002\nlora.rank=4"}
    response = client.post("/p/colours/runs/start/", form)

    run = Run.objects.get()
    assert response["Location"] == f"/p/colours/runs/{run.pk}/"
    assert (run.reason, run.creator, run.trigger) == ("", cast.alice, "person")
    config = run.config
    assert (config["direct"]["beta"], config["trainer"]["epochs"]) == (0.05, 2.0)
    assert (config["reward_trainer"]["lr"], config["lora"]["rank"]) == (0.002, 4)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"more": "trainer.speed=1"}, "TrainerConfig has no setting &#x27;speed&#x27;"),
        ({"more": "fast please"}, "is no setting: write section.name=value"),
        ({"epochs": "0"}, "TrainerConfig.epochs is 0.0; it must be a number above 0 up to 1000"),
        ({"method": "magic"}, "Select a valid choice"),
    ],
)
def test_a_setting_that_does_not_fit_starts_nothing_and_says_why(client, cast, form, message):
    judge(cast.project, cast.bob)
    client.force_login(cast.alice)

    response = client.post("/p/colours/runs/start/", {"method": "dpo", **form})

    assert response.status_code == 422
    assert message in response.content.decode()
    assert not Run.objects.exists()


def test_a_run_can_not_start_without_judgements_and_the_page_says_so(client, cast):
    client.force_login(cast.alice)

    response = client.post("/p/colours/runs/start/", {"method": "dpo"})

    assert response.status_code == 422
    assert "there are no judgements to learn from" in text(response)


def test_a_run_s_page_shows_stages_values_and_where_it_comes_from(client, cast, run, attempt_at):
    attempt = attempt_at(run)
    here = {"run_id": run.pk, "attempt": attempt}
    bookkeeping.start_stage(**here, stage=Stage.SNAPSHOT)
    counts = {"train": 1, "held_out": 0, "comparisons": 3}
    bookkeeping.finish_stage(**here, stage=Stage.SNAPSHOT, result=counts, snapshot_digest="a" * 64)
    bookkeeping.start_stage(**here, stage=Stage.REWARD_MODEL)
    bookkeeping.record_metrics(**here, stage=Stage.REWARD_MODEL, steps=[(1, {"loss": 0.6931}), (2, {"loss": 0.5})])

    response = page(client, cast.rita, f"/p/colours/runs/{run.pk}/")

    shown = text(response)
    assert "comparisons: 3" in shown
    assert "reward model loss 2 0.6931 0.5" in shown
    assert "a" * 64 in shown
    assert "Stop" not in shown


def test_the_parts_of_a_run_s_page_are_read_by_themselves_while_it_goes_on(client, cast, run, attempt_at):
    attempt = attempt_at(run)
    steps = [(1, {"loss": 0.7}), (2, {"loss": 0.25})]
    bookkeeping.record_metrics(run_id=run.pk, attempt=attempt, stage=Stage.POLICY, steps=steps)
    client.force_login(cast.alice)
    here = {"HX-Request": "true"}

    values = client.get(f"/p/colours/runs/{run.pk}/", headers={**here, "HX-Target": "run-values"})
    before = client.get(f"/p/colours/runs/{run.pk}/", headers={**here, "HX-Target": "run-origin"})
    services.end_run(run=run, state=RunState.FAILED, error="the disk is full")
    after = client.get(f"/p/colours/runs/{run.pk}/", headers={**here, "HX-Target": "run-origin"})

    assert "<html" not in (values.content + before.content + after.content).decode()
    assert "loss 2 0.7 0.25" in text(values)
    assert "Repeat this run" not in text(before)
    assert "Repeat this run" in text(after)


def test_the_table_of_versions_is_read_by_itself(client, cast, run):
    client.force_login(cast.alice)

    table = client.get("/p/colours/policies/", headers={"HX-Request": "true", "HX-Target": "policy-table"})

    assert table.content.decode().strip().startswith('<div id="policy-table"')
    assert "serving" in text(table)


def test_curves_come_as_columns_with_gaps_where_a_step_lacks_a_value(client, cast, run, attempt_at):
    attempt = attempt_at(run)
    steps = [(1, {"loss": 0.7, "kl": 0.0}), (2, {"loss": 0.6})]
    bookkeeping.record_metrics(run_id=run.pk, attempt=attempt, stage=Stage.POLICY, steps=steps)

    response = page(client, cast.alice, f"/p/colours/runs/{run.pk}/curves/")

    assert response.json() == {
        "state": "running",
        "stages": {"policy": {"steps": [1, 2], "values": {"kl": [0.0, None], "loss": [0.7, 0.6]}}},
    }


def test_a_failed_run_shows_its_reason_as_text(client, cast, run, attempt_at):
    attempt = attempt_at(run)
    bookkeeping.fail_run(run_id=run.pk, attempt=attempt, error="<b>no space left</b>", traceback="Traceback: line 1")

    response = page(client, cast.alice, f"/p/colours/runs/{run.pk}/")

    assert "&lt;b&gt;no space left&lt;/b&gt;" in response.content.decode()
    assert "Traceback: line 1" in text(response)


def test_an_admin_stops_a_run(client, cast, run):
    client.force_login(cast.alice)

    client.post(f"/p/colours/runs/{run.pk}/stop/")
    again = client.post(f"/p/colours/runs/{run.pk}/stop/")

    run.refresh_from_db()
    assert run.state == "stopped"
    assert again.status_code == 409


def second_version(run):
    first = Policy.objects.get(version=1)
    fields = {"parent": first, "run": run, "method": "dpo", "path": "p", "digest": "0" * 64}
    return Policy.objects.create(project_id=run.project_id, version=2, **fields)


def test_an_admin_promotes_a_version_and_rolls_back(client, cast, run):
    second_version(run)
    client.force_login(cast.alice)

    client.post("/p/colours/policies/2/promote/")
    promoted = text(client.get("/p/colours/policies/"))
    client.post("/p/colours/policies/1/promote/")

    assert "Roll back" in promoted
    assert list(Policy.objects.filter(is_serving=True).values_list("version", flat=True)) == [1]


def test_a_version_that_does_not_exist_is_not_found(client, cast, run):
    client.force_login(cast.alice)

    assert client.post("/p/colours/policies/9/promote/").status_code == 404


def test_samples_of_two_versions_stand_side_by_side_as_text(client, cast, run):
    policies = [Policy.objects.get(version=1), second_version(run)]
    prompt = cast.items[0].prompt_id
    rows = [
        {"policy": policy, "text": f"<i>written by {policy.version}</i>", "ended": True, "logprob": -3.0}
        for policy in policies
    ]
    bookkeeping.store_samples(project_id=cast.project.pk, prompt_id=prompt, samples=rows)

    response = page(client, cast.rita, f"/p/colours/policies/samples/?prompt={prompt}&version=1&version=2")

    shown = response.content.decode()
    assert shown.index("&lt;i&gt;written by 1") < shown.index("&lt;i&gt;written by 2")
    assert "<i>written" not in shown
    assert "once more" not in shown


def test_a_prompt_of_another_project_has_no_samples_here(client, cast, run):
    [foreign], _ = add_prompts(project=cast.other_project, prompts=["Who are you?"])
    client.force_login(cast.alice)

    assert client.get(f"/p/colours/policies/samples/?prompt={foreign.pk}").status_code == 404
    form = {"prompt": foreign.pk, "version": 1}
    assert client.post("/p/colours/policies/samples/write/", form).status_code == 404


def test_an_admin_asks_for_samples_and_comes_back_to_them(client, cast, run):
    client.force_login(cast.alice)
    prompt = cast.items[0].prompt_id

    response = client.post("/p/colours/policies/samples/write/", {"prompt": prompt, "version": [1]})

    assert response["Location"] == f"/p/colours/policies/samples/?prompt={prompt}&version=1"


@pytest.mark.parametrize("path", ["runs/", "policies/"])
def test_a_longer_list_needs_no_more_queries(client, cast, run, path, django_assert_max_num_queries):
    client.force_login(cast.alice)
    client.get(f"/p/colours/{path}")

    def queries():
        with django_assert_max_num_queries(30) as counted:
            client.get(f"/p/colours/{path}")
        return len(counted)

    one = queries()
    for number in (2, 3, 4):
        more = services.create_run(project_id=cast.project.pk)
        fields = {"run": more, "method": "dpo", "path": "p", "digest": "0" * 64}
        Policy.objects.create(project=cast.project, version=number, parent=Policy.objects.get(version=1), **fields)

    assert queries() <= one + 1


@pytest.mark.parametrize("path", [path for path in READ if path != "runs/{run}/curves/"])
def test_no_page_has_inline_script_or_style(client, cast, run, path):
    shown = page(client, cast.alice, address(path, run)).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", shown)


def test_what_a_run_was_trained_on_gets_a_name_whatever_came_after_it(client, cast):
    last = judge(cast.project, cast.bob)
    run = services.create_run(project_id=cast.project.pk, start=False)
    Run.objects.filter(pk=run.pk).update(snapshot_digest="0" * 64)
    here = f"/p/colours/runs/{run.pk}/"

    before = page(client, cast.rita, here).content.decode()
    judge(cast.project, cast.bob)
    sent = dict(re.findall(r'name="(name|up_to)" value="([^"]*)"', before))
    taken = client.post("/p/colours/take-snapshot/", sent)
    named = client.get(here).content.decode()
    snapshot = client.get(taken["Location"])
    later = services.create_run(project_id=cast.project.pk, start=False)
    Run.objects.filter(pk=later.pk).update(snapshot_digest="1" * 64)
    other = client.get(f"/p/colours/runs/{later.pk}/").content.decode()

    assert "Name this snapshot" in before
    assert sent == {"name": f"run-{run.pk}", "up_to": str(last.pk)}
    assert Snapshot.objects.get().up_to == last.pk
    assert Snapshot.objects.get().manifest["labels"] == 1
    assert f'href="/p/colours/data/run-{run.pk}/">run-{run.pk}</a>' in named
    assert "Name this snapshot" not in named
    assert snapshot.status_code == 200
    assert "Name this snapshot" in other
    assert f'href="/p/colours/data/run-{run.pk}/"' not in other
