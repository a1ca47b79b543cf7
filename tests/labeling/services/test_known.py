"""Items with known answers go the way of all items, and are marked on it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from uuid import uuid4

import pytest
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item

from labeling import exchange
from labeling.errors import Invalid
from labeling.exports.streams import FileFormat, make_export
from labeling.models import Assignment, Item, KnownAnswer, Membership, Probe, Purpose, Slot
from labeling.selectors.access import membership_in
from labeling.selectors.judgements import judgements
from labeling.selectors.labels import comparisons
from labeling.selectors.progress import Progress, overview, progress_of
from labeling.selectors.queue import QueueCounts, queue_counts
from labeling.services import probes
from labeling.services.ahead import claim_ahead, give_back
from labeling.services.assignments import claim_next, lock_membership, save_draft, skip
from labeling.services.known import NewKnown, add_known, known_from, set_active
from labeling.services.labels import submit_label
from labeling.services.preferences import set_preferences
from labeling.services.probes import give
from labeling.services.projects import update_project
from labeling.services.topics import set_topics

pytestmark = pytest.mark.django_db

NEW = NewKnown(messages="What is 2 + 2?", texts=["4", "5", "a fish"], ranks=[1, 2, 3])


@pytest.fixture
def cast():
    return make_cast(num_items=3)


def member(cast, user):
    return lock_membership(project_id=cast.project.pk, user=user)


def test_a_known_answer_is_stored_with_an_item_that_is_in_no_queue(cast):
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)

    texts = {str(entry.completion_id): entry.completion.text for entry in added.item.entries.all()}
    assert {texts[pk]: rank for pk, rank in added.answer["ranks"].items()} == {"4": 1, "5": 2, "a fish": 3}
    assert added.item.purpose == Purpose.KNOWN
    assert not Slot.objects.filter(item=added.item).exists()
    assert {claim(cast.project, cast.bob).item_id} == {cast.items[0].pk}


def test_a_judgement_that_stands_can_become_a_known_answer(cast):
    label = judge(cast.project, cast.alice, ranks=[2, 1, 2])

    added = known_from(label=label, author=cast.alice, explanation="It names a colour.")

    assert added.item_id != label.item_id
    assert added.item.prompt_id == label.item.prompt_id
    assert {int(pk): rank for pk, rank in added.answer["ranks"].items()} == dict(
        label.ranks.values_list("completion", "rank")
    )


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (NewKnown(messages="x", texts=["a", "b"], ranks=[1, 1]), "asks nothing"),
        (NewKnown(messages="x", texts=["a", "b"], best=0), "best, and the project asks for ranking"),
        (NewKnown(messages="x", texts=["a"], ratings=[7]), "asks about 2 to 9"),
        (NewKnown(messages="x", texts=["a", "b"], ranks=[1, 2], explanation="x" * 5001), "5,001 characters"),
    ],
)
def test_what_cannot_mark_anybody_is_refused(cast, new, reason):
    with pytest.raises(Invalid, match=reason):
        add_known(project=cast.project, new=[new], author=cast.alice)

    assert not KnownAnswer.objects.exists()


def test_one_given_to_somebody_comes_next_and_to_nobody_else(cast):
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)

    assert give(member(cast, cast.bob), number=1) == 1

    assert claim(cast.project, cast.dora).item_id == cast.items[0].pk
    assert claim(cast.project, cast.bob).item_id == added.item_id
    assert claim(cast.project, cast.bob).item_id == added.item_id, "until it is judged"


def test_it_stays_theirs_when_the_lease_ends(cast):
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)
    give(member(cast, cast.bob), number=1)
    end_lease(claim(cast.project, cast.bob))

    others = {judge(cast.project, cast.dora).item_id for _ in range(3)}

    assert added.item_id not in others
    assert claim_next(project=cast.project, annotator=cast.dora) is None
    assert claim(cast.project, cast.bob).item_id == added.item_id


def test_until_it_is_shown_it_is_not_among_ones_work(cast):
    add_known(project=cast.project, new=[NEW], author=cast.alice)
    give(member(cast, cast.bob), number=1)

    before = queue_counts(project_id=cast.project.pk, annotator=cast.bob)
    shown = claim(cast.project, cast.bob)
    save_draft(assignment_id=shown.pk, annotator=cast.bob, draft={"notes": "so far"})

    assert before == QueueCounts(drafts=0, submitted=0, skipped=0)
    assert queue_counts(project_id=cast.project.pk, annotator=cast.bob).drafts == 1


def test_the_same_item_is_marked_for_each_person(cast):
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)
    ranks = {int(pk): rank for pk, rank in added.answer["ranks"].items()}
    for user, wrong in ((cast.bob, False), (cast.dora, True)):
        give(member(cast, user), number=1)
        assignment = claim(cast.project, user)
        found = [4 - ranks[pk] if wrong else ranks[pk] for pk in assignment.order]
        label = submit_label(
            assignment_id=assignment.pk,
            annotator=user,
            verdict=a_verdict(assignment, ranks=found),
            client_id=uuid4(),
        ).label
        assert not label.is_extra

    added.refresh_from_db()
    assert (added.num_judged, added.num_right, added.num_asked) == (2, 3, 6)
    bob, dora = (Membership.objects.get(user=user, project=cast.project) for user in (cast.bob, cast.dora))
    assert (bob.known_right, bob.known_asked, bob.num_known, bob.num_submitted) == (3, 3, 1, 1)
    assert (dora.known_right, dora.known_asked) == (0, 3)


def test_nobody_is_given_a_prompt_that_they_had_or_a_topic_that_they_left(cast):
    label = judge(cast.project, cast.bob)
    known_from(label=label, author=cast.alice)

    assert give(member(cast, cast.bob), number=1) == 0
    assert give(member(cast, cast.dora), number=1) == 1

    [other] = add_known(project=cast.project, new=[NEW], author=cast.alice)
    set_topics(prompt=other.item.prompt, topics=["violent"])
    set_preferences(user=cast.bob, language="", opted_out=["violent"], break_minutes=0)
    assert give(member(cast, cast.bob), number=1) == 0


def test_one_that_was_put_away_is_given_no_more(cast):
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)

    set_active(known=added, is_active=False)

    assert give(member(cast, cast.bob), number=1) == 0


def test_a_skipped_one_says_nothing(cast):
    add_known(project=cast.project, new=[NEW], author=cast.alice)
    give(member(cast, cast.bob), number=1)

    skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob)

    probe = Probe.objects.get()
    assert (probe.num_right, probe.num_asked) == (0, 0)
    assert claim(cast.project, cast.bob).item_id == cast.items[0].pk


def test_they_reach_neither_training_nor_exports_nor_the_progress_of_the_data(cast):

    add_known(project=cast.project, new=[NEW], author=cast.alice)
    give(member(cast, cast.bob), number=1)
    judge(cast.project, cast.bob)

    assert list(judgements(cast.project)) == []
    assert list(comparisons(cast.project)) == []
    assert list(exchange.judgements(cast.project.pk)) == []
    assert exchange.count_judgements(cast.project.pk, at_most=9) == 0
    file = make_export(project=cast.project, view="rankings", file_format=FileFormat.JSONL)
    assert b"".join(file.stream()) == b""
    cast.project.refresh_from_db()
    assert progress_of(membership_in("colours", user=cast.alice)).done == 0
    assert [place.progress.done for place in overview(cast.alice)] == [0]
    # Bob can't tell it from any other.
    assert progress_of(membership_in("colours", user=cast.bob)) == Progress(done=1, total=4, mine=1, seconds=12.0)
    assert [place.progress for place in overview(cast.bob)] == [Progress(done=1, total=4, mine=1, seconds=12.0)]


def test_the_total_of_annotators_holds_what_is_to_be_expected(cast):
    add_known(project=cast.project, new=[NEW], author=cast.alice)
    update_project(project=cast.project, known_percent=50)

    before = progress_of(membership_in("colours", user=cast.bob))
    give(member(cast, cast.bob), number=1)
    judge(cast.project, cast.bob)

    assert (before.total, progress_of(membership_in("colours", user=cast.bob)).total) == (6, 6)


def test_they_are_mixed_in_at_the_rate_that_was_set(cast, monkeypatch):
    monkeypatch.setattr(probes, "CHANCE", Random(3))
    for number in range(60):
        make_item(cast.project, prompt=f"Another colour, number {number}.")
    many = [NewKnown(messages=f"What is {n} + 1?", texts=["a", "b", "c"], ranks=[1, 2, 3]) for n in range(40)]
    add_known(project=cast.project, new=many, author=cast.alice)
    update_project(project=cast.project, known_percent=20)

    served = [Item.objects.get(pk=judge(cast.project, cast.bob).item_id).purpose for _ in range(60)]

    share = Counter(served)[Purpose.KNOWN] / 60
    assert 0.1 <= share <= 0.3  # 3 standard errors around 0.2 are 0.155 to each side
    places = [n for n, purpose in enumerate(served) if purpose == Purpose.KNOWN]
    assert len({later - earlier for earlier, later in pairwise(places)}) > 1, "not every n-th"


def test_held_ahead_and_given_back_it_is_gone_without_a_trace(cast):
    for number in range(40):
        make_item(cast.project, prompt=f"Another colour, number {number}.")
    [added] = add_known(project=cast.project, new=[NEW], author=cast.alice)
    current = claim(cast.project, cast.bob)
    give(member(cast, cast.bob), number=1)

    ahead = claim_ahead(project=cast.project, annotator=cast.bob, current=current.pk).assignment
    assert ahead is not None
    assert ahead.item_id == added.item_id
    assert give_back(assignment_id=ahead.pk, annotator=cast.bob)

    assert not Assignment.objects.filter(item=added.item).exists()
    assert give(member(cast, cast.bob), number=1) == 1


def test_a_project_without_them_asks_nothing_more(cast, django_assert_num_queries):
    judge(cast.project, cast.bob)  # whoever is served for the first time gets a passage, too
    with django_assert_num_queries(4):  # savepoint, member, statement, release
        assignment = claim_next(project=cast.project, annotator=cast.bob)

    assert assignment is not None
    verdict = a_verdict(assignment, seconds=0.0)
    with django_assert_num_queries(4):
        submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())
