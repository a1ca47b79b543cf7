"""The page and the endpoint of asking: who reaches them, what they say, and what they change."""

from __future__ import annotations

import re

import pytest
from factories import api_client, make_cast, make_item

from alignment import services
from alignment.models import LoopSettings, RewardModel, Run
from labeling import exchange
from labeling.models import Item
from labeling.services.freshness import let_go
from labeling.services.prompts import add_prompts

pytestmark = pytest.mark.django_db
PAGE, ADDRESS = "/p/colours/loop/asking/", "/api/v1/projects/colours/asking/"
SETTINGS = {
    "rule": "bai_ts",
    "random_share": 0.2,
    "candidates": 8,
    "prompts_considered": 2,
    "past_versions": 1,
    "newest_writes": True,
    "sft_writes": True,
    "stale_after": 2,
}


@pytest.fixture
def cast():
    cast = make_cast(num_items=1)
    services.ensure_loop(project_id=cast.project.pk)
    return cast


def page(client, user):
    client.force_login(user)
    return client.get(PAGE)


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def ask(cast, number: int, *, is_random: bool):
    [prompt], _ = add_prompts(project=cast.project, prompts=[f"Number {number}?"])
    chosen = exchange.Chosen(rule="dts", propensity=0.5, random_propensity=0.1, is_random=is_random)
    group = [exchange.Sampled(prompt=prompt.pk, text=each, logprob=-1.0, sampling={}) for each in ("a", "b")]
    exchange.add_completions(project_id=cast.project.pk, policy_version=1, sampled=[group], chosen=[chosen])


def make_reward_model(cast, members: int):
    run = Run.objects.create(project=cast.project, method="rm", trigger="person", config={}, code_version="0")
    RewardModel.objects.create(
        project=cast.project,
        run=run,
        number=3,
        members=members,
        is_current=True,
        path="reward_models/3",
        digest="0" * 64,
        base_digest="0" * 64,
    )


def test_admins_and_researchers_see_the_page_annotators_strangers_and_visitors_do_not(client, cast):
    statuses = [page(client, user).status_code for user in (cast.alice, cast.rita, cast.bob, cast.charlie)]
    client.logout()
    visitor = client.get(PAGE)

    assert statuses == [200, 200, 403, 404]
    assert (visitor.status_code, visitor["Location"][:13]) == (302, "/login/?next=")


def test_the_page_says_who_writes_what_is_open_of_each_rule_and_how_many_left(client, cast):
    ask(cast, 1, is_random=False)
    ask(cast, 2, is_random=True)
    ask(cast, 3, is_random=False)
    make_item(cast.project, prompt="Old?", policy_version=9)
    let_go(project=cast.project, versions=[9])

    shown = text(page(client, cast.rita))

    assert "there is no reward model yet. From the first one on: a likely best one and the most informative" in shown
    assert "version 1 it serves 8" in shown
    assert "double Thompson sampling no 2 by no rule: imported, or by hand no 1" in shown
    assert "double Thompson sampling yes 1" in shown
    assert "Left the queue, out of date 1" in shown
    assert "How it is chosen" not in shown  # a researcher changes nothing


def test_what_is_asked_is_read_by_itself_while_people_judge(client, cast):
    client.force_login(cast.rita)

    part = client.get(PAGE, headers={"HX-Request": "true", "HX-Target": "asking"})

    assert "<html" not in part.content.decode()
    assert "In the queue" in text(part)
    assert "How it is chosen" not in text(part)


@pytest.mark.parametrize(
    ("members", "rule", "said"),
    [
        (1, "dts", "reward model 3 has one member and knows no doubt"),
        (4, "dts", "Chosen by the 4 members of reward model 3: double Thompson sampling."),
        (4, "random", "Everything is chosen at random, as it is set."),
    ],
)
def test_the_page_says_which_rule_is_in_force_and_why(client, cast, members, rule, said):
    make_reward_model(cast, members)
    LoopSettings.objects.update(rule=rule)

    assert said in text(page(client, cast.alice))


def test_an_admin_changes_it_on_the_page_and_what_cannot_be_is_said_at_its_field(client, cast):
    client.force_login(cast.alice)
    sent = {**SETTINGS, "rule": "dts", "newest_writes": "on", "sft_writes": "on"}

    refused = client.post(PAGE, {**sent, "random_share": "0"})
    saved = client.post(PAGE, sent)

    assert refused.status_code == 422
    assert "greater than or equal to 0.05" in text(refused)
    assert (saved.status_code, saved["Location"]) == (302, PAGE)
    assert LoopSettings.objects.get(pk=cast.project.pk).rule == "dts"
    client.force_login(cast.rita)
    assert client.post(PAGE, sent).status_code == 403


def test_the_page_costs_the_same_for_one_item_and_for_fifty(client, cast, django_assert_max_num_queries):
    client.force_login(cast.rita)
    with django_assert_max_num_queries(40) as first:
        client.get(PAGE)
    for number in range(50):
        ask(cast, number, is_random=False)

    with django_assert_max_num_queries(40) as second:
        client.get(PAGE)

    assert len(second) == len(first)


def test_the_endpoint_tells_and_changes_the_same(cast):
    ask(cast, 1, is_random=True)

    before = api_client(cast.rita).get(ADDRESS).json()
    changed = api_client(cast.alice).patch(ADDRESS, {"rule": "d_optimal", "candidates": 4}, format="json")

    assert before == {
        **SETTINGS,
        "rule_in_force": "random",
        "why_random": "no_reward_model",
        "reward_model": None,
        "pool": [{"version": 1, "part": "serving", "completions": 8}],
        "open": [
            {"rule": "", "is_random": False, "items": 1},
            {"rule": "dts", "is_random": True, "items": 1},
        ],
        "has_more": False,
        "left": 0,
    }
    assert changed.json()["rule"] == "d_optimal"
    assert changed.json()["pool"] == [{"version": 1, "part": "serving", "completions": 4}]


@pytest.mark.parametrize(
    ("body", "field"), [({"random_share": 0}, "random_share"), ({"rule": "coin"}, "rule"), ({"chance": 1}, "chance")]
)
def test_what_cannot_be_is_refused_by_name(cast, body, field):
    refused = api_client(cast.alice).patch(ADDRESS, body, format="json")

    assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])


def test_only_those_who_may_reach_the_endpoint(cast):
    people = (cast.bob, cast.rita, cast.charlie, None)

    read = [api_client(user).get(ADDRESS).status_code for user in people]
    changed = [api_client(user).patch(ADDRESS, {}, format="json").status_code for user in people]

    assert read == [403, 200, 404, 401]
    assert changed == [403, 403, 404, 401]


def test_a_long_queue_says_that_not_all_was_counted(cast):
    for number in range(3):
        ask(cast, number, is_random=False)

    counted, has_more = exchange.open_items(cast.project.pk, most_slots=2)
    everything, none = exchange.open_items(cast.project.pk, most_slots=4)

    assert (sum(each.items for each in counted), has_more) == (3, True)
    assert (sum(each.items for each in everything), none) == (4, False)
    assert Item.objects.count() == 4


def test_a_copied_project_asks_in_the_same_way(cast):
    from alignment.copying import copy_loop

    LoopSettings.objects.update(rule="bald", stale_after=0)

    copy_loop(cast.project.pk, cast.other_project.pk)

    copied = LoopSettings.objects.get(pk=cast.other_project.pk)
    assert (copied.rule, copied.stale_after) == ("bald", 0)
