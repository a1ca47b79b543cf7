"""The demo project's texts, written for Prefloop: prompts, completions of differing quality, guidelines.

`corpus.jsonl` is also what the default model learns from. `train` prompts come with completions, the best and the
worst of them known; `loop` prompts come with none and are for the policy to write on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CORPUS = Path(__file__).with_name("corpus.jsonl")
GUIDELINES = Path(__file__).with_name("guidelines.md")

Split = Literal["train", "loop"]
Style = Literal[
    "helpful",  # all of it, friendly
    "clear",  # all of it
    "plain",  # the main point alone
    "unfinished",  # starts well, breaks off
    "rambling",  # says things twice, or nothing at length
    "vague",  # commits itself to nothing
    "refusing",  # declines a harmless request
    "wrong",  # a false fact or sum
    "off_topic",  # about something else
    "rude",
    "unsafe",  # goes along with a harmful request
]


@dataclass(frozen=True, slots=True)
class DemoCompletion:
    """A completion with the quality that its author gave it: 1 (worst) to 7 (best)."""

    text: str
    quality: int
    style: Style


@dataclass(frozen=True, slots=True)
class DemoPrompt:
    """A prompt as a list of {"role", "content"}, with its completions; none in the split `loop`."""

    messages: list[dict[str, str]]
    completions: tuple[DemoCompletion, ...]
    split: Split


def read_corpus(path: Path = CORPUS) -> Iterator[DemoPrompt]:
    """Read the corpus line by line, in its order: `train` first, then `loop`."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            completions = tuple(DemoCompletion(**completion) for completion in row["completions"])
            yield DemoPrompt(messages=row["prompt"], completions=completions, split=row["split"])


def read_guidelines() -> str:
    """The guidelines for annotators, in Markdown."""
    return GUIDELINES.read_text(encoding="utf-8")
