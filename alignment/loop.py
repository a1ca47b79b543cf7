"""What to do next: pure decisions over plain facts, so that a page can say them and a test can state them. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the decisions depend on.

    Attributes:
        new_judgements: since the last run, counted up to ``judgements_per_run`` and no further.
        open_run: the queued or running run, if there is one.
        open_slots: judgements that the queue still wants, counted up to ``prompts_per_round`` and no further.
        has_prompts: whether there are training prompts to write for.
        written_out: the served version already wrote for all prompts and found nothing new to add.
    """

    enabled: bool
    new_judgements: int
    judgements_per_run: int
    open_run: int | None
    open_slots: int
    prompts_per_round: int
    has_prompts: bool
    written_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a new policy did against the served one on held-out prompts, by held-out reward."""

    win_rate: float
    win_rate_low: float
    win_rate_high: float
    eos_rate: float
    eos_rate_before: float


def should_start(facts: Facts) -> str | None:
    """Why a run starts now, or None when it doesn't."""
    if not facts.enabled or facts.open_run is not None or facts.new_judgements < facts.judgements_per_run:
        return None
    return f"{facts.judgements_per_run} new judgements came in since the last run"


def should_fill(facts: Facts) -> bool:
    """Whether the served policy writes for the queue now: it holds less than half a round, and there are prompts."""
    return facts.has_prompts and not facts.written_out and facts.open_slots * 2 < facts.prompts_per_round


def what_next(facts: Facts) -> str:
    """What the loop will do next, and why, as a sentence for the page."""
    if facts.open_run is not None:
        text = gettext("Run {run} is under way; judgements that come in meanwhile count for the next one.")
        return text.format(run=facts.open_run)
    if not facts.enabled:
        return gettext("Nothing starts by itself: the loop is switched off for this project.")
    missing = facts.judgements_per_run - facts.new_judgements
    if missing > 0:
        text = ngettext(
            "After {missing} more judgement a run starts ({new} of {wanted} since the last one).",
            "After {missing} more judgements a run starts ({new} of {wanted} since the last one).",
            missing,
        )
        return text.format(missing=missing, new=facts.new_judgements, wanted=facts.judgements_per_run)
    return gettext("A run is about to start: there are enough new judgements.")


def gate(verdict: Verdict) -> str | None:
    """Why a new policy is not promoted, or None when it may be.

    It is refused when its held-out reward got worse: when the whole interval of its win rate lies below one half. And
    when it forgot to end its completions, because a reward model may not see what was cut.
    """
    if verdict.win_rate_high < 0.5:
        return (
            f"its held-out reward got worse: it wins {verdict.win_rate:.0%} "
            f"({verdict.win_rate_low:.0%} to {verdict.win_rate_high:.0%}) against the served policy"
        )
    if verdict.eos_rate < verdict.eos_rate_before / 2:
        return f"only {verdict.eos_rate:.0%} of its completions end, before it were {verdict.eos_rate_before:.0%}"
    return None
