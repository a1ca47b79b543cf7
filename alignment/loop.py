"""What to do next: pure decisions over plain facts, so that a page can say them and a test can state them. No torch.

Three clocks: the reward model is refreshed after new judgements, a policy is trained after refreshes, and what is
promoted is the gate's decision. Times are the database's; one that lies in the future, because somebody set the clock
back, counts as long ago: a clock that jumps starts a run too early at most, and never keeps one from starting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext, gettext_lazy, ngettext

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
REASONS = (
    (
        r"(\d+) new judgements came in since the last refresh",
        gettext_lazy("{0} new judgements came in since the last refresh"),
    ),
    (r"a judgement waited for (\d+) minutes", gettext_lazy("a judgement waited for {0} minutes")),
    (
        r"the reward model was refreshed since the last policy run",
        gettext_lazy("the reward model was refreshed since the last policy run"),
    ),
    (
        r"the reward model was refreshed (\d+) times since the last policy run",
        gettext_lazy("the reward model was refreshed {0} times since the last policy run"),
    ),
    (r"repeats run (\d+)", gettext_lazy("repeats run {0}")),
)
"""What should_refresh, should_train and a repetition give as reasons, and how each is said."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """One of the clocks as it stands.

    Attributes:
        enabled: whether it runs by itself.
        open_run: its queued or running run, whoever started it.
        started: when its last run was started.
        failures: runs of the loop that failed, one after the other; one that ended well or that a person started ends
            the row.
        failed: when the last of them failed.
    """

    enabled: bool = True
    open_run: int | None = None
    started: datetime | None = None
    failures: int = 0
    failed: datetime | None = None

    def pause(self) -> timedelta:
        """How long it stands back after its failures: a minute, then twice as long each time, up to six hours."""
        if not self.failures:
            return timedelta(0)
        doubled: int = 2 ** min(self.failures - 1, 20)
        return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the decisions depend on.

    Attributes:
        now: the time that all others are compared with.
        new_judgements: since what the newest reward model has seen, counted up to ``judgements_per_refresh``.
        waiting_since: when the oldest of them was made.
        refreshes: reward models since the last policy run.
        open_slots: judgements that the queue still wants, counted up to ``prompts_per_round`` and no further.
        has_prompts: whether there are training prompts to write for.
        written_out: the served version already wrote for all prompts and found nothing new to add.
    """

    enabled: bool
    now: datetime
    refresh: Clock
    policy: Clock
    new_judgements: int
    judgements_per_refresh: int
    waiting_since: datetime | None
    refreshes: int
    refreshes_per_policy: int
    minutes_between_runs: int
    minutes_at_most: int | None
    open_slots: int
    prompts_per_round: int
    has_prompts: bool
    written_out: bool = False

    @property
    def open_run(self) -> int | None:
        """A run that is under way, of either clock."""
        return self.refresh.open_run or self.policy.open_run


def not_before(clock: Clock, *, facts: Facts) -> datetime | None:
    """Until when the clock stands still although it is due: the gap between runs, or after failures; None: not at all.

    A time in the future counts as long ago.
    """
    gap = timedelta(minutes=facts.minutes_between_runs)
    waits = [(clock.started, gap), (clock.failed, clock.pause())]
    until = [since + long for since, long in waits if since is not None and since <= facts.now]
    later = [moment for moment in until if moment > facts.now]
    return max(later, default=None)


def _held_back(clock: Clock, *, facts: Facts) -> bool:
    if not facts.enabled or not clock.enabled or clock.open_run is not None:
        return True
    return not_before(clock, facts=facts) is not None


def should_refresh(facts: Facts) -> str | None:
    """Why the reward model is refreshed now, or None when it isn't."""
    if _held_back(facts.refresh, facts=facts):
        return None
    if facts.new_judgements >= facts.judgements_per_refresh:
        return f"{facts.judgements_per_refresh} new judgements came in since the last refresh"
    if _waited_long(facts):
        return f"a judgement waited for {facts.minutes_at_most} minutes"
    return None


def _waited_long(facts: Facts) -> bool:
    if facts.minutes_at_most is None or facts.waiting_since is None or not facts.new_judgements:
        return False
    return abs(facts.now - facts.waiting_since) >= timedelta(minutes=facts.minutes_at_most)


def should_train(facts: Facts) -> str | None:
    """Why a policy is trained now, or None when it isn't."""
    if _held_back(facts.policy, facts=facts) or facts.refreshes < facts.refreshes_per_policy:
        return None
    if facts.refreshes == 1:
        return "the reward model was refreshed since the last policy run"
    return f"the reward model was refreshed {facts.refreshes} times since the last policy run"


def reason_shown(stored: str) -> str:
    """Why a run was started, in the language of who reads: with the run it is kept in English."""
    for pattern, said in REASONS:
        if found := re.fullmatch(pattern, stored):
            return str(said).format(*found.groups())
    return stored


def should_fill(facts: Facts) -> bool:
    """Whether the served policy writes for the queue now: it holds less than half a round, and there are prompts."""
    return facts.has_prompts and not facts.written_out and facts.open_slots * 2 < facts.prompts_per_round


def refresh_next(facts: Facts) -> str:
    """What the clock of the reward model does next, and why, as a sentence for the page."""
    if said := _stands(facts.refresh, facts=facts, paused=gettext("Paused: the reward model stays as it is.")):
        return said
    missing = facts.judgements_per_refresh - facts.new_judgements
    if missing <= 0 or _waited_long(facts):
        return _soon(
            facts.refresh, facts=facts, now=gettext("A refresh is about to start: there are enough judgements.")
        )
    text = ngettext(
        "After {missing} more judgement the reward model is refreshed ({new} of {wanted}).",
        "After {missing} more judgements the reward model is refreshed ({new} of {wanted}).",
        missing,
    )
    said = text.format(missing=missing, new=facts.new_judgements, wanted=facts.judgements_per_refresh)
    if facts.minutes_at_most is not None and facts.waiting_since is not None:
        latest = facts.waiting_since + timedelta(minutes=facts.minutes_at_most)
        said += " " + gettext("At the latest at {time} UTC.").format(time=_clock_time(latest))
    return said


def policy_next(facts: Facts) -> str:
    """What the clock of the policy does next, and why, as a sentence for the page."""
    if said := _stands(facts.policy, facts=facts, paused=gettext("Paused: no policy is trained by itself.")):
        return said
    missing = facts.refreshes_per_policy - facts.refreshes
    if missing <= 0:
        return _soon(facts.policy, facts=facts, now=gettext("A policy run is about to start on the new reward model."))
    if not facts.refresh.enabled:
        return gettext("It waits for a refresh of the reward model, and that clock is paused.")
    text = ngettext(
        "After {missing} more refresh of the reward model a policy is trained.",
        "After {missing} more refreshes of the reward model a policy is trained.",
        missing,
    )
    return text.format(missing=missing)


def what_next(facts: Facts) -> str:
    """What the loop will do next, and why, in one sentence."""
    if facts.open_run is not None:
        text = gettext("Run {run} is under way; judgements that come in meanwhile count for the next one.")
        return text.format(run=facts.open_run)
    if not facts.enabled:
        return gettext("Nothing starts by itself: the loop is switched off for this project.")
    if facts.refreshes >= facts.refreshes_per_policy and facts.policy.enabled:
        return policy_next(facts)
    return refresh_next(facts)


def _stands(clock: Clock, *, facts: Facts, paused: str) -> str | None:
    """Why the clock doesn't wait for anything that people do, or None."""
    if clock.open_run is not None:
        text = gettext("Run {run} is under way; judgements that come in meanwhile count for the next one.")
        return text.format(run=clock.open_run)
    if not facts.enabled:
        return gettext("Nothing starts by itself: the loop is switched off for this project.")
    return None if clock.enabled else paused


def _soon(clock: Clock, *, facts: Facts, now: str) -> str:
    """That it is due, and what it still waits for."""
    until = not_before(clock, facts=facts)
    if until is None:
        return now
    if clock.failures and clock.failed is not None and until == clock.failed + clock.pause():
        text = ngettext(
            "It failed; it is tried again at {time} UTC, or now by hand.",
            "It failed {number} times in a row; it is tried again at {time} UTC, or now by hand.",
            clock.failures,
        )
        return text.format(number=clock.failures, time=_clock_time(until))
    text = ngettext(
        "It is due, and starts at {time} UTC: runs are {minutes} minute apart at least.",
        "It is due, and starts at {time} UTC: runs are {minutes} minutes apart at least.",
        facts.minutes_between_runs,
    )
    return text.format(time=_clock_time(until), minutes=facts.minutes_between_runs)


def _clock_time(moment: datetime) -> str:
    return f"{moment + timedelta(seconds=30):%H:%M}"
