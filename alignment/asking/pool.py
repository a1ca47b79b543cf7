"""Who writes for the queue: the served policy, the newest candidate, past versions and the tuned one. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alignment.models import LoopSettings, Method, Policy
from alignment.selectors import newest_candidate, serving_policy


class Part(StrEnum):
    """Why a version writes."""

    CANDIDATE = "candidate"
    SERVING = "serving"
    PAST = "past"
    SFT = "sft"


@dataclass(frozen=True)
class Writer:
    """A version of the pool, and how many of a prompt's candidates it writes."""

    policy: Policy
    part: Part
    completions: int

    @property
    def is_needed(self) -> bool:
        """Whether nothing is written without it; of the others one that can't be loaded is left out."""
        return self.part in (Part.SERVING, Part.CANDIDATE)


def num_candidates(settings: LoopSettings, *, shown: int) -> int:
    """How many completions are written for a prompt: what the settings say, but no fewer than an item shows."""
    return max(settings.candidates, shown)


def pool(settings: LoopSettings, *, shown: int) -> list[Writer]:
    """The versions that write now, the newest of them first where it is a candidate.

    Each past version and the fine-tuned one write one candidate of a prompt; the served policy and the newest candidate
    share all others, the candidate having one more of an odd number.

    Args:
        shown: how many completions an item shows.
    """
    project_id = settings.pk
    serving = serving_policy(project_id)
    if serving is None:
        return []
    candidate = newest_candidate(project_id) if settings.newest_writes else None
    mains = [(serving, Part.SERVING)]
    if candidate is not None and candidate != serving and candidate.removed is None:
        mains.insert(0, (candidate, Part.CANDIDATE))
    others = [(each, Part.PAST) for each in past_versions(project_id, number=settings.past_versions)]
    if settings.sft_writes and (tuned := tuned_policy(project_id)) is not None:
        others.append((tuned, Part.SFT))
    known = {policy.version for policy, _ in mains}
    rest = {policy.version: (policy, part) for policy, part in reversed(others) if policy.version not in known}
    total = num_candidates(settings, shown=shown)
    beside = list(reversed(rest.values()))[: total - len(mains)]
    left = total - len(beside)
    numbers = [left // len(mains) + (place < left % len(mains)) for place in range(len(mains))]
    return [
        *(Writer(policy, part, number) for (policy, part), number in zip(mains, numbers, strict=True)),
        *(Writer(policy, part, 1) for policy, part in beside),
    ]


def past_versions(project_id: int, *, number: int) -> list[Policy]:
    """The last versions that served before the one that serves now, the latest first."""
    served = Policy.objects.filter(project=project_id, promoted__isnull=False, is_serving=False, removed__isnull=True)
    return list(served.order_by("-promoted", "-version")[:number])


def tuned_policy(project_id: int) -> Policy | None:
    """The newest version fine-tuned on demonstrations that ever served, else the base."""
    rows = Policy.objects.filter(project=project_id, removed__isnull=True, promoted__isnull=False)
    return rows.filter(method=Method.SFT).order_by("-version").first() or rows.filter(version=1).first()
