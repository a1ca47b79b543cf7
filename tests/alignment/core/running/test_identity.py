from __future__ import annotations

from alignment.core.running.identity import first_difference


def test_the_first_difference_is_named_by_its_place_with_both_values():
    run = {"method": "ppo", "settings": {"beta": 0.1, "adapter": {"rank": 4}}, "data": "a"}

    assert first_difference(run, run) is None
    assert first_difference(run | {"data": "b"}, run) == ("data", "b", "a")
    other = run | {"settings": {"beta": 0.1, "adapter": {"rank": 8}}}
    assert first_difference(other, run) == ("settings.adapter.rank", 8, 4)


def test_a_setting_that_is_new_or_of_another_kind_is_a_difference():
    assert first_difference({}, {"settings": {"beta": 0.1}}) == ("settings", None, {"beta": 0.1})
    assert first_difference({"settings": 3}, {"settings": {"beta": 0.1}}) == ("settings", 3, {"beta": 0.1})
    assert first_difference({"settings": {}}, {"settings": {"beta": 0.1}}) == ("settings.beta", None, 0.1)
