"""Text, model and judgements for the training benchmark: made once, by the parent."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from alignment.core.records import Judgement, Message
from alignment.core.tiny import CorpusPrompt, TinyConfig, train_tokenizer
from labeling.demo import read_corpus
from labeling.imports import hh

HH_SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "hh-rlhf-harmless-sample.jsonl.gz"
library: Any = transformers


@dataclass(frozen=True)
class Shape:
    """A Llama with random weights. The default has 5.3 million parameters, the embeddings once."""

    hidden: int = 256
    inner: int = 688
    layers: int = 4
    heads: int = 4
    vocabulary: int = 8192
    context: int = 512


@dataclass(frozen=True)
class Text:
    """Where the text is from, and prompts with two or more completions each, the best one first."""

    source: str
    prompts: list[CorpusPrompt]


def read_text(*, real: bool) -> Text:
    """hh-rlhf's pairs where a developer's checkout has them beside it (and `real`), else the demo project's corpus."""
    if real and HH_SAMPLE.exists():
        with gzip.open(HH_SAMPLE, "rt", encoding="utf-8") as lines:
            records = [hh.parse(json.loads(line)) for line in lines]
        return Text("hh-rlhf, harmless, a sample", [_prompt(each.messages, each.completions) for each in records])
    rows = [row for row in read_corpus() if len(row.completions) > 1]
    ordered = [sorted(row.completions, key=lambda each: -each.quality) for row in rows]
    prompts = [
        _prompt(row.messages, [each.text for each in best_first]) for row, best_first in zip(rows, ordered, strict=True)
    ]
    return Text("the demo project's corpus", prompts)


def _prompt(messages: Sequence[dict[str, Any]], completions: Sequence[str]) -> CorpusPrompt:
    turns = tuple(Message(turn["role"], turn["content"]) for turn in messages)
    return CorpusPrompt(turns, tuple(completions))


def write_model(folder: Path, *, shape: Shape, text: Text) -> dict[str, Any]:
    """A model folder with a tokenizer of this text; what it is, for the report."""
    tokenizer = train_tokenizer(text.prompts, config=TinyConfig(vocabulary=shape.vocabulary, context=shape.context))
    config = library.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = library.LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "architecture": "llama, random weights",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **asdict(shape),
        "text": text.source,
    }


def rankings(text: Text, *, count: int, size: int, seed: int) -> list[Judgement]:
    """Rankings of `size` completions without ties.

    A prompt's own completions in their order, then completions of other prompts at random: real prompts, real lengths.
    """
    chooser = random.Random(f"{seed}/{size}")
    everything = [completion for prompt in text.prompts for completion in prompt.completions]
    found = []
    for number, prompt in enumerate(chooser.sample(text.prompts, count)):
        own = list(dict.fromkeys(prompt.completions))[:size]
        while len(own) < size:
            other = chooser.choice(everything)
            own += [other] if other not in own else []
        ranks = tuple(range(1, size + 1))
        found.append(Judgement(prompt=prompt.messages, completions=tuple(own), ranks=ranks, id=str(number)))
    return found
