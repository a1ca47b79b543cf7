from __future__ import annotations

import pytest

from alignment.core.config import TrainerConfig
from alignment.core.running.schedule import batch_at, learning_rate_factor, step_generator, total_steps


def test_an_epoch_shows_each_example_once_in_an_order_that_the_seed_decides():
    config = TrainerConfig(epochs=1, batch_size=4, seed=3)

    epoch = [batch_at(config, step=step, count=10) for step in range(total_steps(config, count=10))]

    assert [len(batch) for batch in epoch] == [4, 4, 2]
    assert sorted(index for batch in epoch for index in batch) == list(range(10))
    assert epoch[0] == batch_at(config, step=0, count=10)
    assert epoch[0] != batch_at(TrainerConfig(epochs=1, batch_size=4, seed=4), step=0, count=10)


def test_the_second_epoch_has_another_order():
    config = TrainerConfig(epochs=2, batch_size=50)

    first, second = (batch_at(config, step=step, count=50) for step in range(2))

    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_a_batch_larger_than_the_data_is_the_data():
    config = TrainerConfig(steps=2, batch_size=64)

    assert sorted(batch_at(config, step=1, count=5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("epochs", "steps"), [(0.5, 2), (1.0, 3), (1.5, 4)])
def test_parts_of_epochs_are_rounded_up_to_steps(epochs, steps):
    assert total_steps(TrainerConfig(epochs=epochs, batch_size=4), count=10) == steps


def test_the_linear_schedule_warms_up_and_falls_to_zero_after_the_last_step():
    config = TrainerConfig(schedule="linear", warmup_steps=1)

    factors = [learning_rate_factor(config, step=step, total=5) for step in range(5)]

    assert factors == [0.5, 1.0, 0.75, 0.5, 0.25]


def test_the_cosine_schedule_is_at_half_in_the_middle():
    config = TrainerConfig(schedule="cosine")

    assert learning_rate_factor(config, step=2, total=4) == pytest.approx(0.5)


def test_every_step_has_a_generator_of_its_own():
    states = {step_generator(seed=seed, step=step).initial_seed() for seed in range(5) for step in range(5)}

    assert len(states) == 25
