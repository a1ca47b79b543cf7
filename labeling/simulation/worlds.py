"""Small worlds for measuring the loop: a language of few words, a hidden reward of texts, and a team that sees it.

A prompt names a topic, a style and a detail. What people want of a completion differs by world and is drawn from its
seed: words that suit the topic and words that don't, an order of words that suits the style, and that the detail is
mentioned. Each merit saturates, a word said over and over costs more than it brought, and so does a long text: whoever
maximises a guess of this reward far enough gets less of it.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

TOPICS = ("garden", "kitchen", "river", "forest", "market", "harbour", "school", "castle", "winter", "summer")
STYLES = ("brief", "warm", "formal", "playful")
WORDS = (
    "amber", "birch", "cedar", "dawn", "ember", "fern", "grove", "haze", "iris", "jade", "kelp", "lark",
    "moss", "nectar", "olive", "pearl", "quartz", "reed", "sage", "thorn", "umber", "violet", "willow", "yarrow",
)  # fmt: skip
FAMILIES = 4
"""Words come in so many families; a style likes some families to follow others."""
SUITING, UNSUITING = 5, 4
"""Words that suit a topic, and words that don't."""
TASTE = 4.0
"""How sharply those who wrote the plain texts choose between words, for better or for worse, at most."""
CHOICES = 3
"""Words that they choose from, each time. With 2, and a taste of 2, texts differ too little in how good they are for a
base model to learn what is good about them: half as much of a reward is known from the taste of its text."""


@dataclass(frozen=True)
class World:
    """One world: what is truly wanted, drawn from a seed. Rewards are in standard deviations of a plain text's."""

    seed: int
    scale: float = 1.0
    offset: float = 0.0

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """All prompts, in an order of their own."""
        found = [f"{topic} {style} {detail}" for topic in TOPICS for style in STYLES for detail in WORDS]
        random.Random(f"{self.seed} prompts").shuffle(found)
        return tuple(found)

    @cached_property
    def wishes(self) -> dict[str, dict[str, float]]:
        """By topic, what each word brings; and under a style, what a family after a family brings."""
        chance = random.Random(f"{self.seed} wishes")
        found = {}
        for topic in TOPICS:
            drawn = chance.sample(WORDS, SUITING + UNSUITING)
            worth = [chance.uniform(0.5, 1.3) for _ in range(SUITING)] + [
                -chance.uniform(0.5, 1.3) for _ in range(UNSUITING)
            ]
            found[topic] = dict(zip(drawn, worth, strict=True))
        for style in STYLES:
            found[style] = {f"{a}{b}": chance.gauss(0.0, 0.5) for a in range(FAMILIES) for b in range(FAMILIES)}
        return found

    @cached_property
    def families(self) -> dict[str, int]:
        """The family of each word."""
        drawn = random.Random(f"{self.seed} families").sample(WORDS, len(WORDS))
        return {word: number % FAMILIES for number, word in enumerate(drawn)}

    def plain_text(self, prompt: str, chance: random.Random) -> str:
        """What somebody writes: of a taste of their own, anything from the opposite of what is wanted to nearly that.

        So what is good about texts goes together in them, as it does in texts of people, and who learns to write such
        texts learns to tell the good ones from the bad ones, but not which is which.
        """
        topic, style, detail = prompt.split()
        taste = chance.uniform(-TASTE, TASTE)
        length = min(14, 3 + int(chance.expovariate(1 / 4.0)))
        words: list[str] = []
        for _ in range(length):
            drawn = [self._any_word(topic, detail, chance) for _ in range(CHOICES)]
            wishes = [math.exp(taste * self._worth(topic, style, detail, words, word)) for word in drawn]
            words.append(chance.choices(drawn, wishes)[0])
        return " ".join(words)

    def _any_word(self, topic: str, detail: str, chance: random.Random) -> str:
        drawn = chance.random()
        if drawn < 0.35:
            return chance.choice(list(self.wishes[topic]))
        return detail if drawn < 0.42 else chance.choice(WORDS)

    def _worth(self, topic: str, style: str, detail: str, before: Sequence[str], word: str) -> float:
        """What a next word brings, at first sight."""
        if word in before:
            return -0.8
        order = self.wishes[style][f"{self.families[before[-1]]}{self.families[word]}"] if before else 0.0
        return self.wishes[topic].get(word, 0.0) + order + (word == detail)

    def reward(self, prompt: str, text: str) -> float:
        """The true reward of a completion; plain texts have mean 0 and deviation 1 in a calibrated world."""
        return (self._raw(prompt, text) - self.offset) / self.scale

    def _raw(self, prompt: str, text: str) -> float:
        topic, style, detail = prompt.split()
        words = text.split()
        counts = Counter(words)
        wishes, order = self.wishes[topic], self.wishes[style]
        suited = sum(wishes.get(word, 0.0) for word in counts)
        again = sum(0.8 * math.pow(max(0, count - 1), 1.5) for count in counts.values())
        bigrams = [
            order[f"{self.families[a]}{self.families[b]}"]
            for a, b in pairwise(words)
            if a in self.families and b in self.families
        ]
        ordered = 2.5 * math.tanh(sum(bigrams) / 2.5)
        mentioned = 1.0 if detail in counts else 0.0
        foreign = sum(word not in self.families for word in words)
        too_long = 0.5 * max(0, len(words) - 10)
        return suited + ordered + mentioned - again - too_long - foreign - (1.5 if not words else 0.0)


def make_world(seed: int) -> World:
    """A world whose plain texts have true rewards of mean 0 and deviation 1."""
    world = World(seed)
    chance = random.Random(f"{seed} calibration")
    rewards = [world.reward(prompt, world.plain_text(prompt, chance)) for prompt in world.prompts]
    mean = sum(rewards) / len(rewards)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in rewards) / len(rewards))
    return World(seed, scale=deviation, offset=mean)


@dataclass(frozen=True, slots=True)
class Taste:
    """How one annotator compares two completions.

    Attributes:
        sharpness: Bradley-Terry: P(a beats b) = sigmoid(sharpness * (reward a - reward b) + biases); 0 is a spammer,
            below 0 an adversary.
        lapse_rate: share of pairs decided by a coin.
        side_bias: added for the completion that is shown first.
        length_bias: times the difference of the lengths over their sum.
    """

    sharpness: float
    lapse_rate: float = 0.0
    side_bias: float = 0.0
    length_bias: float = 0.0

    @property
    def is_bad(self) -> bool:
        """Whether what they say tells nothing, or the opposite."""
        return self.sharpness <= 0

    def prefers_first(self, rewards: tuple[float, float], lengths: tuple[int, int], chance: random.Random) -> bool:
        """Whether the completion that is shown first is preferred."""
        if chance.random() < self.lapse_rate:
            return chance.random() < 0.5
        longer = (lengths[0] - lengths[1]) / max(1, sum(lengths))
        logit = self.sharpness * (rewards[0] - rewards[1]) + self.side_bias + self.length_bias * longer
        return chance.random() < 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def make_team(seed: int, *, size: int = 12, spammers: int = 2, adversaries: int = 1) -> list[Taste]:
    """Annotators in an order of their own: careful and less careful ones, spammers and adversaries among them."""
    chance = random.Random(f"{seed} team")
    honest = [
        Taste(
            sharpness=chance.uniform(0.8, 2.2),
            lapse_rate=chance.uniform(0.0, 0.1),
            side_bias=chance.gauss(0.0, 0.3),
            length_bias=chance.gauss(0.0, 0.5),
        )
        for _ in range(size - spammers - adversaries)
    ]
    team = [*honest, *[Taste(0.0, side_bias=chance.gauss(0.0, 0.3)) for _ in range(spammers)]]
    team += [Taste(-chance.uniform(0.8, 2.2)) for _ in range(adversaries)]
    chance.shuffle(team)
    return team


def win_rate(world: World, written: Mapping[str, Sequence[str]], against: Mapping[str, Sequence[str]]) -> float:
    """How often what was written truly beats what it is compared with, on the same prompts; a tie is half a win."""
    wins = []
    for prompt, texts in written.items():
        theirs = [world.reward(prompt, text) for text in against[prompt]]
        for mine in (world.reward(prompt, text) for text in texts):
            wins += [(mine > other) + 0.5 * (mine == other) for other in theirs]
    return sum(wins) / len(wins)
