"""A project, its prompts, and a simulated team that judges through the services that the pages use."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from uuid import uuid4

from django.db.models import Sum

from alignment.core.records import Judgement
from alignment.datasets import to_prompt
from labeling import exchange
from labeling.models import Assignment, Completion, Kind, Label, Membership, Probe, Project, Role, Source, User
from labeling.services.assignments import claim_next
from labeling.services.known import NewKnown, add_known
from labeling.services.labels import submit_label
from labeling.services.projects import create_project, set_member
from labeling.services.prompts import add_prompts
from labeling.services.verdicts import Verdict
from labeling.simulation.worlds import Taste, World
from tests.benchmarks.loop_parts.learner import Pair

KNOWN = 10
"""Items with known answers that each annotator judges before anything else; their judgements are counted."""
CLEAR = 2.5
"""How far apart, in deviations, the true rewards of a known answer's completions are."""
PASSES = 75
"""Percent of the known answers that somebody has to find to be let in."""
HELD_OUT_PERCENT = 20


class People:
    """A team at work in a project of its own.

    Args:
        checked: whether they qualify by known answers first; who fails judges nothing more.
    """

    def __init__(self, world: World, team: Sequence[Taste], *, checked: bool, seed: int) -> None:
        self.world, self.team, self.order = world, list(team), random.Random(f"{seed} turns")
        self.chances = [random.Random(f"{seed} annotator {number}") for number in range(len(team))]
        creator, _ = User.objects.get_or_create(username="benchmark")
        slug = f"loop-{seed}-{secrets.token_hex(3)}"
        self.project = create_project(
            slug=slug,
            creator=creator,
            kinds=[Kind.PAIR],
            completions_per_item=2,
            overlap=1,
            held_out_percent=HELD_OUT_PERCENT,
            qualification_items=KNOWN if checked else 0,
            qualification_mark=PASSES,
            qualification_tries=1,
        )
        add_prompts(project=self.project, prompts=[_messages(prompt) for prompt in world.prompts], source="benchmark")
        self.users = [_join(self.project, f"{slug}-{number}") for number in range(len(team))]
        self.ids = {
            record.last_turn: record.id
            for held_out in (False, True)
            for record in exchange.prompts(self.project.pk, held_out=held_out, limit=len(world.prompts))
        }
        self.refused: set[int] = set()
        if checked:
            self._qualify(creator, seed=seed)

    def prompts(self, *, held_out: bool) -> list[str]:
        """Those that are learned from, or those that nobody is asked about."""
        records = exchange.prompts(self.project.pk, held_out=held_out, limit=len(self.ids))
        return [record.last_turn for record in records]

    def ask(self, pairs: Sequence[Pair], *, version: int) -> None:
        """Put pairs into the queue and have the team judge until it is empty."""
        groups = [
            [
                exchange.Sampled(
                    prompt=self.ids[prompt], text=each.text, logprob=each.logprob or 0.0, sampling={"propensity": rho}
                )
                for each in (first, second)
            ]
            for prompt, first, second, rho in pairs
        ]
        exchange.add_completions(project_id=self.project.pk, policy_version=version, sampled=groups)
        self._work()

    def judgements(self) -> list[Judgement]:
        """All that was said so far, as a run reads it; judgements of known answers are not among them."""
        weights = exchange.training_weights(self.project.pk)
        return [
            Judgement(
                prompt=to_prompt(record.prompt.messages),
                completions=tuple(completion.text for completion in record.completions),
                ranks=record.ranks,
                weight=weights.get(record.annotator, 1.0),
                annotator=record.annotator,
                id=str(record.id),
            )
            for record in exchange.judgements(self.project.pk, held_out=False)
        ]

    def count(self) -> int:
        """Every label that anybody gave, as the database counts them: those of known answers too."""
        return Label.objects.filter(project=self.project).count()

    def found(self) -> list[float]:
        """The share of known answers that each of the team found."""
        shares = []
        for user in self.users:
            probes = Probe.objects.filter(assignment__item__project=self.project, assignment__annotator=user)
            sums = probes.aggregate(right=Sum("num_right"), asked=Sum("num_asked"))
            shares.append((sums["right"] or 0) / (sums["asked"] or 1))
        return shares

    def _qualify(self, author: User, *, seed: int) -> None:
        """Known answers are pairs that differ clearly; then everybody judges theirs."""
        chance = random.Random(f"{seed} known answers")
        known: list[NewKnown] = []
        while len(known) < KNOWN:
            prompt = chance.choice(self.world.prompts)
            texts = [self.world.plain_text(prompt, chance) for _ in range(2)]
            first, second = (self.world.reward(prompt, text) for text in texts)
            if abs(first - second) > CLEAR:
                ranks = [1, 2] if first > second else [2, 1]
                known.append(NewKnown(messages=_messages(prompt), texts=texts, ranks=ranks))
        add_known(project=self.project, new=known, author=author)
        self._work()
        let_in = set(Membership.objects.filter(project=self.project, is_let_in=True).values_list("user_id", flat=True))
        self.refused = {number for number, user in enumerate(self.users) if user.pk not in let_in}

    def _work(self) -> None:
        """Everybody takes turns by chance until nothing is left for any of them."""
        idle = set(self.refused)
        while len(idle) < len(self.users):
            turn = self.order.choice([number for number in range(len(self.users)) if number not in idle])
            assignment = claim_next(project=self.project, annotator=self.users[turn])
            if assignment is None:
                idle.add(turn)
            else:
                self._judge(assignment, turn)

    def _judge(self, assignment: Assignment, turn: int) -> None:
        prompt = assignment.item.prompt.messages[-1]["content"]
        texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
        first, second = assignment.order
        rewards = (self.world.reward(prompt, texts[first]), self.world.reward(prompt, texts[second]))
        lengths = (len(texts[first].split()), len(texts[second].split()))
        prefers_first = self.team[turn].prefers_first(rewards, lengths, self.chances[turn])
        ranks = {first: 1, second: 2} if prefers_first else {first: 2, second: 1}
        submit_label(
            assignment_id=assignment.pk,
            annotator=self.users[turn],
            verdict=Verdict(ranks=ranks, strength=2, seconds=10.0),
            client_id=uuid4(),
            source=Source.SIMULATION,
        )


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _join(project: Project, name: str) -> User:
    user: User = User.objects.create_user(name)  # without a password it is unusable
    set_member(project=project, user=user, role=Role.ANNOTATOR)
    return user
