"""The clocks by API."""

from __future__ import annotations

import pytest
from factories import api_client, judge

from alignment.models import RewardModel, Run

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/projects/colours/"
READ, WRITE = ["loop/clocks/", "reward_models/"], ["loop/refresh/", "loop/train/", "reward_models/1/use/"]


@pytest.mark.parametrize("path", READ)
def test_admins_and_researchers_read_it(cast, past, path):
    past.reward_model()
    people = (cast.alice, cast.rita, cast.bob, cast.charlie, None)

    assert [api_client(user).get(ADDRESS + path).status_code for user in people] == [200, 200, 403, 404, 401]


@pytest.mark.parametrize("path", WRITE)
def test_only_admins_steer(cast, past, path):
    past.reward_model()

    statuses = [api_client(user).post(ADDRESS + path).status_code for user in (cast.rita, cast.bob, cast.charlie, None)]

    assert statuses == [403, 403, 404, 401]
    assert Run.objects.count() == 1


def test_each_clock_says_what_it_does_next(cast, past):
    past.reward_model(is_current=True)

    clocks = api_client(cast.rita).get(ADDRESS + "loop/clocks/").json()["results"]

    assert [(each["name"], each["state"], each["enabled"], each["run"]) for each in clocks] == [
        ("refresh", "waiting", True, None),
        ("policy", "waiting", True, None),
        ("promotion", "waiting", True, None),
    ]
    assert clocks[0]["next"] == "After 50 more judgements the reward model is refreshed (0 of 50)."
    assert clocks[0]["warning"].startswith("Too few held-out judgements")


def test_runs_are_started_and_a_second_one_is_refused(cast, past):
    judge(cast.project, cast.bob)
    client = api_client(cast.alice)

    refresh, train, again = [client.post(ADDRESS + path) for path in ("loop/refresh/", "loop/train/", "loop/refresh/")]

    assert (refresh.status_code, train.status_code, again.status_code) == (201, 201, 409)
    assert again.json()["code"] == "under_way"
    methods = dict(Run.objects.values_list("pk", "method"))
    assert methods == {refresh.json()["run"]: "rm", train.json()["run"]: "dpo"}


def test_the_reward_model_is_rolled_back(cast, past):
    past.reward_model()
    past.reward_model(is_current=True)

    used = api_client(cast.alice).post(ADDRESS + "reward_models/1/use/")
    listed = api_client(cast.rita).get(ADDRESS + "reward_models/").json()["results"]

    assert (used.status_code, used.json()["number"], used.json()["is_current"]) == (200, 1, True)
    assert [(each["number"], each["is_current"]) for each in listed] == [(2, False), (1, True)]
    assert RewardModel.objects.get(is_current=True).number == 1


def test_fifty_reward_models_need_no_more_queries_than_one(cast, past, django_assert_max_num_queries):
    client = api_client(cast.rita)
    past.reward_model()

    def queries():
        with django_assert_max_num_queries(40) as counted:
            client.get(ADDRESS + "reward_models/")
        return len(counted)

    one = queries()
    for _ in range(49):
        past.reward_model()

    assert queries() == one
