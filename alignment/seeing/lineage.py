"""From a completion back to runs, judgements and people; from a judgement forward to what it moved."""

from __future__ import annotations

from dataclasses import dataclass

from alignment.models import Policy, Run
from labeling.exchange import seeing

MOST_ANCESTORS = 1000
MOST_MOVED = 50


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a completion comes from.

    Attributes:
        policies: the version that wrote it, what that was trained after, and so on to the base; none when a person or
            an import wrote it.
        people: who gave the judgements that the version was trained on, and how many; the most first.
    """

    facts: seeing.CompletionFacts
    policies: list[Policy]
    people: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a judgement moved: the newest runs that learned from it, and how many there are.

    Attributes:
        first, newest: versions whose run learned from it.
    """

    facts: seeing.LabelFacts
    runs: list[Run]
    num_runs: int
    first: Policy | None
    newest: Policy | None


def origin_of(project_id: int, completion_id: int) -> Origin:
    """From a completion to the runs, seeds, code, judgements and people behind it.

    Raises:
        NotFound: the project has no such completion.
    """
    facts = seeing.completion_facts(project_id, completion_id)
    policies = ancestry(project_id, facts.policy_version) if facts.policy_version is not None else []
    run = policies[0].run if policies else None
    people = seeing.people_behind(project_id, up_to=run.snapshot_last) if run is not None else []
    return Origin(facts=facts, policies=policies, people=people)


def ancestry(project_id: int, version: int) -> list[Policy]:
    """A version, the one that it was trained after, and so on to the base; one query."""
    rows = Policy.objects.filter(project=project_id, version__lte=version).select_related("run")
    known = {row.pk: row for row in rows.defer("run__results", "run__config", "run__traceback")}
    at = next((row for row in known.values() if row.version == version), None)
    found: list[Policy] = []
    while at is not None and len(found) < MOST_ANCESTORS:
        found.append(at)
        at = known.get(at.parent_id) if at.parent_id is not None else None
    return found


def moved_by(project_id: int, label_id: int) -> Moved:
    """From a judgement to the runs whose snapshot has it.

    A snapshot has the judgements up to its last one that were not revised by then. Blind evaluations and known answers
    are in none; those of held-out prompts are in it for checking.

    Raises:
        NotFound: the project has no such judgement.
    """
    facts = seeing.label_facts(project_id, label_id)
    runs = Run.objects.filter(project=project_id, snapshot_last__gte=label_id).exclude(snapshot_digest="")
    if facts.superseded_by is not None:
        runs = runs.filter(snapshot_last__lt=facts.superseded_by)
    if not facts.is_learned_from:
        runs = runs.none()
    made = Policy.objects.filter(project=project_id, run__in=runs).order_by("version")
    shown = runs.select_related("policy", "reward_model").defer("results", "config", "traceback").order_by("-id")
    return Moved(
        facts=facts,
        runs=list(shown[:MOST_MOVED]),
        num_runs=runs.count(),
        first=made.first(),
        newest=made.last(),
    )


@dataclass(frozen=True, slots=True)
class OwnPart:
    """How much of a version somebody's judgements are: the newest version that learned from any of them."""

    version: int
    is_serving: bool
    num: int


def own_part(project_id: int, *, user_id: int) -> OwnPart | None:
    """The newest version, and how many of a person's judgements it was trained on; None while it was on none."""
    newest = Policy.objects.filter(project=project_id, run__isnull=False).select_related("run").order_by("-version")
    policy = newest.only("version", "is_serving", "run__snapshot_last").first()
    if policy is None or policy.run is None:
        return None
    num = seeing.own_share(project_id, annotator=user_id, up_to=policy.run.snapshot_last)
    return OwnPart(version=policy.version, is_serving=policy.is_serving, num=num) if num else None
