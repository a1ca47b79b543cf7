"""Rows of tokens for the models: padded, packed, or with the prompt shared by its completions.

Models see a ``Batch`` and nothing else. Which layout it has changes its cost and never its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from alignment.core.model import spans as spans_of_rows
from alignment.core.model.spans import Span

Layout = Literal["padded", "packed", "shared_prefix", "one_row"]
Side = Literal["right", "left"]

MAX_ROW_TOKENS = 2048
"""Tokens of a row up to which completions share one prompt: attention costs the square of a row's length."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt and one completion as token ids.

    Attributes:
        prompt_ids: at least one id; the last one predicts the first token of the completion.
        completion_ids: ends with EOS unless the completion was cut off.
        truncated_turns: turns that were dropped on the left of the prompt to fit the context.
        truncated_tokens: tokens that were cut from the left of the remaining turn, or from the completion's end.
    """

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    truncated_turns: int = 0
    truncated_tokens: int = 0

    @property
    def truncated(self) -> bool:
        """Whether anything was left out to fit the context."""
        return bool(self.truncated_turns or self.truncated_tokens)


@dataclass(frozen=True, slots=True)
class Batch:
    """N completions in B rows of T tokens, whatever the layout; True in a mask means "counts".

    Attributes:
        ids: token ids, long, (B, T).
        positions: position of each token in its own text, long, (B, T).
        attention: padding mask, bool, (B, T); or who may attend to whom, bool, (B, T, T), [row, query, key].
        index: flat position in (B*T) of the token that predicts completion token j of completion n, long, (N, L).
        labels: the completion's tokens, long, (N, L).
        mask: which of them are real, bool, (N, L).
        last: flat position in (B*T) of the last real token of completion n, long, (N,).
        causal: causal attention alone is right (no padding on the left, one text a row).
        spans: of a single row without padding: who may attend to whom, which ``attention`` then doesn't say.
    """

    ids: Tensor
    positions: Tensor
    attention: Tensor
    index: Tensor
    labels: Tensor
    mask: Tensor
    last: Tensor
    causal: bool = False
    spans: tuple[Span, ...] | None = None

    def __len__(self) -> int:
        return len(self.last)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved: dict[str, Any] = {
            field.name: value.to(device)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **moved)

    def allowed(self) -> Tensor:
        """Who may attend to whom, bool, (B, T, T), [row, query, key]; padding attends to itself, so no row is empty."""
        if self.spans is not None:
            return spans_of_rows.allowed(self.spans).to(self.ids.device)
        if self.attention.dim() == 3:
            return self.attention
        size = self.ids.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool, device=self.ids.device).tril()
        own = torch.eye(size, dtype=torch.bool, device=self.ids.device)
        return (causal & self.attention[:, None, :]) | own  # (B, T, T)


@dataclass(slots=True)
class _Group:
    """One prompt with the completions that stand behind it in a row; numbers are places in the batch."""

    prompt_ids: tuple[int, ...]
    numbers: list[int]
    size: int


def collate(
    encoded: Sequence[Encoded],
    *,
    layout: Layout = "padded",
    side: Side = "right",
    pad_id: int = 0,
    max_row_tokens: int = MAX_ROW_TOKENS,
) -> Batch:
    """Lay completions out in rows; completion n of the batch is ``encoded[n]`` in every layout.

    ``padded``: a row each, filled up on ``side``. ``packed``: several texts in a row, none sees another.
    ``shared_prefix``: completions of equal prompts stand in one row behind one copy of the prompt, positions start
    again behind the prompt and none sees another; as many prompts as fit into the longest such row share a row.
    ``one_row``: all of that in a single row without padding, for a model that attends by spans.

    Raises:
        ValueError: nothing to collate, an empty prompt, or an unknown layout or side.
    """
    _check(encoded, layout=layout, side=side)
    if layout == "one_row":
        groups = _share(encoded, max_row_tokens=None)
        return _lay_out(encoded, [groups], side=side, pad_id=pad_id, spans=_spans(encoded, groups))
    if layout == "shared_prefix":
        groups = _share(encoded, max_row_tokens=max_row_tokens)
    else:
        groups = [
            _Group(item.prompt_ids, [number], len(item.prompt_ids) + len(item.completion_ids))
            for number, item in enumerate(encoded)
        ]
    rows = [[group] for group in groups] if layout == "padded" else _pack(groups)
    return _lay_out(encoded, rows, side=side, pad_id=pad_id)


def _check(encoded: Sequence[Encoded], *, layout: Layout, side: Side) -> None:
    if not encoded:
        raise ValueError("there are no completions to collate")
    for number, item in enumerate(encoded):
        if not item.prompt_ids:
            raise ValueError(f"completion {number} has an empty prompt: nothing predicts its first token")
    if side not in ("right", "left"):
        raise ValueError(f"side is {side!r}; give 'right' or 'left'")
    if layout not in get_args(Layout):
        raise ValueError(f"layout is {layout!r}; give one of {', '.join(get_args(Layout))}")


def _share(encoded: Sequence[Encoded], *, max_row_tokens: int | None) -> list[_Group]:
    """Group completions by equal prompt; a group longer than a row may be is continued behind a second copy."""
    open_groups: dict[tuple[int, ...], _Group] = {}
    groups: list[_Group] = []
    for number, item in enumerate(encoded):
        group = open_groups.get(item.prompt_ids)
        size = len(item.completion_ids)
        if group is None or (max_row_tokens is not None and group.size + size > max_row_tokens):
            group = _Group(item.prompt_ids, [], len(item.prompt_ids))
            groups.append(group)
            open_groups[item.prompt_ids] = group
        group.numbers.append(number)
        group.size += size
    return groups


def _pack(groups: Sequence[_Group]) -> list[list[_Group]]:
    """First fit, longest first, into rows as long as the longest group: no row grows, little is padding."""
    capacity = max(group.size for group in groups)
    rows: list[list[_Group]] = []
    room: list[int] = []
    for group in sorted(groups, key=lambda group: -group.size):
        row = next((number for number, left in enumerate(room) if left >= group.size), None)
        if row is None:
            rows.append([group])
            room.append(capacity - group.size)
        else:
            rows[row].append(group)
            room[row] -= group.size
    return rows


def _spans(encoded: Sequence[Encoded], groups: Sequence[_Group]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for group in groups:
        prompt = len(spans)
        spans.append((len(group.prompt_ids), -1))
        # A completion without tokens is no span: nothing in the row is of it.
        sizes = [len(encoded[number].completion_ids) for number in group.numbers]
        spans += [(size, prompt) for size in sizes if size]
    return tuple(spans)


def _lay_out(
    encoded: Sequence[Encoded],
    rows: Sequence[Sequence[_Group]],
    *,
    side: Side,
    pad_id: int,
    spans: tuple[Span, ...] | None = None,
) -> Batch:
    width = max(sum(group.size for group in row) for row in rows)
    longest = max(len(item.completion_ids) for item in encoded)
    single = all(len(row) == 1 and len(row[0].numbers) == 1 for row in rows)
    ids = [[pad_id] * width for _ in rows]
    # One text a row is 0, 1, 2, ... to its padded end; several may be longer than the context has positions.
    positions = [list(range(width)) if single else [0] * width for _ in rows]
    texts = [[-1] * width for _ in rows]  # which group a token is of, -1 is padding
    branches = [[0] * width for _ in rows]  # 0 the prompt, k the group's k-th completion
    index = [[0] * longest for _ in encoded]
    last = [0] * len(encoded)
    for row, members in enumerate(rows):
        at = width - sum(group.size for group in members) if side == "left" else 0
        positions[row][:at] = [0] * at
        for text, group in enumerate(members):
            start, size = at, len(group.prompt_ids)
            ids[row][at : at + size] = group.prompt_ids
            positions[row][at : at + size] = range(size)
            texts[row][at : at + group.size] = [text] * group.size
            at += size
            for branch, number in enumerate(group.numbers, start=1):
                tokens = encoded[number].completion_ids
                ids[row][at : at + len(tokens)] = tokens
                positions[row][at : at + len(tokens)] = range(size, size + len(tokens))
                branches[row][at : at + len(tokens)] = [branch] * len(tokens)
                flat = [row * width + start + size - 1, *range(row * width + at, row * width + at + len(tokens))]
                index[number][: len(tokens)], last[number] = flat[:-1], flat[-1]
                at += len(tokens)
    labels, mask = _labels(encoded, longest)
    owner = torch.tensor(texts)
    return Batch(
        ids=torch.tensor(ids),
        positions=torch.tensor(positions),
        attention=owner >= 0 if single or spans else _block_mask(owner, torch.tensor(branches)),
        index=torch.tensor(index, dtype=torch.long).reshape(len(encoded), longest),
        labels=labels,
        mask=mask,
        last=torch.tensor(last),
        causal=single and side == "right",
        spans=None if single else spans,
    )


def _labels(encoded: Sequence[Encoded], longest: int) -> tuple[Tensor, Tensor]:
    """The completions' tokens and which of them are real, (N, L) each."""
    lengths = torch.tensor([len(item.completion_ids) for item in encoded])
    rows = [list(item.completion_ids) + [0] * (longest - len(item.completion_ids)) for item in encoded]
    labels = torch.tensor(rows, dtype=torch.long).reshape(len(encoded), longest)
    return labels, torch.arange(longest)[None, :] < lengths[:, None]  # (N, L)


def _block_mask(texts: Tensor, branches: Tensor) -> Tensor:
    """Bool (B, T, T): earlier tokens of the same text, of its prompt or of the same completion of it."""
    size = texts.shape[1]
    causal = torch.ones(size, size, dtype=torch.bool).tril()
    same_text = texts[:, :, None] == texts[:, None, :]
    same_branch = (branches[:, None, :] == 0) | (branches[:, :, None] == branches[:, None, :])
    return causal & same_text & same_branch  # (B, T, T)
