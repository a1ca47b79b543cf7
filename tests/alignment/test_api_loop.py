"""A project's loop by API."""

from __future__ import annotations

import pytest
from factories import api_client, make_cast

from alignment.models import LoopSettings

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/projects/colours/loop/"


def test_loop_is_read_and_changed():
    cast = make_cast()

    before = api_client(cast.rita).get(ADDRESS)
    changed = api_client(cast.alice).patch(ADDRESS, {"temperature": 0.7, "method": "kto"}, format="json")

    assert before.json() == {
        "enabled": True,
        "refresh_enabled": True,
        "policy_enabled": True,
        "promotion_enabled": True,
        "judgements_per_refresh": 50,
        "refreshes_per_policy": 1,
        "minutes_between_runs": 0,
        "minutes_at_most": None,
        "method": "dpo",
        "start": "base",
        "preset": "small",
        "features": "frozen",
        "members": 32,
        "pessimism": 1.0,
        "kl_budget": 20.0,
        "keep_policies": 10,
        "beta": 0.2,
        "prompts_per_round": 20,
        "temperature": 1.0,
        "max_new_tokens": 64,
        "seed": 0,
    }
    assert changed.json() == {**before.json(), "temperature": 0.7, "method": "kto"}
    assert LoopSettings.objects.get(pk=cast.project.pk).temperature == 0.7


@pytest.mark.parametrize(
    ("body", "field"), [({"temperature": 0}, "temperature"), ({"method": "rm"}, "method"), ({"warmth": 1}, "warmth")]
)
def test_setting_that_can_not_be_is_refused_by_name(body, field):
    cast = make_cast()

    refused = api_client(cast.alice).patch(ADDRESS, body, format="json")

    assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])


def test_only_those_who_may_reach_it():
    cast = make_cast()
    people = (cast.bob, cast.rita, cast.charlie, None)

    assert [api_client(user).get(ADDRESS).status_code for user in people] == [403, 200, 404, 401]
    assert [api_client(user).patch(ADDRESS, {}, format="json").status_code for user in people] == [403, 403, 404, 401]
