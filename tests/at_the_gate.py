"""A project whose versions come to the gate, without a model: what the worker would write is written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from factories import Cast, claim, make_cast

from alignment import services
from alignment.gating.opening import bring_to_gate
from alignment.gating.pairs import _ask
from alignment.gating.settings import change_gate
from alignment.models import GatePair, Policy, Promotion, Run
from labeling import exchange
from labeling.models import Completion, Project
from labeling.services.labels import submit_label
from labeling.services.prompts import add_prompts
from labeling.services.verdicts import Verdict

PASSED = [{"name": "length", "passed": True, "holds": False, "value": 1.1, "limit": 1.5, "low": None, "high": None}]
HOW = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 8}


@dataclass
class AtTheGate:
    """What happens to versions of a project."""

    cast: Cast

    @property
    def id(self) -> int:
        return int(self.cast.project.pk)

    @property
    def serving(self) -> int:
        return Policy.objects.get(project=self.id, is_serving=True).version

    @property
    def states(self) -> list[tuple[int, str, str]]:
        rows = Promotion.objects.filter(project=self.id).order_by("id")
        return [(row.candidate.version, row.state, row.cause) for row in rows]

    def policy(self, version: int) -> Policy:
        first = Policy.objects.get(project=self.id, version=1)
        run = Run.objects.create(
            project=self.cast.project, method="dpo", trigger="person", config={}, code_version="0", state="running",
            attempts=1,
        )  # fmt: skip
        made = {"method": "dpo", "path": "p", "digest": f"{version:064x}", "parent": first}
        return Policy.objects.create(project=self.cast.project, version=version, run=run, **made)

    def bring(self, version: int, *, guards: list[dict[str, Any]] | None = None, identical: bool = False) -> Promotion:
        policy = self.policy(version)
        assert policy.run is not None
        found = bring_to_gate(
            run_id=policy.run.pk,
            attempt=1,
            policy=policy,
            guards=[{"num": 60, "note": "", "worst": [], **each} for each in guards or PASSED],
            identical=identical,
        )
        assert found is not None
        return found

    def write(self, promotion: Promotion, number: int = 6, *, is_watch: bool = False, same: int = 0) -> int:
        """What the worker does for a job, with texts that tell the version."""
        prompts = exchange.prompts(self.id, held_out=True, limit=10)
        made = GatePair.objects.filter(promotion=promotion, is_watch=is_watch).count()
        versions = (promotion.candidate.version, promotion.against.version)
        pairs = [
            {
                version: exchange.Sampled(
                    prompt=prompts[place % len(prompts)].id,
                    text=f"{made + place} {is_watch} by {version}" if place >= same else "the same",
                    logprob=-1.0,
                    sampling={**HOW, "seed": 1},
                )
                for version in versions
            }
            for place in range(number)
        ]
        return _ask(promotion.pk, pairs, made=made, is_watch=is_watch)

    def say(self, best: int | None, *, flags: tuple[str, ...] = ()) -> None:
        """Bob's next pair: the version that is better, None for a tie; flags are raised on version 2."""
        assignment = claim(self.cast.project, self.cast.bob)
        texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
        ranks = {pk: 1 if best is None or text.endswith(f"by {best}") else 2 for pk, text in texts.items()}
        raised = {pk: list(flags) for pk, text in texts.items() if text.endswith("by 2") and flags}
        verdict = Verdict(ranks=ranks, strength=None if best is None else 1, flags=raised)
        submit_label(assignment_id=assignment.pk, annotator=self.cast.bob, verdict=verdict, client_id=uuid4())

    def write_and_say(self, promotion: Promotion, best: int | None, number: int, **options: Any) -> None:
        self.write(promotion, number, is_watch=options.pop("is_watch", False))
        for _ in range(number):
            self.say(best, **options)


def make_gate() -> AtTheGate:
    """A project with held-out prompts whose version 1 serves."""
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50, flags=["fails_task", "encourages_harm"])
    cast.project.refresh_from_db()
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(30)])
    services.ensure_loop(project_id=cast.project.pk)
    change_gate(project_id=cast.project.pk, hold_unknown=False)
    return AtTheGate(cast)
