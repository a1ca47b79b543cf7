"""Giving items with known answers to annotators, one person at a time, and marking what they decide.

Such an item has no slot in the queue. To give it to somebody is to make an assignment with a slot of its own: what
serves annotators finds it among the work they have begun, before the queue, and nobody else ever sees that slot. So an
item with a known answer goes the way of all items, and its statements are the same.
"""

from __future__ import annotations

from random import SystemRandom

from django.db.models import F

from labeling.models import Assignment, KnownAnswer, Membership, Probe, Qualification
from labeling.quality.known import Answer, Found, find, num_asked, to_answer
from labeling.rows import fetch_one
from labeling.services.verdicts import Verdict

CHANCE = SystemRandom()


def mix_in(membership: Membership) -> None:
    """Once in a while, after an item of the queue was given to somebody, put one with a known answer next.

    With q = p / (1 - p) for each item of the queue, a share p of all that is given has a known answer.
    """
    share = membership.project.known_percent / 100
    if share and CHANCE.random() < share / (1 - share):
        give(membership, number=1)


def give(membership: Membership, *, number: int, qualification: Qualification | None = None) -> int:
    """Make assignments of items with known answers that are new to the person; how many could be made.

    Left out are prompts of which they had an item, topics they opted out of, what they wrote themselves, and kinds that
    the project asks for no more. The order is random.
    """
    parameters = {
        "user": membership.user_id,
        "project": membership.project_id,
        "kinds": membership.project.kinds,
        "number": number,
        "qualification": qualification.pk if qualification else None,
    }
    row = fetch_one(GIVE, parameters)
    assert row is not None  # a count
    return int(row[0])


# The lease is NEVER_LEASED: until it is shown, it is not among one's work. The slot is in no queue, and held by this
# assignment, so nobody else can take it. Each person has a new one: the overlap of such an item numbers them.
GIVE = """
WITH known AS MATERIALIZED (
    SELECT known.id, known.item_id, prompt.topics
    FROM labeling_knownanswer known JOIN labeling_item item ON item.id = known.item_id
    JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
    WHERE item.project_id = %(project)s AND known.is_active AND item.kind = ANY (%(kinds)s::varchar[])
        AND NOT prompt.topics && (SELECT opted_out FROM labeling_user WHERE id = %(user)s)
        AND NOT EXISTS (
            SELECT FROM labeling_assignment mine JOIN labeling_item other ON other.id = mine.item_id
            WHERE mine.annotator_id = %(user)s AND other.prompt_id = item.prompt_id
        ) AND NOT EXISTS (
            SELECT FROM labeling_itemcompletion entry
            JOIN labeling_completion written ON written.id = entry.completion_id
            WHERE entry.item_id = item.id AND written.author_id = %(user)s
        )
    ORDER BY gen_random_uuid() LIMIT %(number)s
), item AS (
    UPDATE labeling_item SET overlap = overlap + 1 FROM known WHERE labeling_item.id = known.item_id
    RETURNING labeling_item.id, labeling_item.overlap
), created AS (
    INSERT INTO labeling_assignment
        (item_id, annotator_id, state, lease_expires, "order", draft, skip_reason, created, changed)
    SELECT item.id, %(user)s, 'active', 'epoch', ARRAY(
            SELECT entry.completion_id FROM labeling_itemcompletion entry WHERE entry.item_id = item.id
            ORDER BY gen_random_uuid()
        ), '{}', '', statement_timestamp(), statement_timestamp()
    FROM item RETURNING id, item_id
), slot AS (
    INSERT INTO labeling_slot (item_id, number, priority, assignment_id, leased_until, is_done, topics)
    SELECT created.item_id, item.overlap - 1, 0, created.id, 'epoch', false, known.topics
    FROM created JOIN item ON item.id = created.item_id JOIN known ON known.item_id = created.item_id
), probe AS (
    INSERT INTO labeling_probe (assignment_id, answer_id, qualification_id)
    SELECT created.id, known.id, %(qualification)s::bigint
    FROM created JOIN known ON known.item_id = created.item_id
)
SELECT count(*) FROM created
"""


def mark(assignment: Assignment, *, membership: Membership, verdict: Verdict | None) -> Probe | None:
    """Compare what somebody decided with the known answer; the membership is locked. None: it was marked before.

    What was skipped found nothing of what its known answer asks, when it was part of a qualification; otherwise to skip
    is to say nothing, as with other items. The first judgement counts: a revision changes no mark.
    """
    probe = Probe.objects.select_related("answer").filter(assignment=assignment, num_asked__isnull=True).first()
    if probe is None:
        return None
    found = _found(probe, verdict)
    probe.num_right, probe.num_asked = found.right, found.asked
    probe.save(update_fields=["num_right", "num_asked"])
    if verdict is not None:
        KnownAnswer.objects.filter(pk=probe.answer_id).update(
            num_judged=F("num_judged") + 1,
            num_right=F("num_right") + found.right,
            num_asked=F("num_asked") + found.asked,
        )
    later = found if probe.qualification_id is None else Found(0, 0)
    Membership.objects.filter(pk=membership.pk).update(
        num_known=F("num_known") + int(verdict is not None),
        known_right=F("known_right") + later.right,
        known_asked=F("known_asked") + later.asked,
    )
    return probe


def _found(probe: Probe, verdict: Verdict | None) -> Found:
    known = to_answer(probe.answer.answer)
    if verdict is None:
        return Found(right=0, asked=num_asked(known) if probe.qualification_id else 0)
    return find(known, Answer(ranks=verdict.ranks, ratings=verdict.ratings, best=verdict.best))
