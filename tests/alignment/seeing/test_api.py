"""Over HTTP: the leaderboard and the table of flags."""

from __future__ import annotations

import pytest
from factories import api_client

from alignment import bookkeeping, services
from alignment.models import Policy
from labeling.models import Completion, Label, Prompt
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db
PROJECT = "/api/v1/projects/colours/"
READ = [
    f"{PROJECT}leaderboard/",
    f"{PROJECT}flag_rates/",
    f"{PROJECT}lineage/completions/{{completion}}/",
    f"{PROJECT}lineage/labels/{{label}}/",
    f"{PROJECT}watch/",
]


@pytest.mark.parametrize("address", READ)
def test_each_role_reaches_what_it_may(compared, address):
    address = address.format(completion=Completion.objects.first().pk, label=Label.objects.get().pk)
    people = (compared.alice, compared.rita, compared.bob, compared.charlie, None)

    statuses = [api_client(user).get(address).status_code for user in people]

    assert statuses == [200, 200, 403, 404, 401]


def test_everybody_who_judges_sees_in_which_version_their_judgements_are(compared):
    Prompt.objects.update(held_out=False)
    clients = [api_client(user) for user in (compared.bob, compared.dora)]
    before = [client.get(f"{PROJECT}my_part/").json() for client in clients]
    run = services.create_run(project_id=compared.project.pk, start=False)
    fields = {"method": "dpo", "path": "p", "digest": "b" * 64, "parent": Policy.objects.get(version=1)}
    Policy.objects.create(project=compared.project, version=12, run=run, **fields)

    after = [client.get(f"{PROJECT}my_part/").json() for client in clients]
    refused = [api_client(user).get(f"{PROJECT}my_part/").status_code for user in (compared.charlie, None)]

    nothing = {"version": None, "is_serving": False, "num": 0}
    assert before == [nothing, nothing]
    assert after == [{"version": 12, "is_serving": False, "num": 1}, nothing]
    assert refused == [404, 401]


def test_the_leaderboard_tells_who_won_against_whom(compared):
    found = api_client(compared.rita).get(f"{PROJECT}leaderboard/").json()

    first, second = found["entries"]
    assert (found["basis"], found["length_controlled"], found["num"], found["nu"]) == ("all", False, 1, 0.0)
    assert found["is_weighed"] is False
    assert found["reference"] == {"origin": "policy", "name": "policy-1", "version": 1, "is_model": False}
    assert {first["writer"]["version"], second["writer"]["version"]} == {1, 2}
    assert first["wins"] == second["losses"] == 1
    other = next(each for each in found["entries"] if each["writer"]["version"] == 2)
    assert other["against"]["base"]["direct"]["num"] == 1
    assert other["against"]["base"]["low"] < 0.5 < other["against"]["base"]["high"]


def test_the_board_is_chosen_and_what_there_is_none_of_is_refused(compared):
    client = api_client(compared.rita)

    fair = client.get(f"{PROJECT}leaderboard/", {"basis": "fair", "length_controlled": "true"})
    wrong = client.get(f"{PROJECT}leaderboard/", {"basis": "best"})

    assert (fair.json()["entries"], fair.json()["length_controlled"]) == ([], True)
    assert wrong.status_code == 400
    assert '"best" is not a valid choice' in str(wrong.json())


def test_flags_have_counts_and_intervals(compared):
    found = api_client(compared.alice).get(f"{PROJECT}flag_rates/").json()

    base = found["results"][0]
    assert (base["writer"]["version"], base["judged"], base["prompts"]) == (1, 1, 1)
    assert [each["flag"] for each in base["flags"]] == compared.project.flags
    assert (base["flags"][0]["raised"], base["flags"][0]["share"]) == (0, 0.0)
    assert 0.5 < base["flags"][0]["high"] < 1


def test_where_nobody_judged_there_is_an_empty_board(compared):
    add_prompts(project=compared.other_project, prompts=["Three?"])
    client = api_client(compared.charlie)

    board = client.get("/api/v1/projects/other-colours/leaderboard/").json()
    flags = client.get("/api/v1/projects/other-colours/flag_rates/").json()

    assert (board["entries"], board["reference"], board["label"]) == ([], None, 0)
    assert flags["results"] == []


def test_lineage_goes_both_ways(compared):
    client = api_client(compared.rita)
    label = Label.objects.get()

    forward = client.get(f"{PROJECT}lineage/labels/{label.pk}/").json()
    back = client.get(f"{PROJECT}lineage/completions/{forward['said'][0]['completion']}/").json()

    assert (forward["moved"], forward["num_moved"], forward["is_learned_from"]) == ([], 0, True)
    assert {each["policy_version"] for each in forward["said"]} == {1, 2}
    assert back["judgements"][0]["label"] == label.pk
    assert back["judgements"][0]["annotator"] == forward["annotator"]
    assert back["chosen"] == [{"rule": "", "propensity": None}]


def test_a_run_is_repeated_by_admins_when_it_has_ended(compared, attempt_at):
    run = services.create_run(project_id=compared.project.pk, start=False)
    address = f"/api/v1/runs/{run.pk}/repeat/"
    early = api_client(compared.alice).post(address, format="json")
    bookkeeping.stop_run(run_id=run.pk, attempt=attempt_at(run))

    others = [api_client(user).post(address, format="json").status_code for user in (compared.rita, compared.charlie)]
    again = api_client(compared.alice).post(address, format="json")

    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    assert others == [403, 404]
    assert (again.status_code, again.json()["repeats"], again.json()["state"]) == (201, run.pk, "queued")


def test_the_loop_is_watched_over_http(compared):
    found = api_client(compared.rita).get(f"{PROJECT}watch/").json()

    assert [part["code"] for part in found["parts"]] == ["writes", "queue", "judges", "reward", "training", "gate"]
    assert (found["new_judgements"], found["judgements_per_refresh"], found["over_optimised"]) == (1, 50, None)
    assert "worker_away" in {alert["code"] for alert in found["alerts"]}
