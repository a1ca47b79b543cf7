"""Judges whose opinions are known, and the short questions that they are asked."""

from __future__ import annotations

import math
import re
from typing import Any

import torch

from alignment.core.backbone import Backbone
from alignment.core.config_data import JudgeConfig

SHORT: dict[str, Any] = {
    "guidelines": "Be kind.",
    "comparison": "{guidelines}\n{conversation}\nA: {first}\nB: {second}\nBetter?",
    "rating": "{guidelines}\n{conversation}\n> {completion}\nHow good?",
}
CONFIG = JudgeConfig(**SHORT, margin=0.0)


def _places(batch):
    first = batch.index[:, 0]
    return (first // batch.ids.shape[1]).tolist(), (first % batch.ids.shape[1]).tolist()


class PlantedBackbone(Backbone):
    """Its log-probability of a label is what a rule says of the question's text and the label."""

    rule: Any = None
    questions: list[str]

    def logprobs(self, batch, *, temperature=1.0):
        values = torch.zeros(batch.mask.shape)
        self.questions = []
        for n, (row, at) in enumerate(zip(*_places(batch), strict=True)):
            ids = batch.ids[row][: at + 1][batch.allowed()[row, at, : at + 1]]
            question = self.tokenizer.decode(ids).removeprefix("<prompt>").removesuffix("</prompt><answer>")
            label = self.tokenizer.decode(batch.labels[n][batch.mask[n]])
            self.questions.append(question)
            values[n, 0] = self.rule(question.replace("&lt;", "<"), label)
        return values


def completions_in(question):
    return re.search(r"A: (.*)\nB: (.*)\nBetter", question, re.DOTALL).groups()


def quality(text):
    """What a planted judge likes: exclamation marks."""
    return text.count("!")


def likes(*, bias=0.0, strength=1.0):
    """P(A) of the two labels is sigmoid(strength * (quality of A - quality of B) + bias)."""

    def rule(question, label):
        first, second = completions_in(question)
        lead = strength * (quality(first) - quality(second)) + bias
        return math.log(0.8) + math.log(1 / (1 + math.exp(-lead if label == "A" else lead)))

    return rule


def sigmoid(x):
    return 1 / (1 + math.exp(-x))
