from __future__ import annotations

import subprocess
import sys

import pytest

from alignment.core.config import (
    DirectConfig,
    InvalidSetting,
    LoraSettings,
    PPOConfig,
    RewardModelConfig,
    TrainerConfig,
)


def test_a_number_out_of_range_is_refused_with_its_name_value_and_range():
    with pytest.raises(InvalidSetting) as refusal:
        DirectConfig(beta=-0.1)

    assert str(refusal.value) == "DirectConfig.beta is -0.1; it must be a number above 0"
    assert refusal.value.name == "beta"


def test_an_unknown_loss_is_refused_with_the_losses_that_exist():
    with pytest.raises(InvalidSetting, match=r"DirectConfig\.loss is 'dpoo'; it must be one of dpo, cdpo, robust, ipo"):
        DirectConfig(loss="dpoo")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.1", None, True])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(InvalidSetting, match=r"TrainerConfig\.lr"):
        TrainerConfig(lr=value)


def test_an_optional_setting_may_be_absent_and_its_range_says_so():
    assert PPOConfig(target_kl=None).target_kl is None

    with pytest.raises(InvalidSetting, match="above 0, or nothing"):
        PPOConfig(target_kl=0.0)


def test_a_fraction_is_no_whole_number():
    with pytest.raises(InvalidSetting, match=r"LoraSettings\.rank is 2\.5; it must be a whole number from 1 to 1024"):
        LoraSettings.from_dict({"rank": 2.5})


def test_from_dict_names_the_unknown_key():
    with pytest.raises(InvalidSetting, match="RewardModelConfig has no setting 'merging'") as refusal:
        RewardModelConfig.from_dict({"merging": 1.0})

    assert refusal.value.name == "merging"


def test_settings_survive_the_way_through_a_dictionary():
    settings = TrainerConfig(steps=7, lr=3e-4, checkpoint_folder="runs/1")

    again = TrainerConfig.from_dict(settings.to_dict())

    assert again == settings
    assert settings.to_dict()["steps"] == 7


def test_the_settings_load_without_torch():
    program = "import sys, alignment.core.config, alignment.core.records; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
