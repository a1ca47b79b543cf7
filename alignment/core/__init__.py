"""Language-model policies from human judgements: usable by itself, without Django and without a web app.

Names are loaded when they are asked for, so that `alignment.core.records` and `.config` need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "alignment.core.answers": ("behind", "majority"),
    "alignment.core.backbone": ("Backbone", "LoraConfig"),
    "alignment.core.sampling.completion_server": ("CompletionServer", "ServerError"),
    "alignment.core.config": (
        "DirectConfig",
        "InvalidSetting",
        "LoraSettings",
        "NashMDConfig",
        "PPOConfig",
        "PreferenceModelConfig",
        "ReinforceConfig",
        "RewardModelConfig",
        "SFTConfig",
        "TrainerConfig",
    ),
    "alignment.core.config_data": (
        "BestOfNConfig",
        "JudgeConfig",
        "RejectionConfig",
        "SelfConsistencyConfig",
        "StarConfig",
    ),
    "alignment.core.judge": ("Judge",),
    "alignment.core.methods.best_of_n": ("collect_accepted", "collect_best"),
    "alignment.core.methods.direct": ("Direct",),
    "alignment.core.methods.model_files": ("load_model", "save_model"),
    "alignment.core.methods.nash": ("NashMD",),
    "alignment.core.methods.ppo": ("PPO",),
    "alignment.core.methods.preference_model": ("PreferenceModel",),
    "alignment.core.methods.reinforce": ("Reinforce",),
    "alignment.core.methods.reward_model": ("RewardModel",),
    "alignment.core.methods.sft": ("SupervisedFineTuning",),
    "alignment.core.methods.self_improvement": ("collect_agreed", "collect_right"),
    "alignment.core.records": ("Comparison", "Demonstration", "Judgement", "Message", "Problem", "Prompt"),
    "alignment.core.rollout": ("LocalSampler", "sample"),
    "alignment.core.sampling.server_sampling": ("ServedAdapter", "ServerSampler"),
    "alignment.core.trainer": ("NonFiniteLoss", "RunResult", "Step", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'alignment.core' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
