"""Forward passes over many completions without gradient: in parts that fit into memory, shared out among processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.running.processes import spread
from alignment.core.text import Batch, Encoded, Layout, collate


def num_tokens(encoded: Sequence[Encoded]) -> int:
    """Tokens of these completions, and of their prompts, equal ones once."""
    prompts = {each.prompt_ids for each in encoded}
    return sum(len(each.completion_ids) for each in encoded) + sum(len(prompt) for prompt in prompts)


def how_many_fit(encoded: Sequence[Encoded], tokens: int) -> int:
    """How many of the first completions have no more than so many tokens together, one at least."""
    prompts: set[tuple[int, ...]] = set()
    size = 0
    for number, each in enumerate(encoded):
        size += len(each.completion_ids) + (0 if each.prompt_ids in prompts else len(each.prompt_ids))
        if number and size > tokens:
            return number
        prompts.add(each.prompt_ids)
    return len(encoded)


def distinct(encoded: Sequence[Encoded]) -> tuple[list[Encoded], list[int]]:
    """Each completion once, those of a prompt side by side, and where each of the given ones stands among them."""
    by_prompt: dict[tuple[int, ...], dict[Encoded, None]] = {}
    for each in encoded:
        by_prompt.setdefault(each.prompt_ids, {})[each] = None
    once = [each for completions in by_prompt.values() for each in completions]
    place = {each: number for number, each in enumerate(once)}
    return once, [place[each] for each in encoded]


def prompt_numbers(encoded: Sequence[Encoded]) -> Tensor:
    """Number of the prompt of each completion, in the order in which prompts first come, long, (N,)."""
    numbers: dict[tuple[int, ...], int] = {}
    return torch.tensor([numbers.setdefault(each.prompt_ids, len(numbers)) for each in encoded], dtype=torch.long)


def lay_out(backbone: Backbone, encoded: Sequence[Encoded]) -> Batch:
    """A batch on the backbone's device in which completions of equal prompts share it."""
    layout: Layout = "one_row" if backbone.attends_by_spans else "shared_prefix"
    return collate(encoded, layout=layout, pad_id=backbone.pad_id).to(backbone.device)


def by_completion(
    backbone: Backbone, encoded: Sequence[Encoded], *, adapter: str | None, compute: Callable[[Batch], Tensor]
) -> list[Tensor]:
    """What ``compute`` gives of each completion, (N, ...), without gradient: N tensors on the CPU, in the order given.

    Inside ``train`` each process computes a share, and all of them get all of it.
    """

    def one_pass(part: Sequence[Encoded]) -> list[Tensor]:
        values = compute(lay_out(backbone, part)).cpu()
        return [value.clone() for value in values]

    def work(mine: Sequence[Encoded]) -> list[Tensor]:
        with backbone.inference(adapter):
            return backbone.allowances.scoring.in_parts(mine, fit=how_many_fit, size=num_tokens, work=one_pass)

    with backbone.gathered(adapter):
        return spread(encoded, weight=lambda each: len(each.prompt_ids) + len(each.completion_ids), work=work)


def by_token(
    backbone: Backbone, encoded: Sequence[Encoded], *, adapter: str | None, compute: Callable[[Batch], Tensor]
) -> list[Tensor]:
    """What ``compute`` gives for each token, (N, L), without gradient: a row (length,) on the CPU per completion."""
    rows = by_completion(backbone, encoded, adapter=adapter, compute=compute)
    return [row[: len(each.completion_ids)].clone() for each, row in zip(encoded, rows, strict=True)]


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
