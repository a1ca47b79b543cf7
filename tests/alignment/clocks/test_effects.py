"""What a change of the loop's settings does to what is under way, by page and API, before it is done."""

from __future__ import annotations

import pytest
from django.utils.html import strip_tags
from factories import api_client, judge

from alignment import services
from alignment.clocks.effects import effects_of
from alignment.models import LoopSettings

pytestmark = pytest.mark.django_db
PAGE = "/p/colours/loop/settings/"
ENDPOINT = "/api/v1/projects/colours/loop/effects/"


def told(cast, **changes):
    return {effect.setting or effect.clock: effect.text for effect in effects_of(cast.project.pk, changes)}


def as_sent(cast, **changes):
    """The form as a browser sends it, with some fields changed."""
    settings = services.ensure_loop(project_id=cast.project.pk)
    values = {name: getattr(settings, name) for name in services.LOOP_FIELDS} | changes
    given = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: "on" if value is True else value for name, value in given.items()}


def test_what_changes_nothing_does_nothing(cast, past):
    assert told(cast) == {}
    assert told(cast, judgements_per_refresh=50, beta=0.2, keep_policies=10) == {}
    assert told(cast, beta=0.3, keep_policies=3) == {}


def test_a_clock_says_what_it_does_next_under_the_new_settings(cast, past):
    judge(cast.project, cast.bob)

    assert told(cast, judgements_per_refresh=3) == {
        "Reward model": "After 2 more judgements the reward model is refreshed (1 of 3)."
    }
    assert set(told(cast, enabled=False)) == {"Reward model", "Policy"}
    assert told(cast, policy_enabled=False) == {"Policy": "Paused: no policy is trained by itself."}


def test_runs_under_way_go_on_as_they_began(cast, past):
    run = past.run("dpo", state="running")

    text = f"Run {run.pk} is under way and goes on as it began; the next one learns by the new setting."
    assert told(cast, beta=0.4, method="ppo") == {"method": text, "beta": text}


def test_what_waits_in_the_queue_stays_as_it_was_written(cast, past):
    [text] = told(cast, temperature=0.5).values()

    assert text.startswith("What waits in the queue stays as it was written: ")
    assert told(cast, temperature=1.0) == {}


def test_files_that_would_be_removed_are_counted(cast, past):
    for _ in range(4):
        past.version()
        past.reward_model()

    [text] = told(cast, keep_policies=2).values()

    assert text.startswith(
        "The files of these are removed for good after the next run: 2 older versions, 2 older reward models."
    )
    assert told(cast, keep_policies=20) == {}


def test_the_page_asks_first_and_takes_back(cast, past, client):
    client.force_login(cast.alice)
    sent = as_sent(cast, judgements_per_refresh=7, temperature=0.5)

    asked = client.post(PAGE, sent)
    page = strip_tags(asked.content.decode())
    back = client.post(PAGE, {**sent, "back": "1"}).content.decode()
    before = LoopSettings.objects.get(pk=cast.project.pk).judgements_per_refresh
    done = client.post(PAGE, {**sent, "confirmed": "1"})

    assert "What this does" in page
    assert "After 7 more judgements the reward model is refreshed (0 of 7)." in page
    assert "Temperature: 1.0 → 0.5" in page
    assert ('name="judgements_per_refresh" value="7"' in back, before) == (True, 50)
    assert done["Location"] == "/p/colours/loop/"
    assert LoopSettings.objects.get(pk=cast.project.pk).judgements_per_refresh == 7


def test_what_does_nothing_to_what_is_under_way_is_saved_at_once(cast, past, client):
    client.force_login(cast.alice)

    assert client.post(PAGE, as_sent(cast, beta=0.3)).status_code == 302
    assert LoopSettings.objects.get(pk=cast.project.pk).beta == 0.3


def test_the_api_says_the_same_to_admins_and_changes_nothing(cast, past):
    statuses = [api_client(user).post(ENDPOINT, {}, format="json").status_code for user in (cast.rita, cast.charlie)]

    found = api_client(cast.alice).post(ENDPOINT, {"judgements_per_refresh": 7}, format="json").json()

    assert statuses == [403, 404]
    assert found == {
        "effects": [
            {
                "setting": "",
                "clock": "Reward model",
                "text": "After 7 more judgements the reward model is refreshed (0 of 7).",
            }
        ]
    }
    assert LoopSettings.objects.get(pk=cast.project.pk).judgements_per_refresh == 50
