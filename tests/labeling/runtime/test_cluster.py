from __future__ import annotations

import pytest

from labeling.runtime.cluster import require_free_space
from labeling.runtime.errors import StartError


def test_a_full_disk_is_named_with_what_is_needed(tmp_path):
    pebibyte_in_mebibytes = 2**30

    with pytest.raises(
        StartError, match=rf"The disk of {tmp_path} has \d+ MiB left .* needs {pebibyte_in_mebibytes} MiB"
    ):
        require_free_space(tmp_path, 2**50)


def test_enough_room_passes(tmp_path):
    require_free_space(tmp_path, 1)
