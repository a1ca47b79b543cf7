"""Who is trusted, watched or routed away: from figures or by an admin, and what follows for their items."""

from __future__ import annotations

from random import Random
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone
from factories import a_verdict, claim, make_cast, make_item, make_user

from labeling import exchange
from labeling.errors import Invalid, NotFound
from labeling.models import Assignment, AuditEntry, Item, Level, Membership, Purpose, Reliability, Role, Slot, Trust
from labeling.quality.reliability import Reliable
from labeling.selectors.labels import pseudonym
from labeling.selectors.reliabilities import training_weights
from labeling.services.assignments import claim_next, lock_membership
from labeling.services.figures import fit_reliabilities
from labeling.services.known import NewKnown, add_known
from labeling.services.labels import submit_label
from labeling.services.probes import give
from labeling.services.projects import set_member, update_project
from labeling.services.trust import choose, decide_all

pytestmark = pytest.mark.django_db

AWFUL = Reliable(value=0.3, comparisons=200, low=0.25, high=0.35)
FINE = Reliable(value=0.85, comparisons=200, low=0.8, high=0.9)


@pytest.fixture
def cast():
    return make_cast(num_items=3, overlap=2)


def test_figures_decide_and_write_down_why(cast):
    decide_all(cast.project, {cast.bob.pk: AWFUL, cast.dora.pk: FINE})

    bobs, doras = Trust.objects.order_by("annotator")
    assert (bobs.level, bobs.is_adversary, bobs.evidence["high"]) == (Level.AWAY, True, 0.35)
    assert (doras.level, doras.is_adversary) == (Level.TRUSTED, False)
    [line] = AuditEntry.objects.filter(action="trust.decided")
    assert line.after is not None
    assert (line.actor, line.person, line.before, line.after["level"]) == (None, cast.bob, {"level": "trusted"}, "away")
    assert not Membership.objects.filter(is_routed_away=True).exists(), "the project does not route"


def test_who_is_routed_away_gets_known_answers_alone_and_what_they_hold_goes_back(cast):
    [known] = add_known(
        project=cast.project, new=[NewKnown(messages="2 + 2?", texts=["4", "5"], ranks=[1, 2])], author=cast.alice
    )
    held = claim(cast.project, cast.bob)
    decide_all(cast.project, {cast.bob.pk: AWFUL})

    update_project(project=cast.project, changed_by=cast.alice, routes_away=True)

    assert not Slot.objects.filter(assignment=held).exists()
    given = claim(cast.project, cast.bob)
    assert given.item_id == known.item_id
    assert claim(cast.project, cast.bob) == given
    submit_label(assignment_id=given.pk, annotator=cast.bob, verdict=a_verdict(given), client_id=uuid4())
    assert claim_next(project=cast.project, annotator=cast.bob) is None
    assert claim(cast.project, cast.dora).item.purpose == Purpose.TRAINING

    decide_all(cast.project, {cast.bob.pk: FINE})

    assert claim(cast.project, cast.bob).item.purpose == Purpose.TRAINING


def test_nobody_else_is_served_with_a_statement_more(cast, django_assert_num_queries):
    with django_assert_num_queries(5):  # a savepoint and its end, the member, what is served, how far they are
        claim_next(project=cast.project, annotator=cast.dora)


def test_an_admins_choice_holds_until_it_is_taken_back(cast):
    update_project(project=cast.project, routes_away=True, weighs_annotators=True)
    Reliability.objects.create(
        project=cast.project, annotator=cast.bob, value=0.3, low=0.25, high=0.35, comparisons=200, fitted=timezone.now()
    )

    choose(project=cast.project, user_id=cast.bob.pk, level=Level.TRUSTED, chosen_by=cast.alice)
    decide_all(cast.project, {cast.bob.pk: AWFUL})

    assert Trust.objects.get().level == Level.TRUSTED
    assert training_weights(cast.project.pk) == {cast.bob.pk: 1.0}
    assert not Membership.objects.get(project=cast.project, user=cast.bob).is_routed_away

    choose(project=cast.project, user_id=cast.bob.pk, level=None, chosen_by=cast.alice)

    assert Trust.objects.get().level == Level.AWAY
    assert Membership.objects.get(project=cast.project, user=cast.bob).is_routed_away
    assert [line.action for line in AuditEntry.objects.filter(person=cast.bob).order_by("pk")][-2:] == [
        "trust.chosen",
        "trust.released",
    ]
    with pytest.raises(NotFound):
        choose(project=cast.project, user_id=cast.rita.pk, level=Level.AWAY, chosen_by=cast.alice)
    with pytest.raises(Invalid, match="level"):
        choose(project=cast.project, user_id=cast.bob.pk, level="lost", chosen_by=cast.alice)


def test_spammers_and_an_adversary_are_found_by_ten_known_answers_each():
    chance = Random(7)
    cast = make_cast(num_items=0)
    people = [make_user(f"person{number}") for number in range(12)]
    truth = {person: 0.5 if number < 2 else 0.08 if number == 2 else 0.88 for number, person in enumerate(people)}
    add_known(
        project=cast.project,
        new=[NewKnown(messages=f"{n}?", texts=["a", "b", "c", "d"], ranks=[1, 2, 3, 4]) for n in range(10)],
        author=cast.alice,
    )
    for person in people:
        set_member(project=cast.project, user=person, role=Role.ANNOTATOR)
        give(lock_membership(project_id=cast.project.pk, user=person), number=10)
        for assignment in list(Assignment.objects.filter(annotator=person).select_related("item")):
            right = sorted(assignment.order)
            order = _swapped(right, chance, truth[person])
            ranks = [order.index(pk) + 1 for pk in assignment.order]
            verdict = a_verdict(assignment, ranks=ranks)
            submit_label(assignment_id=assignment.pk, annotator=person, verdict=verdict, client_id=uuid4())

    fit_reliabilities(cast.project.pk, up_to=1)

    found = dict(Reliability.objects.values_list("annotator", "value"))
    bad, good = ([found[each.pk] for each in people if (truth[each] < 0.6) == is_bad] for is_bad in (True, False))
    auc = np.mean([[one < other for other in good] for one in bad])
    assert auc >= 0.99
    adversary = Trust.objects.get(annotator=people[2])
    assert (adversary.level, adversary.is_adversary) == (Level.AWAY, True)
    assert all(Trust.objects.get(annotator=person).level == Level.TRUSTED for person in people[3:])
    assert Reliability.objects.get(annotator=people[0]).known == 60

    update_project(project=cast.project, weighs_annotators=True)
    assert training_weights(cast.project.pk)[people[2].pk] == 0
    update_project(project=cast.project, inverts_adversaries=True)
    assert exchange.training_weights(cast.project.pk)[pseudonym(cast.project.pk, people[2].pk)] < -0.8


def _swapped(right, chance, share):
    """An order in which about this share of comparisons is right: of shuffled, right and reversed ones."""
    if chance.random() < abs(2 * share - 1):
        return right if share > 0.5 else right[::-1]
    return chance.sample(right, len(right))


def test_a_share_of_prompts_is_judged_by_more_people_and_the_draw_stays(cast):
    project = update_project(project=cast.project, overlap=1, shared_percent=30, shared_overlap=2)
    items = [make_item(project, prompt=f"Share {number}?") for number in range(60)]
    again = [make_item(project, prompt=f"Share {number}?", policy_version=2) for number in range(60)]

    assert [item.overlap for item in items] == [item.overlap for item in again]
    assert 9 <= sum(item.overlap == 2 for item in items) <= 27  # 18 +- 2.5 standard deviations
    assert {item.overlap for item in items} == {1, 2}
    assert all(item.slots.count() == item.overlap for item in items)
    shared = next(number for number, item in enumerate(items) if item.overlap == 2)
    assert make_item(project, prompt=f"Share {shared}?", texts=(), kind="demonstration").overlap == 1

    update_project(project=project, apply_to_open_items=True)

    assert [item.overlap for item in items] == [Item.objects.get(pk=item.pk).overlap for item in items]
