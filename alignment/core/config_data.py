"""The settings of methods that make their own data: self-improvement, AI feedback. Standard library only, as config."""

from __future__ import annotations

from dataclasses import dataclass

from alignment.core.fields import InvalidSetting, Settings, real, text, whole


@dataclass(frozen=True, kw_only=True)
class SelfConsistencyConfig(Settings):
    """Fine-tune on completions that reach what most of their prompt's completions reach (Huang et al., 2022)."""

    completions_per_prompt: int = whole(32, low=2, high=1024)
    """Votes on each prompt (Huang et al.: 32; Wang et al., 2022: 40)."""
    max_new_tokens: int = whole(256, low=1)
    """Tokens that a completion may have; one that is cut off has no vote."""
    temperature: float = real(0.7, low=0, above=True, high=10)
    """Of sampling (Wang et al.: 0.5 to 0.7); the votes must differ."""
    agreement: float = real(0.5, low=0, high=1)
    """Share of a prompt's completions that must reach the answer for the prompt to be learned from."""
    keep: int = whole(4, low=1, high=1024)
    """Different completions with that answer to learn from, at most, of each prompt."""


@dataclass(frozen=True, kw_only=True)
class StarConfig(Settings):
    """STaR: fine-tune on rationales that reach the known answer, alone or with a hint (Zelikman et al., 2022)."""

    completions_per_prompt: int = whole(1, low=1, high=1024)
    """Tries without the hint, and as many with it where none was right (the paper: 1)."""
    max_new_tokens: int = whole(256, low=1)
    """Tokens that a completion may have; one that is cut off counts as wrong."""
    temperature: float = real(0.0, low=0, high=10)
    """Of sampling; 0 takes the likeliest token (the paper), more than one try needs more."""
    hint: str = text("\n(The answer is {answer}. Explain how to get there.)")
    """Put behind the last turn of a prompt that was not solved; {answer} stands for the known answer."""
    keep: int = whole(1, low=1, high=1024)
    """Different completions to learn from, at most, of each prompt (the paper: 1)."""

    def validate(self) -> None:
        """Check every field, and that the hint gives the answer."""
        super().validate()
        if "{answer}" not in self.hint:
            raise InvalidSetting("hint", f"StarConfig.hint is {self.hint!r}; it must contain {{answer}}")


@dataclass(frozen=True, kw_only=True)
class BestOfNConfig(Settings):
    """Fine-tune on the best of n completions by a reward; the KL to the policy is at most log n - (n - 1) / n nats."""

    completions_per_prompt: int = whole(16, low=1, high=4096)
    """n; 16 is at most 1.84 nats from the policy, 64 is 3.17 (Stiennon et al., 2020: 64)."""
    max_new_tokens: int = whole(64, low=1)
    """Tokens that a completion may have; one that is cut off is never the best."""
    temperature: float = real(1.0, low=0, above=True, high=10)
    """Of sampling."""


@dataclass(frozen=True, kw_only=True)
class RejectionConfig(Settings):
    """Fine-tune on completions accepted with probability exp((r - highest) / beta): draws of pi exp(r / beta) / Z."""

    beta: float = real(0.5, low=0, above=True)
    """KL strength, in reward per nat: the smaller, the fewer are accepted (Liu et al., 2023, RSO: 0.5)."""
    highest: float | None = real(None, low=-1e30, high=1e30, optional=True)
    """Reward that none exceeds; None: the highest among the prompt's own, which takes that one too often when few."""
    completions_per_prompt: int = whole(64, low=1, high=4096)
    """Drawn of each prompt (RSO: 64)."""
    max_new_tokens: int = whole(64, low=1)
    """Tokens that a completion may have; one that is cut off is never accepted."""
    temperature: float = real(1.0, low=0, above=True, high=10)
    """Of sampling; at 1 the draws are of the policy itself."""
    keep: int = whole(8, low=1, high=4096)
    """Accepted completions to learn from, at most, of each prompt, the first ones (RSO: 8)."""


@dataclass(frozen=True, kw_only=True)
class JudgeConfig(Settings):
    """AI feedback: a language model compares and rates completions as an annotator would (Lee et al., 2023, RLAIF)."""

    guidelines: str = text("Prefer the completion that is more helpful, honest and harmless.")
    """What the annotators are told."""
    comparison: str = text(
        "{guidelines}\n\n[CONVERSATION]\n{conversation}\n\n[COMPLETION A]\n{first}\n\n[COMPLETION B]\n{second}\n\n"
        "Which completion is better? Say A or B."
    )
    """The question about two completions, asked in both orders; all four placeholders must be in it."""
    rating: str = text(
        "{guidelines}\n\n[CONVERSATION]\n{conversation}\n\n[COMPLETION]\n{completion}\n\n"
        "How good is the completion, from 1 (worst) to 7 (best)? Say a number."
    )
    """The question about one completion; all three placeholders must be in it."""
    first_label: str = text("A")
    """What the judge says for the completion that is shown first."""
    second_label: str = text("B")
    """What the judge says for the other."""
    margin: float = real(0.05, low=0, high=0.5)
    """How far the mean preference must be from 1/2 for a win; nearer is a tie, as is a pair judged by its order."""

    def validate(self) -> None:
        """Check every field, and that the questions hold what they ask about."""
        super().validate()
        for name, wanted in (("comparison", COMPARED), ("rating", RATED)):
            missing = [f"{{{each}}}" for each in wanted if f"{{{each}}}" not in getattr(self, name)]
            if missing:
                raise InvalidSetting(name, f"JudgeConfig.{name} has no {' and no '.join(missing)}")
        if self.first_label == self.second_label:
            raise InvalidSetting("second_label", f"JudgeConfig: both labels are {self.first_label!r}; give two")


COMPARED = ("guidelines", "conversation", "first", "second")
RATED = ("guidelines", "conversation", "completion")
"""Placeholders of the judge's questions."""
