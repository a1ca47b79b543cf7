from __future__ import annotations

import pytest

from labeling.runtime.gpus import num_gpus


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, 2),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0, 1"}, 2),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, 2),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 0),
    ],
)
def test_the_drivers_gpus_are_counted_unless_they_are_hidden(tmp_path, environment, expected):
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:02:00.0").mkdir()

    assert num_gpus(environment, driver=tmp_path) == expected


def test_a_machine_without_a_driver_has_none(tmp_path):
    assert num_gpus({}, driver=tmp_path / "missing") == 0
