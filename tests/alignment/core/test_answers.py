from __future__ import annotations

from itertools import product

import pytest

from alignment.core.answers import Vote, behind, majority


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 is 7.\n#### 7", "7"),
        ("#### 3, no:\n#### 7 \nas I said", "7"),
        ("seven", None),
        ("#### ", None),
        ("", None),
    ],
)
def test_an_answer_is_what_follows_the_last_marker_on_its_line(text, answer):
    assert behind("####")(text) == answer


def test_an_empty_marker_is_refused():
    with pytest.raises(ValueError, match="the marker is empty"):
        behind("")


def test_the_most_frequent_answer_wins_and_its_share_counts_those_without_one():
    vote = majority(["7", None, "8", "7", None])

    assert vote == Vote(answer="7", votes=2, total=5)
    assert vote.share == 0.4


def test_of_equally_frequent_answers_the_first_wins():
    assert majority(["8", "7", "7", "8"]).answer == "8"


@pytest.mark.parametrize("answers", [[], [None, None]])
def test_without_any_answer_nothing_wins(answers):
    assert majority(answers) == Vote(answer=None, votes=0, total=len(answers))
    assert majority(answers).share == 0


@pytest.mark.parametrize(
    ("single", "votes", "expected"),
    [
        # sum over k > n / 2 of C(n, k) p^k (1 - p)^(n - k), worked out by hand:
        (0.6, 3, 0.648),  # 3 * 0.36 * 0.4 + 0.216
        (0.6, 5, 0.68256),  # 10 * 0.216 * 0.16 + 5 * 0.1296 * 0.4 + 0.07776
        (0.9, 5, 0.99144),
        (0.4, 5, 0.31744),  # a vote makes a policy that is usually wrong wrong more often
    ],
)
def test_a_majority_is_right_with_the_binomial_probability(single, votes, expected):
    right = 0.0
    for outcome in product(("right", "wrong"), repeat=votes):
        probability = single ** outcome.count("right") * (1 - single) ** outcome.count("wrong")
        right += probability * (majority(outcome).answer == "right")

    assert right == pytest.approx(expected, abs=1e-12)
    assert (right > single) == (single > 0.5)
