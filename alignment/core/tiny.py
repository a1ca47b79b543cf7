"""A small language model that trains itself from scratch, so that the loop runs without a download.

A byte-level BPE tokenizer and a Llama-type decoder learn a corpus of prompts with completions of differing
quality, and are saved as an ordinary transformers folder. Every completion is learned, the bad ones too: the
policy that comes out shows the whole range, and preferences have something to teach it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from torch import Tensor

from alignment.core.batches import Batch, Encoded, collate
from alignment.core.checkpoints import replaced_folder
from alignment.core.model.chunked import token_logprobs
from alignment.core.records import Message
from alignment.core.running.determinism import reproducible
from alignment.core.running.muon import Muon
from alignment.core.text import Template

OnStep = Callable[[int, int, Mapping[str, float]], object]

PAD, EOS, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Part of the digest: raise it when a change of this module changes what it writes.
REVISION = 3
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
FILES = ("config.json", "generation_config.json", "model.safetensors", *TOKENIZER_FILES)

_library: Any = transformers  # its classes are half typed


@dataclass(frozen=True)
class TinyConfig:
    """What the small model is and how it is trained. Defaults: chosen by reading samples, under 60 s on 2 cores."""

    vocabulary: int = 3072
    """Tokens at most, special ones included; at least 261 (256 bytes and 5 special tokens)."""
    width: int = 192
    """Size of the hidden states; a multiple of 2 * heads."""
    inner_width: int = 512
    """Size of the gated layer inside each block."""
    layers: int = 2
    """Number of decoder blocks."""
    heads: int = 6
    """Attention heads of each block."""
    context: int = 512
    """Longest sequence in tokens, prompt and completion together."""
    epochs: int = 5
    """Passes over all completions."""
    batch: int = 8
    """Prompts per step, each with all its completions."""
    matrix_lr: float = 0.02
    """Peak step size of Muon, for the matrices inside the blocks."""
    vector_lr: float = 0.01
    """Peak step size of AdamW, for the embeddings and the norms."""
    warmup_share: float = 0.05
    """Share of the steps in which the step sizes rise from 0; after it, a cosine to 0."""
    weight_decay: float = 0.1
    """Decoupled decay of the matrices inside the blocks."""


@dataclass(frozen=True)
class CorpusPrompt:
    """A prompt and all that was written on it."""

    messages: tuple[Message, ...]
    completions: tuple[str, ...]


def train_tiny(
    corpus: Path,
    folder: Path,
    *,
    seed: int = 0,
    config: TinyConfig | None = None,
    on_step: OnStep | None = None,
) -> Path:
    """Train the small model on a corpus, unless it is there already, and return the folder that holds it.

    The folder is `folder/tiny-DIGEST`; the digest covers the corpus, the settings and the seed. It appears by one
    rename when everything is written, so a folder of that name is whole. A second process waits for the first.

    Args:
        corpus: JSON lines, each {"prompt": [{"role", "content"}, ...], "completions": [{"text", ...}, ...]}.
            Lines without completions teach nothing and are passed over.
        folder: where models are kept; made when absent.
        seed: of the first weights and of the order. The same seed gives the same weights on the same CPU.
        config: settings; None for the defaults.
        on_step: called after each step with (step, total, {"loss": nats per token, "lr": share of the peak}),
            step from 1. Not called when the model is there already.

    Raises:
        FileNotFoundError: there is no such corpus.
        ValueError: a line of the corpus is malformed (named by number), or no line holds a completion.
        FloatingPointError: the loss is not finite.
    """
    config = config or TinyConfig()
    if not corpus.is_file():
        raise FileNotFoundError(f"no corpus at {corpus}: pass a JSON-lines file of prompts with completions")
    content = corpus.read_bytes()
    target = folder / f"tiny-{_digest(content, seed=seed, config=config)}"
    if is_complete(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder / f".{target.name}.lock"):
        if is_complete(target):  # another process wrote it while this one waited
            return target
        prompts = read_prompts(content)
        tokenizer = train_tokenizer(prompts, config=config)
        model = train_model(prompts, tokenizer, seed=seed, config=config, on_step=on_step)
        with replaced_folder(target) as place:
            model.save_pretrained(place)
            tokenizer.save_pretrained(place)
    return target


def is_complete(folder: Path) -> bool:
    """Whether every file of a saved model is in the folder."""
    return all((folder / name).is_file() for name in FILES)


def read_prompts(content: bytes) -> list[CorpusPrompt]:
    """The prompts of a corpus that have completions, in its order.

    Raises:
        ValueError: a line is malformed (named by number), or no line holds a completion.
    """
    prompts = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            row = json.loads(line)
            messages = tuple(Message(turn["role"], turn["content"]) for turn in row["prompt"])
            completions = tuple(completion["text"] for completion in row["completions"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"corpus line {number} is not a prompt with completions: {error!r}") from error
        if completions:
            prompts.append(CorpusPrompt(messages, completions))
    if not prompts:
        raise ValueError("the corpus holds no completion: give at least one prompt with completions")
    return prompts


def train_tokenizer(prompts: Sequence[CorpusPrompt], *, config: TinyConfig) -> Any:
    """Byte-level BPE over prompts and completions, with tokens of its own for padding, end and roles.

    Returns:
        A fast tokenizer of transformers with a chat template.
    """
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=config.vocabulary,
        special_tokens=[PAD, EOS, SYSTEM, USER, ASSISTANT],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [text for prompt in prompts for text in (*(turn.content for turn in prompt.messages), *prompt.completions)]
    bpe.train_from_iterator(texts, trainer)
    return _library.PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=EOS,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        model_max_length=config.context,
        clean_up_tokenization_spaces=False,
    )


@reproducible()
def train_model(
    prompts: Sequence[CorpusPrompt], tokenizer: Any, *, seed: int, config: TinyConfig, on_step: OnStep | None = None
) -> Any:
    """Fit a new decoder to the completions: maximum likelihood, warm-up, then a cosine to zero.

    Returns:
        A LlamaForCausalLM in eval mode.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    template = Template.for_tokenizer(tokenizer, context_length=config.context)
    encoded = [template.encode(prompt.messages, prompt.completions) for prompt in prompts]
    model = _new_model(tokenizer, seed=seed, config=config)
    optimizers = _optimizers(model, config=config)
    peaks = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    total = config.epochs * math.ceil(len(encoded) / config.batch)
    for step, batch in enumerate(_batches(encoded, seed=seed, config=config), start=1):
        share = _schedule(step, total, warmup=config.warmup_share * total)
        loss = _loss(model, batch)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss.item()} at step {step} of {total}: lower the step sizes")
        model.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        for group, peak in zip(groups, peaks, strict=True):
            group["lr"] = peak * share
        for optimizer in optimizers:
            optimizer.step()
        if on_step is not None:
            on_step(step, total, {"loss": loss.item(), "lr": share})
    return model.eval()


def _digest(content: bytes, *, seed: int, config: TinyConfig) -> str:
    settings = json.dumps({"revision": REVISION, "seed": seed, **asdict(config)}, sort_keys=True)
    return hashlib.sha256(settings.encode() + b"\0" + content).hexdigest()[:16]


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold a file lock; the kernel lets it go when the process dies, however it dies."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _new_model(tokenizer: Any, *, seed: int, config: TinyConfig) -> Any:
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    shape = _library.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        intermediate_size=config.inner_width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        **ids,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _library.LlamaForCausalLM(shape)
    # top_k: transformers keeps 50 tokens when it is not set, and then a sample is not the policy's.
    model.generation_config = _library.GenerationConfig(do_sample=True, temperature=1.0, top_k=0, top_p=1.0, **ids)
    return model


def _optimizers(model: Any, *, config: TinyConfig) -> list[torch.optim.Optimizer]:
    inner = [parameter for parameter in model.model.layers.parameters() if parameter.ndim == 2]
    known = {id(parameter) for parameter in inner}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in known]
    return [
        Muon(inner, lr=config.matrix_lr, weight_decay=config.weight_decay, iterations=4),
        torch.optim.AdamW(rest, lr=config.vector_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _schedule(step: int, total: int, *, warmup: float) -> float:
    """Share of the peak step size: linear to 1 over the warm-up, then half a cosine to 0 at the end."""
    if step < warmup:
        return step / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))


def _batches(encoded: Sequence[Sequence[Encoded]], *, seed: int, config: TinyConfig) -> Iterator[Batch]:
    """Every prompt with its completions once per epoch, in an order of the seed."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(config.epochs):
        order = torch.randperm(len(encoded), generator=generator).tolist()
        for start in range(0, len(order), config.batch):
            chosen = [each for index in order[start : start + config.batch] for each in encoded[index]]
            yield collate(chosen, layout="shared_prefix")


def _loss(model: Any, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of the completion tokens, EOS included, in nats per token, a scalar."""
    attention = batch.allowed()[:, None]  # (B, 1, T, T)
    states = model.model(
        input_ids=batch.ids, attention_mask=attention, position_ids=batch.positions, use_cache=False
    ).last_hidden_state.flatten(0, 1)  # (B*T, d)
    logprobs = token_logprobs(
        states[batch.index[batch.mask]],
        batch.labels[batch.mask],
        logits=model.lm_head,
        vocabulary_size=model.config.vocab_size,
    )
    return -logprobs.mean()
