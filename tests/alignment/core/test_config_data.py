from __future__ import annotations

import subprocess
import sys

import pytest

from alignment.core.config import InvalidSetting
from alignment.core.config_data import StarConfig


def test_a_hint_that_gives_no_answer_is_refused():
    with pytest.raises(InvalidSetting, match=r"StarConfig\.hint is 'Think!'; it must contain \{answer\}") as refusal:
        StarConfig(hint="Think!")

    assert refusal.value.name == "hint"


def test_ranges_are_checked_as_everywhere():
    with pytest.raises(InvalidSetting, match=r"StarConfig\.temperature is -1"):
        StarConfig(temperature=-1.0)


def test_the_settings_load_without_torch():
    program = "import sys, alignment.core.config_data; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
