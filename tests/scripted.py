"""A sampler that says what a test tells it to."""

from __future__ import annotations

from typing import Any

from alignment.core.records import Message
from alignment.core.rollout import Sampled
from tests.tiny_models import build_letters_tokenizer

_IDS = build_letters_tokenizer().get_vocab()


def asked(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def sampled(text: str, *, ended: bool = True) -> Sampled:
    """A text of printable ASCII as ids; EOS is 0. What ends with an ellipsis was cut off."""
    if text.endswith("…"):
        text, ended = text[:-1], False
    ids = [_IDS["Ġ" if character == " " else character] for character in text]
    return Sampled(text, (*ids, *([0] if ended else [])), ended, None, (5,))


class ScriptedSampler:
    """Completions by what the last turn says; ``prompts`` and ``settings`` are what it was asked."""

    def __init__(self, completions: dict[str, list[str]]) -> None:
        self.completions = completions
        self.prompts: list[Any] = []
        self.settings: list[Any] = []

    def sample(self, prompts, *, settings, generator):
        self.prompts += prompts
        self.settings.append(settings)
        return [[sampled(text) for text in self.completions[prompt[-1].content]] for prompt in prompts]
