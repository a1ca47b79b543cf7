from __future__ import annotations

import pytest
from factories import claim, make_cast

from labeling.models import Slot
from labeling.services.preferences import set_preferences
from labeling.services.topics import set_topics


@pytest.fixture
def cast(db):
    return make_cast(num_items=2)


def test_what_a_person_chose_is_stored_for_them_alone(cast):
    set_preferences(user=cast.bob, language="de", opted_out=["hate", "sexual"], break_minutes=0)

    cast.bob.refresh_from_db()
    cast.dora.refresh_from_db()
    assert (cast.bob.language, cast.bob.opted_out, cast.bob.break_minutes) == ("de", ["sexual", "hate"], 0)
    assert (cast.dora.language, cast.dora.opted_out, cast.dora.break_minutes) == ("", [], 50)


def test_opting_out_gives_back_what_is_held_of_the_topic_with_its_draft_and_nothing_else(cast):
    held = claim(cast.project, cast.bob)
    other = claim(cast.project, cast.dora)
    for assignment in (held, other):
        set_topics(prompt=assignment.item.prompt, topics=["hate"])
    held.draft = {"notes": "half a thought"}
    held.save(update_fields=["draft"])

    set_preferences(user=cast.bob, language="", opted_out=["hate"], break_minutes=50)

    held.refresh_from_db()
    assert held.draft == {"notes": "half a thought"}
    assert not Slot.objects.filter(assignment=held).exists()
    assert Slot.objects.filter(assignment=other).exists()
