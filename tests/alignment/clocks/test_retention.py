"""Which files are collected, and which never."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils import timezone

from alignment import services
from alignment.clocks.retention import collect
from alignment.models import BlindEvaluation, Policy, Promotion, RewardModel, Run
from alignment.seeing.event_log import EventLog
from labeling.errors import Invalid
from labeling.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keep_one(past):
    services.change_loop(project_id=past.project.pk, keep_policies=1)


def stored(past):
    folder = past.data / "policies" / past.project.slug
    return sorted(int(each.name) for each in folder.iterdir())


def test_the_newest_versions_stay_and_the_rows_of_all(past):
    for _ in range(4):
        past.version()
    services.change_loop(project_id=past.project.pk, keep_policies=2)

    found = collect(past.project.pk)

    assert sorted(found.versions) == [2, 3]
    assert stored(past) == [4, 5]
    removed = Policy.objects.filter(removed__isnull=False).values_list("version", flat=True)
    assert sorted(removed) == [2, 3]
    assert AuditEntry.objects.get(action="files.removed").after == {
        "versions": [3, 2],
        "reward_models": [],
        "preference_models": [],
    }


def test_what_served_its_parents_and_what_waits_for_a_decision_stays(past):
    grandparent = past.version()
    parent = past.version(parent=grandparent)
    served = past.version(parent=parent, promoted=timezone.now())
    tuned = past.version(method="sft")
    candidate = past.version()
    asked = past.version()
    past.version()
    past.version()
    base = Policy.objects.get(project=past.project, version=1)
    Promotion.objects.create(
        project=past.project, candidate=candidate, against=served, alpha=0.05, most_pairs=100, seed=1
    )
    BlindEvaluation.objects.create(project=past.project, policy=asked, against=base, num_prompts=5, overlap=1, seed=1)
    used = past.version()
    past.run("dpo", state="queued", parent=used)
    past.version()

    found = collect(past.project.pk)

    kept = [each.version for each in (grandparent, parent, served, tuned, candidate, asked, used)]
    assert sorted(found.versions) == [8, 9]
    assert stored(past) == [*kept, 11]


def test_the_current_reward_model_and_those_that_rewarded_what_is_kept_stay(past):
    rewarded, current, old, newest = [past.reward_model(is_current=number == 1) for number in range(4)]
    past.version(run=past.run("dpo", rewarded_by=rewarded))

    found = collect(past.project.pk)

    assert found.reward_models == (old.number,)
    left = RewardModel.objects.filter(removed__isnull=True).order_by("number")
    assert list(left) == [rewarded, current, newest]


def test_checkpoints_of_ended_runs_go_and_what_they_learned_from_stays(past):
    ended, going = past.run("dpo"), past.run("dpo", state="running", trigger="person")
    folders = [past.checkpoint(run) for run in (ended, going)]
    for folder in folders:
        (folder / "prompts.json").write_text("[]")
        EventLog(folder).write("policy", [(1, {"loss": 0.5})])

    found = collect(past.project.pk)

    assert found.runs == (ended.pk,)
    assert [(folder / "policy").exists() for folder in folders] == [False, True]
    for name in ("snapshot.jsonl.gz", "prompts.json", "tensorboard/events.out.tfevents.0000000000.prefloop"):
        assert all((folder / name).is_file() for folder in folders)
    assert Run.objects.get(pk=ended.pk).removed is not None


def test_preference_models_go_but_the_newest_and_those_that_taught_what_is_kept(past):
    taught = past.preference_model(run=past.run("nash_md"))
    past.version(run=taught, promoted=timezone.now())
    old, stopped = past.preference_model(), past.preference_model(run=past.run("pm", state="stopped"))
    going = past.preference_model(run=past.run("nash_md", state="running", trigger="person"))
    newest = past.preference_model()

    found = collect(past.project.pk)
    again = collect(past.project.pk)

    assert sorted(found.preference_models) == [old.pk, stopped.pk]
    assert not again
    folder = past.data / "preference_models" / past.project.slug
    assert sorted(int(each.name) for each in folder.iterdir()) == [taught.pk, going.pk, newest.pk]
    old.refresh_from_db()
    assert old.results["preference_model"].keys() == {"path", "loss", "removed"}
    remembered = AuditEntry.objects.get(action="files.removed").after or {}
    assert remembered["preference_models"] == [stopped.pk, old.pk]


def test_a_second_time_there_is_nothing_to_remove_but_what_a_killed_process_left(past):
    first = past.version()
    past.version()
    collect(past.project.pk)
    left = past.data / first.path
    left.mkdir()

    assert not collect(past.project.pk)
    assert not left.exists()


def test_a_dry_run_says_what_it_would_do_and_does_nothing(past, capsys):
    past.version()
    past.version()

    call_command("collect_files", "--project", past.project.slug, "--dry-run")

    said = "colours: 1 versions, 0 reward models, 0 preference models, checkpoints of 2 runs, 0.0 MB (kept)"
    assert capsys.readouterr().out.strip() == said
    assert stored(past) == [2, 3]
    assert not Policy.objects.filter(removed__isnull=False).exists()


def test_other_projects_keep_theirs(cast, past):
    past.version()
    past.version()

    assert not collect(cast.other_project.pk)
    assert stored(past) == [2, 3]


def test_a_version_without_files_writes_no_samples_and_its_page_offers_no_promotion(client, cast, past):
    past.version()
    past.version()
    collect(past.project.pk)
    client.force_login(cast.alice)

    page = client.get("/p/colours/policies/").content.decode()

    with pytest.raises(Invalid, match=r"versions are \[2\]"):
        services.request_samples(project_id=cast.project.pk, prompt_id=cast.items[0].prompt_id, versions=[2])
    assert page.count("files removed") == 1
    assert "/policies/2/promote/" not in page
    assert "/policies/3/promote/" in page
