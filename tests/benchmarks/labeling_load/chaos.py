"""What goes wrong around people who judge: processes die, leases end, and people leave."""

from __future__ import annotations

import random
from collections.abc import Sequence

from django.db import connection

from labeling.models import Project, Role
from labeling.services.projects import set_member
from tests.benchmarks.labeling_load.unsteady import UnsteadyAnnotator
from tests.benchmarks.labeling_load.web import Server

BEGIN, END = 0.05, 0.9
"""Kills and leaving are spread over the work between these shares of it."""
EXPIRING = 0.02
"""Share of the leases that end at each look."""


class Chaos:
    """Lets things happen as the work goes on; the same each time, as far as threads allow."""

    def __init__(
        self, project: Project, people: Sequence[UnsteadyAnnotator], *, server: Server, kills: int, leaving: int
    ) -> None:
        self.project = project
        self.server = server
        self.chance = random.Random(7)
        self.kills = sorted(self.chance.uniform(BEGIN, END) for _ in range(kills))
        self.leaving = sorted(self.chance.uniform(BEGIN, END) for _ in range(leaving))
        self.staying = list(people)
        self.left: list[int] = []
        self.killed = self.expired = 0

    def happen(self, *, share_done: float) -> None:
        """What is due by now."""
        while self.kills and self.kills[0] <= share_done:
            self.kills.pop(0)
            self.server.kill_one(self.chance)
            self.killed += 1
        while self.leaving and self.leaving[0] <= share_done:
            self.leaving.pop(0)
            person = self.staying.pop(self.chance.randrange(len(self.staying)))
            set_member(project=self.project, user=person.user, role=Role.ANNOTATOR, is_active=False)
            self.left.append(person.user.pk)
        self._end_leases()

    def _end_leases(self) -> None:
        """As if half an hour had passed: for some who still work on the item, and for all who left."""
        with connection.cursor() as cursor:
            cursor.execute(END_LEASES, {"project": self.project.pk, "share": EXPIRING, "left": self.left})
            self.expired += cursor.rowcount


END_LEASES = """
UPDATE labeling_slot SET leased_until = now() - interval '1 second' WHERE id IN (
    SELECT slot.id FROM labeling_slot slot JOIN labeling_assignment assignment ON assignment.id = slot.assignment_id
    WHERE slot.project_id = %(project)s AND NOT slot.is_done AND slot.leased_until > now()
        AND (random() < %(share)s OR assignment.annotator_id = ANY (%(left)s::bigint[]))
    FOR UPDATE OF slot SKIP LOCKED
)
"""
