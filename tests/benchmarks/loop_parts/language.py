"""The language of the toy worlds as a true transformers model: tokenizer, base model, and policies that write in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

from alignment.core.backbone import Backbone
from alignment.core.records import Message, Prompt
from alignment.core.rollout import Sampled, sample
from alignment.core.tiny import (
    ASSISTANT,
    CHAT_TEMPLATE,
    EOS,
    PAD,
    SYSTEM,
    USER,
    CorpusPrompt,
    TinyConfig,
    train_model,
)

SHAPE = TinyConfig(width=64, inner_width=160, layers=2, heads=4, context=48, epochs=4, batch=8)
"""About 100 thousand parameters."""
MAX_NEW_TOKENS = 16
SAMPLES = 64
"""Plain texts of each prompt that the base model learns from."""

_library: Any = transformers


def to_prompt(text: str) -> Prompt:
    """A prompt of one user turn."""
    return (Message("user", text),)


def make_tokenizer(words: Sequence[str]) -> Any:
    """One token a word, and the marks of turns."""
    special = [PAD, EOS, SYSTEM, USER, ASSISTANT]
    unknown = "<|unknown|>"
    numbers = {word: number for number, word in enumerate([*special, unknown, *words])}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token=unknown))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return _library.PreTrainedTokenizerFast(
        tokenizer_object=model,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=unknown,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        model_max_length=SHAPE.context,
        clean_up_tokenization_spaces=False,
    )


def make_base(corpus: Sequence[tuple[str, Sequence[str]]], folder: Path, *, seed: int) -> Path:
    """Fit the base model, which is the SFT policy and the reference, to plain texts; a transformers folder.

    Args:
        corpus: prompts, each with what was written for it.
    """
    texts = [text for prompt, written in corpus for text in (prompt, *written)]
    tokenizer = make_tokenizer(sorted({word for text in texts for word in text.split()}))
    prompts = [CorpusPrompt(to_prompt(prompt), tuple(written)) for prompt, written in corpus]
    model = train_model(prompts, tokenizer, seed=seed, config=SHAPE)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load(folder: Path) -> Backbone:
    """The base model, with policies and reward models as full copies: so small, they are cheaper than adapters."""
    return Backbone.load(folder, lora=None, device="cpu")


def write(
    backbone: Backbone, prompts: Sequence[str], *, adapter: str | None, completions: int, seed: int
) -> list[list[Sampled]]:
    """Completions of each prompt from the whole distribution of a policy."""
    return sample(
        backbone,
        [to_prompt(prompt) for prompt in prompts],
        adapter=adapter,
        generator=torch.Generator().manual_seed(seed),
        num_completions=completions,
        max_new_tokens=MAX_NEW_TOKENS,
    )


def texts_of(groups: Sequence[Sequence[Sampled]]) -> list[list[str]]:
    """What they say."""
    return [[each.text for each in group] for group in groups]
