from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment.core.backbone import Backbone, LoraConfig
from tests.tiny_models import save_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model of an architecture, made once."""
    root = tmp_path_factory.mktemp("models")

    def folder(architecture: str) -> Path:
        place: Path = root / architecture
        return place if place.exists() else save_model(place, architecture=architecture)

    return folder


@pytest.fixture
def load_backbone(model_folder: Callable[[str], Path]) -> Callable[..., Backbone]:
    """A backbone on a tiny model, on the CPU: ``load_backbone("gpt2", lora=None)``."""

    def load(architecture: str = "gpt2", **options: Any) -> Backbone:
        settings: dict[str, Any] = {"device": "cpu", "lora": LoraConfig(rank=4, alpha=8.0)} | options
        return Backbone.load(model_folder(architecture), **settings)

    return load


@pytest.fixture
def tiny_backbone(load_backbone: Callable[..., Backbone]) -> Backbone:
    """GPT-2 (learned positions) with LoRA."""
    return load_backbone("gpt2")
