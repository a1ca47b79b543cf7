"""What versions wrote for one prompt, side by side, with the words that one of them has and another has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alignment.models import Policy, Sample
from labeling.differences import Passage, passages


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A sample, with what changed since the other version's; ``is_same`` where nothing did."""

    sample: Sample
    changes: list[Passage]
    is_same: bool


def side_by_side(
    policies: Sequence[Policy], stored: dict[int, list[Sample]], *, against: int | None
) -> list[tuple[Policy, list[ShownSample]]]:
    """The samples of each version; told from the newest sample of the version ``against``, where there is one."""
    other = next((policy for policy in policies if policy.version == against), None)
    newest = stored[other.pk][0].text if other is not None and stored[other.pk] else None
    return [
        (policy, [_shown(sample, None if policy == other else newest) for sample in stored[policy.pk]])
        for policy in policies
    ]


def _shown(sample: Sample, before: str | None) -> ShownSample:
    if before is None:
        return ShownSample(sample, [], is_same=False)
    return ShownSample(sample, passages(before, sample.text), is_same=before == sample.text)
