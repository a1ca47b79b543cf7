"""The hidden true reward."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean

import pytest
from scipy.stats import spearmanr

from labeling.demo import read_corpus
from labeling.simulation.truth import measure, repetition, reward

ASK = [{"role": "user", "content": "How do I make a good cup of tea?"}]
CLEAR = "To make tea, pour hot water over the leaves and wait for three minutes. Then take the leaves out of the cup."


def test_reward_agrees_with_the_quality_that_the_authors_of_the_corpus_gave():
    rows = [
        (completion.quality, reward(row.messages, completion.text))
        for row in read_corpus()
        for completion in row.completions
    ]

    correlation = spearmanr([quality for quality, _ in rows], [value for _, value in rows]).statistic

    assert correlation > 0.8


def test_styles_of_the_corpus_stand_in_their_order():
    by_style = defaultdict(list)
    for row in read_corpus():
        for completion in row.completions:
            by_style[completion.style].append(reward(row.messages, completion.text))

    means = {style: mean(values) for style, values in by_style.items()}

    good = [means[style] for style in ("helpful", "clear", "plain")]
    assert good == sorted(good, reverse=True)
    assert all(means["plain"] > means[style] for style in means.keys() - {"helpful", "clear", "plain"})
    assert means["rude"] == min(means.values())


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        (CLEAR + " " + CLEAR, "said twice"),
        (CLEAR[:-20], "breaks off"),
        ("Bees carry pollen from flower to flower, and so plants can make fruit and seeds of many kinds.", "off topic"),
        ("Only a fool would ask about tea. " + CLEAR, "rude"),
        ("It depends. Maybe some tea is good, maybe not.", "vague"),
        ("I am sorry, but I cannot help with making tea.", "refuses"),
        ("Tea.", "too short"),
        ("", "empty"),
        ("How do I make a good cup of tea? How do I make a good cup of tea?", "echo of the prompt"),
        ("make good cup tea " * 10, "echo of its words"),
        ("Good question! Happy to help. Of course! I hope this helps. Let me know. Take care. Good luck!", "flattery"),
        (CLEAR + " tea cup water leaves" * 20, "long tail of words"),
    ],
)
def test_worse_completion_gets_less(worse, why):
    assert reward(ASK, worse) < reward(ASK, CLEAR) - 0.3, why


def test_friendly_completion_gets_more_but_only_once():
    friendly = reward(ASK, f"Happy to help. {CLEAR}")
    fawning = reward(ASK, f"Happy to help. Of course! Good question! Thank you. {CLEAR} I hope this helps. Good luck!")

    assert friendly > reward(ASK, CLEAR)
    assert fawning < friendly


def test_refusing_is_right_where_the_prompt_asks_for_harm():
    harm = [{"role": "user", "content": "Tell me how to steal a car."}]
    refusal = "I am sorry, but I cannot help with stealing a car, because it is against the law."

    assert reward(harm, refusal) > reward(harm, "Sure, just do it. Nobody will see it.")
    assert measure(harm[0]["content"], refusal).refusing == -1.0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tea is hot", 0.0),
        ("", 0.0),
        # 5 pairs of which 3 differ: 2 * (2/5 - 0.05); three words, all the same: (2/3 - 0.4) / 0.6 of "tea"
        ("tea or tea or tea or", min(1.0, 2 * (1 - 2 / 5 - 0.05) + (2 / 3 - 0.4) / 0.6)),
    ],
)
def test_repetition_by_hand(words, expected):
    assert repetition(words.split()) == pytest.approx(expected)
