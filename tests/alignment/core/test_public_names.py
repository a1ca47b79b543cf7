from __future__ import annotations

import subprocess
import sys

import pytest

import alignment.core


@pytest.mark.parametrize("name", alignment.core.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(alignment.core, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = alignment.core.Trainer


def test_the_package_and_its_settings_load_without_torch():
    program = "import sys, alignment.core; from alignment.core import PPOConfig; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
