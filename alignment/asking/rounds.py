"""A round: versions write for prompts, and of what they wrote is chosen what people see. The one way into the queue.

The core's selection_round chooses; here is what goes in. Of held-out prompts, and of what is only suggested, everything
is chosen at random: nobody trains on the former, so nothing would be gained, and what is measured on them stays
unbiased as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from alignment import writing
from alignment.artifacts import load_policy, load_reward_model
from alignment.asking.duplicates import distinct
from alignment.asking.pool import Writer, pool
from alignment.core.backbone import Backbone
from alignment.core.model.loading import ModelError
from alignment.core.selection import Rule
from alignment.core.selection_round import choose_round
from alignment.datasets import to_prompt
from alignment.models import LoopSettings, RewardModel
from alignment.patience import patiently
from alignment.plans import SamplingConfig
from alignment.selectors import current_reward_model
from labeling import exchange

logger = logging.getLogger(__name__)

Kept = dict[str, Any]
"""A round as plain values, which a run keeps before it hands it over: version, and groups of completions with how each
was chosen."""


@dataclass(frozen=True)
class Asked:
    """A prompt with its candidates as rows (writing.rows, with their version), and what is asked about it."""

    record: exchange.PromptRecord
    wanted: exchange.Wanted
    candidates: list[dict[str, Any]]

    @property
    def size(self) -> int:
        """How many of them an item shows."""
        return min(self.wanted.most, len(self.candidates))

    @property
    def is_ruled(self) -> bool:
        """Whether the rule chooses, and not chance alone."""
        return self.wanted.compares and not self.record.held_out


def write_round(
    settings: LoopSettings,
    backbone: Backbone,
    *,
    sampling: SamplingConfig,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> Kept:
    """Write for the prompts that were written for least, and choose what people are asked about.

    Args:
        sampling: how, for how many items, and how many completions an item shows.
        seed: of what is written and of what is chosen; the same one gives the same round.
        check: called between the parts; what it raises ends the writing.

    Raises:
        ModelError: the served policy, the newest candidate or the reward model can't be loaded.
    """
    writers = patiently(pool, settings, shown=sampling.completions)
    model = patiently(current_reward_model, settings.pk)
    is_ruled = settings.rule != Rule.RANDOM and model is not None and model.members > 1
    version = max(writer.policy.version for writer in writers)
    records = patiently(
        prompts_for_round,
        settings.pk,
        budget=sampling.prompts,
        considered=settings.prompts_considered if is_ruled else 1,
    )
    if not records:
        return {"version": version, "groups": []}
    generator = torch.Generator().manual_seed(seed)
    wanted = patiently(exchange.wanted_of, settings.pk, prompts=[each.id for each in records], policy_version=version)
    written = _write(records, writers, backbone, sampling=sampling, seed=seed, generator=generator, check=check)
    asked = [
        Asked(record, wanted[record.id], candidates)
        for record, candidates in zip(records, written, strict=True)
        if record.id in wanted and len(candidates) >= max(wanted[record.id].least, 2)
    ]
    groups = _choose(asked, settings, model if is_ruled else None, backbone, budget=sampling.prompts, chance=generator)
    return {"version": version, "groups": groups}


def hand_over(project_id: int, kept: Kept) -> int:
    """Put a round into the queue; how many items that gave. The same round twice gives nothing twice."""
    groups = kept["groups"]
    return exchange.add_completions(
        project_id=project_id,
        policy_version=kept["version"],
        sampled=[writing.as_sampled(group["completions"]) for group in groups],
        chosen=[exchange.Chosen(**group["chosen"]) for group in groups],
        # What the newest policy writes is asked about first: judgements of it teach the most.
        priority=min(kept["version"], writing.HIGHEST_PRIORITY),
    )


def prompts_for_round(project_id: int, *, budget: int, considered: int) -> list[exchange.PromptRecord]:
    """Prompts to write for: those written for least, so many for each item, and among every ten items one held out.

    Nobody trains on the held-out ones; without judgements of them no reward model could be checked.
    """
    share = min(budget // 2, round(budget * writing.HELD_OUT_SHARE))
    held_out = exchange.prompts_to_sample(project_id, limit=share, held_out=True)
    return exchange.prompts_to_sample(project_id, limit=(budget - len(held_out)) * considered) + held_out


def _write(
    records: Sequence[exchange.PromptRecord],
    writers: Sequence[Writer],
    backbone: Backbone,
    *,
    sampling: SamplingConfig,
    seed: int,
    generator: torch.Generator,
    check: Callable[[], None],
) -> list[list[dict[str, Any]]]:
    """The candidates of each prompt, without near-duplicates; of two alike the newer version's stays."""
    prompts, ids = [to_prompt(record.messages) for record in records], [record.id for record in records]
    found: list[list[dict[str, Any]]] = [[] for _ in records]
    for writer in sorted(writers, key=lambda each: -each.policy.version):
        try:
            adapter = load_policy(backbone, writer.policy, name=f"version-{writer.policy.version}")
        except ModelError as error:
            if writer.is_needed:
                raise
            logger.warning("%s writes nothing for the queue: %s", writer.policy, error)
            continue
        groups = writing.write(
            backbone,
            prompts,
            adapter=adapter,
            sampling=sampling,
            completions=writer.completions,
            generator=generator,
            check=check,
        )
        for candidates, rows in zip(found, writing.rows(ids, groups, sampling=sampling, seed=seed), strict=True):
            candidates += [{**row, "version": writer.policy.version} for row in rows]
    return [distinct(candidates, text=lambda row: str(row["text"])) for candidates in found]


def _choose(
    asked: Sequence[Asked],
    settings: LoopSettings,
    model: RewardModel | None,
    backbone: Backbone,
    *,
    budget: int,
    chance: torch.Generator,
) -> list[dict[str, Any]]:
    """The groups to be judged, those of held-out prompts among the others."""
    held_out = [each for each in asked if each.record.held_out]
    ruled = [each for each in asked if each.is_ruled]
    others = [each for each in asked if not each.is_ruled and not each.record.held_out]
    budget = max(0, budget - len(held_out))
    for_ruled = round(budget * len(ruled) / max(1, len(ruled) + len(others)))
    scores = _scored(ruled, model, backbone)
    rule, share = (Rule(settings.rule), settings.random_share) if model is not None else (Rule.RANDOM, 1.0)
    groups = [
        *_chosen(ruled, scores, rule=rule, budget=for_ruled, share=share, chance=chance),
        *_chosen(others, _unscored(others), rule=Rule.RANDOM, budget=budget - for_ruled, share=1.0, chance=chance),
    ]
    by_chance = _chosen(held_out, _unscored(held_out), rule=Rule.RANDOM, budget=len(held_out), share=1.0, chance=chance)
    for number, group in enumerate(by_chance):
        # In the middle of its ten, so that a run after ten judgements knows of it.
        groups.insert(min(len(groups), number * 10 + 4), group)
    return groups


def _chosen(
    asked: Sequence[Asked],
    scores: Sequence[torch.Tensor],
    *,
    rule: Rule,
    budget: int,
    share: float,
    chance: torch.Generator,
) -> list[dict[str, Any]]:
    choices = choose_round(
        scores,
        sizes=[each.size for each in asked],
        rule=rule,
        budget=budget,
        random_share=share,
        generator=chance,
    )
    return [
        {
            "completions": [asked[choice.prompt].candidates[place] for place in choice.chosen],
            "chosen": asdict(
                exchange.Chosen(
                    rule=choice.rule.value,
                    propensity=choice.propensity,
                    random_propensity=choice.random_propensity,
                    is_random=choice.is_random,
                )
            ),
        }
        for choice in choices
    ]


def _scored(asked: Sequence[Asked], model: RewardModel | None, backbone: Backbone) -> list[torch.Tensor]:
    """Rewards of each prompt's candidates by the members of the current reward model, (K, members)."""
    if model is None or not asked:
        return _unscored(asked)
    scorer = load_reward_model(backbone, model, adapter=f"asking-{model.number}")
    encoded = [
        pair
        for each in asked
        for pair in backbone.template.encode(
            to_prompt(each.record.messages), [str(row["text"]) for row in each.candidates]
        )
    ]
    rewards = scorer.member_rewards(encoded).cpu()
    return list(torch.split(rewards, [len(each.candidates) for each in asked]))


def _unscored(asked: Sequence[Asked]) -> list[torch.Tensor]:
    return [torch.zeros(len(each.candidates), 1) for each in asked]
