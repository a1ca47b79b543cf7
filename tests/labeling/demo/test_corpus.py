"""The demo corpus keeps its promises. The file is data, so it is read here without the module under test."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from labeling.demo import CORPUS, DemoCompletion, read_corpus, read_guidelines

TRAIN, LOOP = 583, 64
GOOD = {"helpful", "clear", "plain"}


@pytest.fixture(scope="module")
def rows():
    return [json.loads(line) for line in Path(CORPUS).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def train(rows):
    return [row for row in rows if row["split"] == "train"]


def test_the_splits_have_their_sizes_and_train_comes_first(rows):
    assert [row["split"] for row in rows] == ["train"] * TRAIN + ["loop"] * LOOP


def test_no_prompt_stands_twice(rows):
    prompts = [re.sub(r"\W+", " ", row["prompt"][-1]["content"]).strip().lower() for row in rows]

    assert [prompt for prompt, count in Counter(prompts).items() if count > 1] == []


def test_every_prompt_is_one_user_turn_with_text(rows):
    assert all([turn["role"] for turn in row["prompt"]] == ["user"] for row in rows)
    assert all(row["prompt"][0]["content"].strip() for row in rows)


def test_train_prompts_have_three_to_five_different_completions_and_loop_prompts_none(rows):
    counts = [len({completion["text"] for completion in row["completions"]}) for row in rows]

    assert counts == [len(row["completions"]) for row in rows]
    assert all(3 <= count <= 5 for count in counts[:TRAIN])
    assert counts[TRAIN:] == [0] * LOOP


def test_each_train_prompt_has_a_good_and_a_bad_completion(train):
    for row in train:
        qualities = [completion["quality"] for completion in row["completions"]]

        assert max(qualities) == 7, row
        assert min(qualities) <= 3, row


def test_the_corpus_spans_all_qualities_and_no_single_one_rules(train):
    counts = Counter(completion["quality"] for row in train for completion in row["completions"])

    assert sorted(counts) == [1, 2, 3, 4, 5, 6, 7]
    assert max(counts.values()) < 0.3 * sum(counts.values())


def test_style_and_quality_agree(train):
    for completion in (completion for row in train for completion in row["completions"]):
        assert (completion["quality"] >= 4) == (completion["style"] in GOOD), completion


def test_texts_are_plain_and_trimmed_without_control_characters(rows):
    texts = [row["prompt"][0]["content"] for row in rows]
    texts += [completion["text"] for row in rows for completion in row["completions"]]

    assert [text for text in texts if any(unicodedata.category(character)[0] == "C" for character in text)] == []
    assert [text for text in texts if text != " ".join(text.split())] == []
    assert [text for text in texts if "<|" in text] == []


def test_only_unfinished_completions_lack_an_end(train):
    for completion in (completion for row in train for completion in row["completions"]):
        assert (completion["text"][-1] in ".!?") == (completion["style"] != "unfinished"), completion


def test_completions_are_short(train):
    lengths = [len(completion["text"].split()) for row in train for completion in row["completions"]]

    assert max(lengths) <= 60
    assert 15 <= sum(lengths) / len(lengths) <= 35


def test_the_file_stays_small():
    assert CORPUS.stat().st_size < 600_000


def test_the_reader_gives_every_row_typed_and_in_order(rows):
    prompts = list(read_corpus())

    assert [prompt.messages for prompt in prompts] == [row["prompt"] for row in rows]
    assert [prompt.split for prompt in prompts] == [row["split"] for row in rows]
    first = rows[0]["completions"][0]
    expected = DemoCompletion(text=first["text"], quality=first["quality"], style=first["style"])
    assert prompts[0].completions[0] == expected
    assert sum(len(prompt.completions) for prompt in prompts) == sum(len(row["completions"]) for row in rows)


def test_the_reader_streams(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"prompt": [], "completions": [], "split": "loop"}\nnot json\n')

    first = next(read_corpus(path))

    assert first.split == "loop"


def test_the_guidelines_name_the_three_criteria_and_ties():
    guidelines = read_guidelines()

    assert all(word in guidelines for word in ("Helpful", "Truthful", "Harmless", "Ties"))
