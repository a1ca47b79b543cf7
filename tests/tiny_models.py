"""Tiny models with random weights and a tiny byte-level tokenizer, built here: no download, under a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from alignment.core.backbone import Backbone

ARCHITECTURES = ("gpt2", "llama", "qwen3", "gpt_neox")
CONTEXT = 96
VOCABULARY = 320
EOS = "<|endoftext|>"
CORPUS = ["the quick brown fox jumps over the lazy dog", "what is a good name for a small red boat", "tell me why"]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer(*, special: tuple[str, ...] = (EOS,), eos: str | None = EOS) -> Any:
    """A byte-level BPE tokenizer without pad and BOS."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    build: Any = PreTrainedTokenizerFast
    return build(tokenizer_object=backend, eos_token=eos, clean_up_tokenization_spaces=False)


def tiny_config(architecture: str, *, vocabulary: int = VOCABULARY, **extra: Any) -> Any:
    """A model of 2 layers and 32 dimensions, with every dropout on as some checkpoints have it."""
    ends = {"vocab_size": vocabulary, "bos_token_id": None, "eos_token_id": 0}
    if architecture == "gpt2":
        return AutoConfig.for_model("gpt2", n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=4, **ends | extra)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "attention_dropout": 0.1,
    }
    of_its_own: dict[str, dict[str, Any]] = {
        "gpt_neox": {"hidden_dropout": 0.1},
        "llama": {"num_key_value_heads": 2},
        "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
    }
    return AutoConfig.for_model(architecture, **shape | ends | of_its_own.get(architecture, {}) | extra)


def save_model(
    folder: Path,
    *,
    architecture: str = "gpt2",
    tokenizer: Any = None,
    vocabulary: int = VOCABULARY,
    std: float = 0.3,
    seed: int = 0,
    **extra: Any,
) -> Path:
    """Write a model folder; weights are large enough that a wrong position or mask shows in the second digit."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        factory: Any = AutoModelForCausalLM
        model = factory.from_config(tiny_config(architecture, vocabulary=vocabulary, **extra))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=std)
    model.generation_config.eos_token_id = model.config.eos_token_id
    model.save_pretrained(folder)
    (tokenizer or build_tokenizer()).save_pretrained(folder)
    return folder


def randomise(backbone: Backbone, name: str, *, seed: int = 0, std: float = 0.1) -> None:
    """Give an adapter weights unlike the base's: a fresh one changes nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in backbone.parameters(name):
            parameter.add_(torch.randn(parameter.shape, generator=generator) * std)


def build_letters_tokenizer() -> Any:
    """A token for each printable ASCII character, newline and EOS (0): a text has one tokenization, and keeps it."""
    names = [EOS, "Ġ", *(chr(code) for code in range(33, 127)), "Ċ"]  # space and newline as byte-level models have them
    backend = Tokenizer(models.BPE(vocab={name: number for number, name in enumerate(names)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([EOS])
    build: Any = PreTrainedTokenizerFast
    return build(tokenizer_object=backend, eos_token=EOS, clean_up_tokenization_spaces=False)


LETTERS_VOCABULARY = 97
"""Tokens of ``build_letters_tokenizer``."""
