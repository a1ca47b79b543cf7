from __future__ import annotations

from typing import Any

import pytest
import torch

from alignment.core.batches import Batch, Encoded, collate

A, B = (1, 2, 3), (4, 5)
ROWS = [Encoded(A, (11, 12, 0)), Encoded(A, (0,)), Encoded(B, (13, 0)), Encoded(A, (14, 0))]
LAYOUTS = [
    *((layout, side) for layout in ("padded", "packed", "shared_prefix") for side in ("right", "left")),
    ("one_row", "right"),
]


def test_padding_on_the_right_and_left():
    right, left = (collate(ROWS[:3], side=side, pad_id=99) for side in ("right", "left"))

    assert right.ids.tolist() == [[1, 2, 3, 11, 12, 0], [1, 2, 3, 0, 99, 99], [4, 5, 13, 0, 99, 99]]
    assert left.ids.tolist() == [[1, 2, 3, 11, 12, 0], [99, 99, 1, 2, 3, 0], [99, 99, 4, 5, 13, 0]]
    assert left.positions.tolist() == [[0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 2, 3], [0, 0, 0, 1, 2, 3]]
    assert left.attention.tolist() == [[True] * 6, [False] * 2 + [True] * 4, [False] * 2 + [True] * 4]
    assert right.index.tolist() == [[2, 3, 4], [8, 0, 0], [13, 14, 0]]
    assert left.index.tolist() == [[2, 3, 4], [10, 0, 0], [15, 16, 0]]
    assert right.last.tolist() == [5, 9, 15]
    assert left.last.tolist() == [5, 11, 17]
    assert right.labels.tolist() == left.labels.tolist() == [[11, 12, 0], [0, 0, 0], [13, 0, 0]]
    assert right.mask.tolist() == [[True, True, True], [True, False, False], [True, True, False]]


def test_the_shared_prefix_writes_a_prompt_once_and_starts_positions_again_behind_it():
    batch = collate(ROWS, layout="shared_prefix", pad_id=99)

    # Prompt A with completions 0, 1 and 3 (equal prompts need not be neighbours); B does not fit behind it.
    assert batch.ids.tolist() == [[1, 2, 3, 11, 12, 0, 0, 14, 0], [4, 5, 13, 0, 99, 99, 99, 99, 99]]
    assert batch.positions[0].tolist() == [0, 1, 2, 3, 4, 5, 3, 3, 4]
    assert batch.index.tolist() == [[2, 3, 4], [2, 0, 0], [10, 11, 0], [2, 7, 0]]
    assert batch.last.tolist() == [5, 6, 12, 8]
    may = batch.attention[0].int().tolist()
    assert may[5] == [1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert may[6] == [1, 1, 1, 0, 0, 0, 1, 0, 0]  # completion 1 sees the prompt and itself
    assert may[8] == [1, 1, 1, 0, 0, 0, 0, 1, 1]


def test_packing_fills_rows_that_are_as_long_as_the_longest_text():
    rows = [Encoded((1,), (2, 3, 4, 0)), Encoded((5,), (0,)), Encoded((6, 7), (0,))]

    batch = collate(rows, layout="packed")

    assert batch.ids.tolist() == [[1, 2, 3, 4, 0], [6, 7, 0, 5, 0]]
    assert batch.positions[1].tolist() == [0, 1, 2, 0, 1]
    assert batch.attention[1].int().tolist()[4] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(("layout", "side"), LAYOUTS)
def test_every_token_is_predicted_by_the_one_before_it_in_its_own_text(layout, side):
    batch = collate(ROWS, layout=layout, side=side, pad_id=99)
    flat, positions = batch.ids.flatten(), batch.positions.flatten()

    for number, row in enumerate(ROWS):
        real = int(batch.mask[number].sum())
        text = [*row.prompt_ids, *row.completion_ids]
        start = len(row.prompt_ids) - 1
        assert flat[batch.index[number, :real]].tolist() == text[start:-1]
        assert positions[batch.index[number, :real]].tolist() == list(range(start, len(text) - 1))
        assert batch.labels[number, :real].tolist() == list(row.completion_ids)
        assert flat[batch.last[number]] == text[-1]
        assert _seen(batch, int(batch.last[number])) == text


def _seen(batch: Batch, place: int) -> list[int]:
    """The ids that the token at a flat place may attend to, in order."""
    row, column = divmod(place, batch.ids.shape[1])
    return batch.ids[row][batch.allowed()[row, column]].tolist()


@pytest.mark.parametrize(("layout", "side"), LAYOUTS)
def test_no_query_is_left_without_a_key(layout, side):
    assert collate(ROWS, layout=layout, side=side).allowed().any(dim=-1).all()


def test_a_completion_without_tokens_is_read_at_the_end_of_its_prompt():
    batch = collate([Encoded(A, ()), Encoded(B, (0,))])

    assert batch.last.tolist() == [2, 5]  # rows of three: 1 2 3 and 4 5 0


def test_one_row_has_no_padding_and_says_what_continues_what():
    rows = [Encoded(A, (11, 12, 0)), Encoded(B, (13, 0)), Encoded(A, (0,)), Encoded(A, ())]

    batch = collate(rows, layout="one_row", pad_id=99, max_row_tokens=4)

    assert batch.ids.tolist() == [[1, 2, 3, 11, 12, 0, 0, 4, 5, 13, 0]]
    assert batch.spans == ((3, -1), (3, 0), (1, 0), (2, -1), (2, 3))
    assert batch.last.tolist() == [5, 10, 6, 2]


def test_many_completions_go_on_behind_a_second_copy_of_the_prompt():
    rows = [Encoded(A, (number, 0)) for number in range(10, 20)]

    batch = collate(rows, layout="shared_prefix", max_row_tokens=11)

    assert batch.ids.shape == (3, 11)  # 4, 4 and 2 completions
    assert int((batch.ids == 1).sum()) == 3
    assert [batch.ids.flatten()[place].item() for place in batch.index[:, 1]] == list(range(10, 20))


def test_rows_of_several_texts_have_no_position_beyond_their_longest_text():
    # Learned positions end with the context, a packed row need not.
    rows = [Encoded(A, (10, 0)) for _ in range(20)]

    batch = collate([*rows, Encoded(B, (0,))], layout="shared_prefix")

    assert batch.ids.shape[1] == 43
    assert int(batch.positions.max()) == 4


def test_a_batch_moves_as_a_whole():
    moved = collate(ROWS).to(torch.device("meta"))

    assert {moved.ids.device.type, moved.mask.device.type, moved.last.device.type} == {"meta"}
    assert moved.causal
    assert len(moved) == 4


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "no completions to collate"),
        ([Encoded((), (1,))], {}, "completion 0 has an empty prompt"),
        (ROWS, {"layout": "ragged"}, "layout is 'ragged'"),
        (ROWS, {"side": "top"}, "side is 'top'"),
    ],
)
def test_what_cannot_be_collated_is_named(rows: list[Encoded], options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        collate(rows, **options)
