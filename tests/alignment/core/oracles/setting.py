"""A model, adapters and judgements that are the same for our methods and for the peer that they are compared with.

Weights come from a formula, so that no random number generator has to agree.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.records import Judgement, Message
from tests.tiny_models import EOS, VOCABULARY, build_tokenizer, tiny_config

PAD = "<pad>"
POLICY, REWARD = "policy", "reward"
HEAD_FREQUENCY = 1.9
ASKED = [
    (Message("user", "tell me why"),),
    (Message("user", "what is a good name"),),
    (Message("user", "hi"), Message("assistant", "hello"), Message("user", "why")),
]
RENDERED = [
    "<prompt>tell me why</prompt><answer>",
    "<prompt>what is a good name</prompt><answer>",
    "<prompt>hi</prompt><answer>hello</answer><prompt>why</prompt><answer>",
]
"""The prompts as our template writes them, for a peer that takes texts."""
THREE, SECOND_WINS, TURNS = JUDGED = [
    Judgement(prompt=ASKED[0], completions=("the quick brown fox", "a dog", "why not"), ranks=(1, 2, 3)),
    Judgement(prompt=ASKED[1], completions=("boat", "the lazy small red boat"), ranks=(2, 1)),
    Judgement(prompt=ASKED[2], completions=("I am a fox", "over the dog"), ranks=(1, 2)),
]
PAIRS = [
    (RENDERED[0], "the quick brown fox", "a dog"),
    (RENDERED[0], "the quick brown fox", "why not"),
    (RENDERED[0], "a dog", "why not"),
    (RENDERED[1], "the lazy small red boat", "boat"),
    (RENDERED[2], "I am a fox", "over the dog"),
]
"""Prompt, chosen and rejected: the comparisons of the judgements, in their order, the first three of the first one."""
RATED = [(0, "a dog", 7), (1, "boat", 1), (2, "over the dog", 6), (0, "why not", 2), (1, "a red name", 5)]
"""Number of the prompt, a completion of it, and its rating."""


def fill(tensor: torch.Tensor, *, frequency: float, number: int, size: float) -> None:
    """size sin(frequency n^2 + 1.3 number) at the flat index n."""
    places = torch.arange(tensor.numel(), dtype=torch.float64)
    with torch.no_grad():
        tensor.copy_((size * torch.sin(frequency * places * places + 1.3 * number)).reshape(tensor.shape))


def save_base(folder: Path) -> Path:
    """GPT-2 of two layers and 32 dimensions with a byte-level tokenizer that has a pad and no BOS."""
    model = AutoModelForCausalLM.from_config(tiny_config("gpt2", vocabulary=VOCABULARY))
    for number, (_, parameter) in enumerate(sorted(model.named_parameters())):
        fill(parameter, frequency=0.9, number=number, size=0.6)
    model.save_pretrained(folder)
    tokenizer = build_tokenizer(special=(EOS, PAD))
    tokenizer.pad_token = PAD
    tokenizer.save_pretrained(folder)
    return folder


def open_backbone(folder: Path) -> Backbone:
    """The base with an adapter for the policy and one for the reward."""
    backbone = Backbone.load(folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    for name, frequency in ((POLICY, 0.7), (REWARD, 1.1)):
        backbone.add_adapter(name)
        for number, (_, parameter) in enumerate(sorted(backbone.named_parameters(name).items())):
            fill(parameter, frequency=frequency, number=number, size=0.25)
    return backbone


def fill_head(weight: torch.Tensor) -> None:
    """The weights of a reward head, (1, d)."""
    fill(weight, frequency=HEAD_FREQUENCY, number=0, size=1.5)
