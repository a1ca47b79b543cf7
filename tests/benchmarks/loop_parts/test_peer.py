"""Offline DPO through TRL, against our own."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from alignment.core.records import Judgement
from tests.benchmarks.loop_parts import language
from tests.benchmarks.loop_parts.offline import Recipe, dpo

pytestmark = pytest.mark.slow


def test_trl_moves_the_same_texts_the_same_way(tmp_path, monkeypatch):
    from tests.benchmarks.loop_parts import peer

    monkeypatch.setattr(language, "SHAPE", replace(language.SHAPE, epochs=1))
    words, chance = ["red", "blue", "green", "round"], random.Random(0)
    texts = [" ".join(chance.choices(words, k=4)) for _ in range(64)]
    base = language.make_base([("name it", texts)], tmp_path / "base", seed=0)
    backbone = language.load(base)
    judged = [
        Judgement(
            prompt=language.to_prompt("name it"),
            completions=(first, second),
            ranks=(1, 2) if first.count("red") >= second.count("red") else (2, 1),
        )
        for first, second in zip(texts[::2], texts[1::2], strict=True)
        if first != second
    ]
    recipe = Recipe(beta=0.1, lr=1e-3, examples=256)

    dpo(backbone, judged, recipe, adapter="own", seed=1)
    peer.dpo(backbone, judged, recipe, adapter="peer", seed=1, base=base)

    start = dict(language.load(base).decoder().named_parameters())
    moved = {}
    for name in ("own", "peer"):
        now = backbone.named_parameters(name)
        moved[name] = torch.cat([(now[f"model.{part}"] - start[part]).detach().flatten() for part in start])
    own, other = moved["own"], moved["peer"]
    assert float(torch.cosine_similarity(own, other, dim=0)) > 0.95
    assert float(own.norm() / other.norm()) == pytest.approx(1.0, abs=0.1)
