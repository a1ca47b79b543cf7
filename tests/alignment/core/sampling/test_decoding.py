from __future__ import annotations

import pytest

from alignment.core.sampling.decoding import Row, whole_prompts

ROWS = [Row(prompt, copy) for prompt in (4, 0, 2) for copy in range(3)]


@pytest.mark.parametrize(("most", "taken"), [(9, 9), (100, 9), (8, 6), (6, 6), (5, 3), (3, 3), (2, 2), (1, 1)])
def test_a_prompt_is_cut_in_two_only_where_it_does_not_fit_alone(most, taken):
    assert whole_prompts(ROWS, most) == taken


def test_what_is_left_of_a_prompt_goes_on_with_the_next_ones():
    assert whole_prompts(ROWS[2:], 4) == 4  # the last of prompt 4, and all of prompt 0
    assert whole_prompts(ROWS[1:], 4) == 2
