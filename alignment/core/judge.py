"""AI feedback: a language model answers the questions that annotators answer, and its judgements are marked as its own.

A preference is read from the probabilities of the two labels, asked in both orders and averaged, because judges favour
a place: one that only ever says A gives ties, and a bias of 1/2.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Literal

import torch

from alignment.core.backbone import Backbone
from alignment.core.config_data import JudgeConfig
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.records import Judgement, Message, Prompt
from alignment.core.text import Encoded

logger = logging.getLogger(__name__)

SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}
RATINGS = tuple("1234567")

Item = tuple[Prompt, Sequence[str]]
"""A prompt and the completions to be judged."""


@dataclass(frozen=True)
class Opinion:
    """What a judge says of two completions.

    Attributes:
        shown_first, shown_second: P(the first completion is better) when it is shown in the first and in the second
            place, of the two labels alone.
        label_mass: probability of the two labels among all that the judge might say; small: it does not follow.
    """

    shown_first: float
    shown_second: float
    label_mass: float

    @property
    def preference(self) -> float:
        """P(the first is better), the mean of both orders."""
        return (self.shown_first + self.shown_second) / 2

    @property
    def position_bias(self) -> float:
        """How much more than one half is said for whatever stands first, -1/2 to 1/2."""
        return (self.shown_first - self.shown_second) / 2

    @property
    def consistent(self) -> bool:
        """Whether both orders name the same completion."""
        return (self.shown_first - 0.5) * (self.shown_second - 0.5) > 0

    def outcome(self, *, margin: float) -> Literal[1, 0, -1]:
        """1 the first is better, -1 the second; 0 when the orders disagree or the preference is within the margin."""
        if not self.consistent or abs(self.preference - 0.5) < margin:
            return 0
        return 1 if self.preference > 0.5 else -1

    def swapped(self) -> Opinion:
        """The same opinion of the completions in the other order."""
        return Opinion(1 - self.shown_second, 1 - self.shown_first, self.label_mass)


@dataclass(frozen=True)
class Feedback:
    """A judge's judgements, source "model", and what kind of judge it was.

    Metrics of comparisons: ``pairs`` judged and pairs ``too_long`` for the judge's context, the shares of ``ties`` and
    of ``inconsistent`` pairs (each names what stands in one place), the mean ``position_bias`` and ``label_mass``. Of
    ratings: ``ratings``, ``too_long``, the mean ``rating`` and ``label_mass``.
    """

    judgements: list[Judgement]
    metrics: dict[str, float]


class Judge:
    """A causal language model, or an adapter of one, as an annotator.

    Args:
        name: of the judge; its judgements have the annotator "judge:<name>".
        adapter: None is the model as it is.

    Raises:
        ValueError: the tokenizer can't tell the labels apart by their first tokens.
    """

    def __init__(self, backbone: Backbone, config: JudgeConfig, *, name: str, adapter: str | None = None) -> None:
        self.backbone, self.config, self.adapter = backbone, config, adapter
        self.annotator = f"judge:{name}"
        self._pair = _encode_labels(backbone, (config.first_label, config.second_label))
        self._digits = _encode_labels(backbone, RATINGS)

    def compare(self, items: Sequence[Item]) -> Feedback:
        """Judge each pair of an item's completions: a judgement per pair, weighted 1/C(K,2), ties included."""
        pairs = [(prompt, one, other) for prompt, texts in items for one, other in combinations(texts, 2)]
        weights = [1 / max(1, len(texts) * (len(texts) - 1) // 2) for _, texts in items]
        weight_of = [weight for weight, (_, texts) in zip(weights, items, strict=True) for _ in combinations(texts, 2)]
        found = list(zip(pairs, weight_of, self.opinions(pairs), strict=True))
        judged = [(pair, weight, opinion) for pair, weight, opinion in found if opinion is not None]
        outcomes = [opinion.outcome(margin=self.config.margin) for _, _, opinion in judged]
        ranks = {1: (1, 2), 0: (1, 1), -1: (2, 1)}
        judgements = [
            self._judgement(prompt, (one, other), weight=weight, ranks=ranks[outcome])
            for ((prompt, one, other), weight, _), outcome in zip(judged, outcomes, strict=True)
        ]
        opinions = [opinion for _, _, opinion in judged]
        return Feedback(
            judgements,
            {
                "pairs": len(judged),
                "too_long": len(found) - len(judged),
                "ties": _mean([float(outcome == 0) for outcome in outcomes]),
                "inconsistent": _mean([float(not opinion.consistent) for opinion in opinions]),
                "position_bias": _mean([opinion.position_bias for opinion in opinions]),
                "label_mass": _mean([opinion.label_mass for opinion in opinions]),
            },
        )

    def opinions(self, pairs: Sequence[tuple[Prompt, str, str]]) -> list[Opinion | None]:
        """What the judge says of each pair, None where the question does not fit its context.

        A pair and its swap are asked the very same two questions, so their opinions are each other's mirror image.
        """
        ordered = [(min(one, other), max(one, other)) for _, one, other in pairs]
        asked = [
            (self._compared(prompt, low, high), self._compared(prompt, high, low))
            for (prompt, _, _), (low, high) in zip(pairs, ordered, strict=True)
        ]
        fitting = [number for number, questions in enumerate(asked) if None not in questions]
        prompts = [ids for number in fitting for ids in asked[number] if ids is not None]
        logprobs = self._label_logprobs(prompts, self._pair)  # (2 * pairs, 2)
        first = logprobs.softmax(1)[:, 0].tolist()  # P(what stands first is better)
        mass = logprobs.exp().sum(1).tolist()
        results: list[Opinion | None] = [None] * len(pairs)
        for place, number in enumerate(fitting):
            low, high = 2 * place, 2 * place + 1
            opinion = Opinion(first[low], 1 - first[high], (mass[low] + mass[high]) / 2)
            in_order = pairs[number][1] == ordered[number][0]
            results[number] = opinion if in_order else opinion.swapped()
        return results

    def rate(self, items: Sequence[Item]) -> Feedback:
        """Rate each completion from 1 to 7: the expected rating, rounded; None where the question does not fit."""
        expected, masses = self._expected_ratings(items)
        judgements = [
            self._judgement(prompt, tuple(texts), ratings=tuple(None if e is None else int(e + 0.5) for e in ratings))
            for (prompt, texts), ratings in zip(items, expected, strict=True)
            if any(e is not None for e in ratings)
        ]
        everything = [e for ratings in expected for e in ratings]
        given = [e for e in everything if e is not None]
        metrics = {"ratings": len(given), "too_long": len(everything) - len(given)}
        return Feedback(judgements, {**metrics, "rating": _mean(given), "label_mass": _mean(masses)})

    def expected_ratings(self, items: Sequence[Item]) -> list[list[float | None]]:
        """sum_k k P(k) of each completion over the digits 1 to 7, None where the question does not fit."""
        return self._expected_ratings(items)[0]

    def _expected_ratings(self, items: Sequence[Item]) -> tuple[list[list[float | None]], list[float]]:
        asked = [[self._rated(prompt, text) for text in texts] for prompt, texts in items]
        prompts = [ids for questions in asked for ids in questions if ids is not None]
        logprobs = self._label_logprobs(prompts, self._digits)  # (N, 7)
        values = torch.arange(1.0, len(RATINGS) + 1, dtype=logprobs.dtype)
        expected = iter((logprobs.softmax(1) @ values).tolist())
        ratings = [[None if ids is None else next(expected) for ids in questions] for questions in asked]
        return ratings, logprobs.exp().sum(1).tolist()

    def _label_logprobs(self, prompts: Sequence[tuple[int, ...]], labels: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """log P(label) behind each prompt, nats, float64, (N, labels); a prompt is computed once for its labels."""
        encoded = [Encoded(prompt_ids=prompt, completion_ids=label) for prompt in prompts for label in labels]
        rows = logprobs_by_token(self.backbone, encoded, adapter=self.adapter)
        return torch.tensor([float(row.double().sum()) for row in rows], dtype=torch.float64).reshape(-1, len(labels))

    def _compared(self, prompt: Prompt, first: str, second: str) -> tuple[int, ...] | None:
        return self._ask(prompt, self.config.comparison, {"first": first, "second": second}, self._pair)

    def _rated(self, prompt: Prompt, completion: str) -> tuple[int, ...] | None:
        return self._ask(prompt, self.config.rating, {"completion": completion}, self._digits)

    def _ask(
        self, prompt: Prompt, question: str, values: Mapping[str, str], labels: Sequence[tuple[int, ...]]
    ) -> tuple[int, ...] | None:
        """Ids of a question, without the oldest turns of the conversation where the context is too short for all."""
        template, context = self.backbone.template, self.backbone.context_length
        room = sys.maxsize if context is None else context - max(map(len, labels))
        for start in range(len(prompt)):
            known = {"guidelines": self.config.guidelines, "conversation": _conversation(prompt[start:]), **values}
            ids = template.encode_prompt([Message("user", _fill(question, known))], max_tokens=sys.maxsize)
            if len(ids) <= room:
                if start:
                    logger.warning("a judge was not shown the oldest %d turns of %d: no room", start, len(prompt))
                return tuple(ids)
        logger.warning("a question of %d tokens was not asked: the judge sees %d", len(ids), context)
        return None

    def _judgement(
        self,
        prompt: Prompt,
        completions: tuple[str, ...],
        *,
        ranks: tuple[int, ...] | None = None,
        ratings: tuple[int | None, ...] | None = None,
        weight: float = 1.0,
    ) -> Judgement:
        return Judgement(
            prompt=prompt,
            completions=completions,
            ranks=ranks,
            ratings=ratings,
            weight=weight,
            annotator=self.annotator,
            source="model",
        )


def _encode_labels(backbone: Backbone, labels: Sequence[str]) -> list[tuple[int, ...]]:
    """Each label as ids, without EOS; none may begin as another one does in full, or it would take its probability."""
    ids = [tuple(backbone.template.encode_completion(label)[:-1]) for label in labels]
    for (one, first), (other, second) in combinations(zip(labels, ids, strict=True), 2):
        shared = min(len(first), len(second))
        if first[:shared] == second[:shared]:
            raise ValueError(
                f"the judge's tokenizer begins {one!r} and {other!r} with the same tokens; use other labels"
            )
    return ids


def _conversation(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"{SPEAKERS[message.role]}: {message.content}" for message in messages)


def _fill(question: str, values: Mapping[str, str]) -> str:
    """All placeholders at once, so that one in a person's or a model's text stays as it is."""
    return re.sub("{(" + "|".join(values) + ")}", lambda match: values[match[1]], question)


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
