"""Forward passes over many completions, in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.text import Batch, Encoded, collate

CHUNK_TOKENS = 8192
"""Tokens of one forward pass without gradient."""


def num_tokens(encoded: Sequence[Encoded]) -> int:
    """Tokens of these completions, and of their prompts, equal ones once."""
    prompts = {each.prompt_ids for each in encoded}
    return sum(len(each.completion_ids) for each in encoded) + sum(len(prompt) for prompt in prompts)


def chunks(encoded: Sequence[Encoded], *, tokens: int = CHUNK_TOKENS) -> Iterator[list[Encoded]]:
    """Neighbours together, as many as fit, one at least."""
    chunk: list[Encoded] = []
    prompts: set[tuple[int, ...]] = set()
    size = 0
    for each in encoded:
        more = len(each.completion_ids) + (0 if each.prompt_ids in prompts else len(each.prompt_ids))
        if chunk and size + more > tokens:
            yield chunk
            chunk, prompts, size = [], set(), 0
            more = len(each.completion_ids) + len(each.prompt_ids)
        chunk.append(each)
        prompts.add(each.prompt_ids)
        size += more
    if chunk:
        yield chunk


def distinct(encoded: Sequence[Encoded]) -> tuple[list[Encoded], list[int]]:
    """Each completion once, those of a prompt side by side, and where each of the given ones stands among them."""
    by_prompt: dict[tuple[int, ...], dict[Encoded, None]] = {}
    for each in encoded:
        by_prompt.setdefault(each.prompt_ids, {})[each] = None
    once = [each for completions in by_prompt.values() for each in completions]
    place = {each: number for number, each in enumerate(once)}
    return once, [place[each] for each in encoded]


def lay_out(backbone: Backbone, encoded: Sequence[Encoded]) -> Batch:
    """A batch on the backbone's device in which completions of equal prompts share it."""
    return collate(encoded, layout="shared_prefix", pad_id=backbone.pad_id).to(backbone.device)


def by_token(
    backbone: Backbone, encoded: Sequence[Encoded], *, adapter: str | None, compute: Callable[[Batch], Tensor]
) -> list[Tensor]:
    """What ``compute`` gives for each token, (N, L), without gradient: a row (length,) on the CPU per completion."""
    rows: list[Tensor] = []
    with backbone.inference(adapter):
        for chunk in chunks(encoded):
            values = compute(lay_out(backbone, chunk)).cpu()
            rows += [row[: len(each.completion_ids)].clone() for each, row in zip(chunk, values, strict=True)]
    return rows


def logprobs_by_token(
    backbone: Backbone, encoded: Sequence[Encoded], *, adapter: str | None, temperature: float = 1.0
) -> list[Tensor]:
    """log pi of each token under an adapter (None: the reference), nats, a row (length,) per completion."""
    return by_token(
        backbone, encoded, adapter=adapter, compute=lambda batch: backbone.logprobs(batch, temperature=temperature)
    )


def padded(rows: Sequence[Tensor], *, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Rows of differing length as (N, L), zeros behind their ends, and the mask of what is real."""
    values = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(values.shape[1])[None] < lengths[:, None]  # (N, L)
    return values.to(device), mask.to(device)
