"""Rounds over prompts: propensities against an enumeration of everything that chance may do."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from math import comb

import pytest
import torch

from alignment.core.selection import RULES, Rule, every_set
from alignment.core.selection_round import choose, choose_round, rule_in_force, worth_of

SIZES = [2, 3, 2, 2]


def ensemble(seed: int = 3, *, members: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(count, members, generator=generator) for count in (4, 4, 3, 5)]


def enumerated(rewards, rule: Rule, *, budget: int, share: float) -> defaultdict[tuple[int, frozenset[int]], float]:
    """The probability of each (prompt, set), by going through every draw of prompts that chance may make."""
    builders = [RULES[rule](each) for each in rewards]
    worth = [worth_of(each, builder, rule=rule) for each, builder in zip(rewards, builders, strict=True)]
    order = sorted(range(4), key=lambda prompt: -worth[prompt])
    found: defaultdict[tuple[int, frozenset[int]], float] = defaultdict(float)
    few = int(share * budget)
    for number, chance in ((few, 1 - (share * budget - few)), (few + 1, share * budget - few)):
        for drawn in combinations(range(4), number):
            ruled = [prompt for prompt in order if prompt not in drawn][: budget - number]
            weight = chance / comb(4, number)
            for prompt in drawn:
                for chosen in combinations(range(len(rewards[prompt])), SIZES[prompt]):
                    found[prompt, frozenset(chosen)] += weight / comb(len(rewards[prompt]), SIZES[prompt])
            for prompt in ruled:
                sets = every_set(builders[prompt], count=len(rewards[prompt]), size=SIZES[prompt])
                for each, probability in sets.items():
                    found[prompt, each] += weight * probability
    return found


@pytest.mark.parametrize("rule", [Rule.VARIANCE, Rule.BALD, Rule.DTS, Rule.BAI_TS, Rule.BEST_WORST])
@pytest.mark.parametrize(("budget", "share"), [(2, 0.2), (3, 0.5), (4, 0.3), (1, 0.2)])
def test_the_propensity_is_what_all_that_chance_may_do_adds_up_to(rule: Rule, budget: int, share: float):
    rewards = ensemble()
    expected = enumerated(rewards, rule, budget=budget, share=share)
    assert sum(expected.values()) == pytest.approx(budget)

    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        for choice in choose_round(
            rewards, sizes=SIZES, rule=rule, budget=budget, random_share=share, generator=generator
        ):
            assert choice.propensity == pytest.approx(expected[choice.prompt, frozenset(choice.chosen)])


def test_items_are_asked_about_as_often_as_their_propensity_says():
    rewards, generator = ensemble(), torch.Generator().manual_seed(1)

    seen: Counter[tuple[int, tuple[int, ...]]] = Counter()
    said = {}
    for _ in range(300):
        for choice in choose_round(
            rewards, sizes=SIZES, rule=Rule.DTS, budget=2, random_share=0.4, generator=generator
        ):
            seen[choice.prompt, choice.chosen] += 1
            said[choice.prompt, choice.chosen] = choice.propensity

    for item, times in seen.items():
        margin = 5 * (said[item] * (1 - said[item]) / 300) ** 0.5
        assert times / 300 == pytest.approx(said[item], abs=margin + 1e-9)


def test_of_one_prompt_the_propensity_is_the_formula_of_the_mixture():
    rewards = ensemble()[0]
    by_rule = every_set(RULES[Rule.DTS](rewards), count=4, size=2)

    for seed in range(8):
        choice = choose(rewards, size=2, rule=Rule.DTS, random_share=0.2, generator=torch.Generator().manual_seed(seed))

        assert choice.propensity == pytest.approx(0.2 / 6 + 0.8 * by_rule[frozenset(choice.chosen)])
        assert choice.random_propensity == pytest.approx(1 / 6)


def test_the_share_at_random_is_right_in_the_mean_even_of_a_fraction_of_an_item():
    rewards, generator = ensemble(), torch.Generator().manual_seed(2)

    rounds = [
        choose_round(rewards, sizes=SIZES, rule=Rule.VARIANCE, budget=3, random_share=0.25, generator=generator)
        for _ in range(400)
    ]

    assert sum(each.is_random for choices in rounds for each in choices) / 400 == pytest.approx(0.75, abs=0.11)
    assert {len(choices) for choices in rounds} == {3}


def test_one_member_knows_no_uncertainty_so_everything_is_random_and_says_so():
    rewards = ensemble(members=1)

    choices = choose_round(
        rewards, sizes=SIZES, rule=Rule.DTS, budget=3, random_share=0.2, generator=torch.Generator().manual_seed(0)
    )

    assert {choice.rule for choice in choices} == {Rule.RANDOM}
    assert all(choice.is_random for choice in choices)
    for choice in choices:
        assert choice.propensity == pytest.approx(0.75 / comb(len(rewards[choice.prompt]), SIZES[choice.prompt]))
        assert choice.propensity == pytest.approx(choice.random_propensity)
    assert rule_in_force(Rule.DTS, []) is Rule.RANDOM


def test_d_optimal_turns_away_from_what_the_batch_knows_already():
    # The first two prompts ask the same thing; the third asks something else that teaches a little less alone.
    same = torch.tensor([[2.0, -2.0, 0.0], [-2.0, 2.0, 0.0]])
    other = torch.tensor([[1.0, 1.0, -2.0], [-1.0, -1.0, 2.0]]) * 0.9

    choices = choose_round(
        [same, same.clone(), other],
        sizes=[2, 2, 2],
        rule=Rule.D_OPTIMAL,
        budget=2,
        random_share=1e-9,
        generator=torch.Generator().manual_seed(0),
    )

    assert [choice.prompt for choice in choices] == [0, 2]
    assert [choice.prompt for choice in choices if choice.propensity < 0.99] == []


def test_the_same_generator_chooses_the_same():
    first, second = (
        choose_round(
            ensemble(),
            sizes=SIZES,
            rule=Rule.BAI_TS,
            budget=3,
            random_share=0.2,
            generator=torch.Generator().manual_seed(9),
        )
        for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"random_share": 0.0}, "random_share is 0.0"),
        ({"random_share": 1.2}, "random_share is 1.2"),
        ({"budget": -1}, "budget is -1"),
        ({"sizes": [2]}, "4 prompts and 1 sizes"),
        ({"sizes": [2, 9, 2, 2]}, "a set of 9 out of 4"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(changes, said):
    given = {"sizes": SIZES, "rule": Rule.DTS, "budget": 2, "random_share": 0.2} | changes

    with pytest.raises(ValueError, match=said):
        choose_round(ensemble(), generator=torch.Generator(), **given)


def test_members_of_two_ensembles_are_refused():
    with pytest.raises(ValueError, match="use one ensemble"):
        choose_round(
            [torch.zeros(2, 2), torch.zeros(2, 3)],
            sizes=[2, 2],
            rule=Rule.DTS,
            budget=1,
            random_share=0.2,
            generator=torch.Generator(),
        )
