"""A policy that learns from its own completions: their answers tell which are good, and it is fine-tuned on those.

found = collect_right(LocalSampler(backbone, "policy"), problems, StarConfig(), extract=behind("####"), generator=g)
train(SupervisedFineTuning(backbone, SFTConfig(), adapter="next"), found.demonstrations, TrainerConfig())
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from alignment.core.answers import Extract, majority
from alignment.core.config_data import SelfConsistencyConfig, StarConfig
from alignment.core.methods.collecting import Collected, collected, mean, write
from alignment.core.records import Problem, Prompt
from alignment.core.rollout import Sampled, Sampler


def collect_agreed(
    sampler: Sampler,
    prompts: Sequence[Prompt],
    config: SelfConsistencyConfig,
    *,
    extract: Extract,
    generator: torch.Generator,
) -> Collected:
    """Completions that reach what most of their prompt's completions reach, where enough agree (Huang et al., 2022).

    Metrics: ``agreement``, the mean share of the majority.
    """
    written = write(sampler, prompts, config, generator)
    votes = [majority(_answer(each, extract) for each in group) for group in written]
    chosen = [
        _distinct(
            (each for each in group if vote.share >= config.agreement and _reaches(each, vote.answer, extract)),
            keep=config.keep,
        )
        for group, vote in zip(written, votes, strict=True)
    ]
    return collected(prompts, written, chosen, agreement=mean([vote.share for vote in votes]))


def collect_right(
    sampler: Sampler,
    problems: Sequence[Problem],
    config: StarConfig,
    *,
    extract: Extract,
    generator: torch.Generator,
) -> Collected:
    """One round of STaR: completions that reach the known answer; where none does, those that do with a hint.

    What is learned is the prompt without the hint, and the completion without it should it repeat the hint's words. The
    paper trains each round anew from the base, on all that this round's policy solves (Zelikman et al., 2022, alg. 1).

    Metrics: ``right``, the share of completions without a hint that were right; ``solved`` and ``rationalised``, the
    shares of problems that gave a demonstration without and with a hint.
    """
    written = write(sampler, [problem.prompt for problem in problems], config, generator)
    right = [
        [each for each in group if _reaches(each, problem.answer, extract)]
        for problem, group in zip(problems, written, strict=True)
    ]
    chosen = [_distinct(group, keep=config.keep) for group in right]
    unsolved = [number for number, group in enumerate(chosen) if not group]
    for number, group in _with_hints(sampler, problems, unsolved, config, extract=extract, generator=generator):
        chosen[number] = group
    solved = len(problems) - len(unsolved)
    return collected(
        [problem.prompt for problem in problems],
        written,
        chosen,
        right=mean([len(good) / len(group) for good, group in zip(right, written, strict=True)]),
        solved=solved / max(len(problems), 1),
        rationalised=(sum(map(bool, chosen)) - solved) / max(len(problems), 1),
    )


def _answer(each: Sampled, extract: Extract) -> str | None:
    """None for a completion that was cut off: what it would have concluded is not known."""
    return extract(each.text) if each.ended else None


def _reaches(each: Sampled, answer: str | None, extract: Extract) -> bool:
    return answer is not None and _answer(each, extract) == answer


def _distinct(group: Iterable[Sampled], *, keep: int) -> list[str]:
    return list(dict.fromkeys(each.text for each in group))[:keep]


def _with_hints(
    sampler: Sampler,
    problems: Sequence[Problem],
    unsolved: Sequence[int],
    config: StarConfig,
    *,
    extract: Extract,
    generator: torch.Generator,
) -> Iterable[tuple[int, list[str]]]:
    """By problem, completions that reach the answer when it is given; the words of the hint are taken out of them."""
    hints = [config.hint.replace("{answer}", problems[number].answer) for number in unsolved]
    hinted = [_hinted(problems[number].prompt, hint) for number, hint in zip(unsolved, hints, strict=True)]
    for number, hint, group in zip(unsolved, hints, write(sampler, hinted, config, generator), strict=True):
        stripped = (_without(each, hint.strip()) for each in group)
        answer = problems[number].answer
        yield number, _distinct((each for each in stripped if _reaches(each, answer, extract)), keep=config.keep)


def _hinted(prompt: Prompt, hint: str) -> Prompt:
    return (*prompt[:-1], replace(prompt[-1], content=prompt[-1].content + hint))


def _without(each: Sampled, words: str) -> Sampled:
    return replace(each, text=each.text.replace(words, "").strip()) if words and words in each.text else each
