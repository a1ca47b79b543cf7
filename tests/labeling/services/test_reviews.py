"""Items that people disagree about or raised a harmful flag on are decided by a reviewer."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, claim, judge, make_cast, make_item, make_user

from labeling import exchange
from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import Label, Review, ReviewState, Role, Source
from labeling.selectors.access import membership_in
from labeling.selectors.figures import totals
from labeling.selectors.progress import progress_of
from labeling.selectors.quality import recent_judgements
from labeling.selectors.reviews import opinions, reviews_for
from labeling.services.assignments import skip
from labeling.services.figures import refresh
from labeling.services.labels import submit_label
from labeling.services.preferences import set_preferences
from labeling.services.projects import set_member
from labeling.services.reviews import change_review_settings, decide, dismiss
from labeling.services.revisions import revise_label
from labeling.services.topics import set_topics
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    """Every item is judged by two; those are reviewed on which they agree on less than half."""
    cast = make_cast(num_items=3, overlap=2)
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=50)
    cast.project.refresh_from_db()
    return cast


@pytest.fixture
def vera(cast):
    vera = make_user("vera")
    set_member(project=cast.project, user=vera, role=Role.REVIEWER)
    return vera


def by_item(cast, user, *ranks, flags=None):
    """Judge what comes next, ranked in the item's own order."""
    assignment = claim(cast.project, user)
    places = dict(zip(assignment.item.entries.values_list("completion", flat=True), ranks, strict=True))
    verdict = a_verdict(assignment, ranks=[places[pk] for pk in assignment.order], flags=flags and flags(assignment))
    return submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4()).label


def opposite(cast):
    """The first item, on which bob and dora agree in nothing."""
    by_item(cast, cast.bob, 1, 2, 3)
    by_item(cast, cast.dora, 3, 2, 1)
    refresh(cast.project)
    return Review.objects.get()


def verdict_for(review, *ranks):
    ids = list(review.item.entries.values_list("completion", flat=True))
    return Verdict(
        ranks=dict(zip(ids, ranks, strict=True)), ratings=dict.fromkeys(ids, 4), notes="Decided.", seconds=30.0
    )


def test_an_item_on_which_people_disagree_waits_for_a_reviewer(cast):
    by_item(cast, cast.bob, 1, 2, 3)
    by_item(cast, cast.dora, 3, 2, 1)
    by_item(cast, cast.bob, 1, 2, 3)
    by_item(cast, cast.dora, 2, 1, 3)  # two of three alike

    refresh(cast.project)

    review = Review.objects.get()
    assert (review.item_id, review.reason, review.agreement) == (cast.items[0].pk, "disagreement", 0.0)


def test_a_harmful_flag_brings_an_item_there_where_that_is_asked_for(cast):
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=0, reviews_harmful=True)

    by_item(cast, cast.bob, 1, 2, 3, flags=lambda one: {one.order[0]: ["harmful_advice"]})
    by_item(cast, cast.bob, 1, 2, 3, flags=lambda one: {one.order[0]: ["opinion"]})
    refresh(cast.project)

    review = Review.objects.get()
    assert (review.item_id, review.reason, review.agreement) == (cast.items[0].pk, "flag", None)


def test_picks_that_differ_are_a_disagreement_too(cast):
    item = make_item(cast.project, prompt="Pick.", kind="best", priority=9)
    for user, place in ((cast.bob, 0), (cast.dora, 1)):
        assignment = claim(cast.project, user)
        best = item.entries.order_by("position")[place].completion_id
        verdict = Verdict(best=best)
        submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4())

    refresh(cast.project)

    assert Review.objects.get().agreement == 0.0


def test_where_nothing_is_asked_for_nothing_is_reviewed(cast):
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=0)
    by_item(cast, cast.bob, 1, 2, 3, flags=lambda one: {one.order[0]: ["harmful_advice"]})
    by_item(cast, cast.dora, 3, 2, 1)

    refresh(cast.project)

    assert not Review.objects.exists()


def test_the_decision_is_a_judgement_of_its_own_and_the_others_stay(cast, vera):
    review = opposite(cast)
    before = list(Label.objects.order_by("pk").values("pk", "superseded_by", "is_extra", "source"))
    done = progress_of(membership_in("colours", user=cast.alice)).done

    label = decide(
        project=cast.project,
        review_id=review.pk,
        reviewer=vera,
        verdict=verdict_for(review, 1, 1, 2),
        client_id=uuid4(),
    )

    review.refresh_from_db()
    assert (review.state, review.label, review.reviewer) == (ReviewState.DECIDED, label, vera)
    assert (label.source, label.is_extra, label.comparisons.count()) == (Source.REVIEW, False, 3)
    assert list(Label.objects.exclude(pk=label.pk).order_by("pk").values(*before[0])) == before
    assert progress_of(membership_in("colours", user=cast.alice)).done == done
    review.item.refresh_from_db()
    assert (review.item.num_judgements, review.item.overlap) == (2, 2)
    assert [record.source for record in exchange.judgements(cast.project.pk)] == ["person", "person", "review"]
    assert [opinion.source for opinion in opinions(review)] == ["person", "person", "review"]
    refresh(cast.project)
    assert Review.objects.count() == 1, "an item is reviewed once"


def test_a_decision_can_be_revised_like_any_judgement(cast, vera):
    review = opposite(cast)
    first = decide(
        project=cast.project,
        review_id=review.pk,
        reviewer=vera,
        verdict=verdict_for(review, 1, 2, 3),
        client_id=uuid4(),
    )

    assert first.assignment_id is not None
    revised = revise_label(
        assignment_id=first.assignment_id, annotator=vera, verdict=verdict_for(review, 3, 2, 1), client_id=uuid4()
    ).label

    assert revised.source == Source.REVIEW
    assert revised.supersedes == first


def test_sent_twice_it_is_stored_once_and_two_reviewers_do_not_decide_the_same(cast, vera):
    review, client_id = opposite(cast), uuid4()
    send = {"project": cast.project, "review_id": review.pk, "verdict": verdict_for(review, 1, 2, 3)}

    first = decide(**send, reviewer=vera, client_id=client_id)

    assert decide(**send, reviewer=vera, client_id=client_id) == first
    with pytest.raises(Conflict, match="meanwhile"):
        decide(**send, reviewer=cast.alice, client_id=uuid4())
    with pytest.raises(Conflict, match="meanwhile"):
        dismiss(project=cast.project, review_id=review.pk, reviewer=cast.alice)


def test_nobody_decides_what_they_judged_or_have_at_hand_and_who_skipped_it_may(cast, vera):
    claimed = claim(cast.project, vera)  # the first item
    by_item(cast, cast.alice, 1, 2, 3)
    skip(assignment_id=claimed.pk, annotator=vera)
    by_item(cast, cast.bob, 3, 2, 1)
    refresh(cast.project)
    review = Review.objects.get()
    send = {"project": cast.project, "review_id": review.pk, "client_id": uuid4()}

    assert list(reviews_for(cast.project, reviewer=cast.alice)) == []
    assert list(reviews_for(cast.project, reviewer=vera)) == [review]
    with pytest.raises(Conflict, match="you judge this item yourself"):
        decide(**send, reviewer=cast.alice, verdict=verdict_for(review, 1, 2, 3))
    assert decide(**send, reviewer=vera, verdict=verdict_for(review, 1, 2, 3)).annotator == vera


def test_what_a_reviewer_opted_out_of_is_left_to_others(cast, vera):
    review = opposite(cast)
    set_topics(prompt=review.item.prompt, topics=["violent"])
    set_preferences(user=vera, language="", opted_out=["violent"], break_minutes=0)

    assert list(reviews_for(cast.project, reviewer=vera)) == []
    assert list(reviews_for(cast.project, reviewer=cast.alice)) == [review]


def test_what_does_not_answer_what_was_asked_is_refused_and_nothing_stored(cast, vera):
    review = opposite(cast)

    with pytest.raises(Invalid, match="rank"):
        decide(
            project=cast.project,
            review_id=review.pk,
            reviewer=vera,
            verdict=verdict_for(review, 1, 2, 4),
            client_id=uuid4(),
        )

    assert not Label.objects.filter(source=Source.REVIEW).exists()
    assert Review.objects.get().state == ReviewState.OPEN


def test_an_item_may_be_left_as_it_was_judged(cast, vera):
    review = opposite(cast)

    dismiss(project=cast.project, review_id=review.pk, reviewer=vera)

    assert Review.objects.get().state == ReviewState.DISMISSED
    assert list(reviews_for(cast.project, reviewer=vera)) == []


def test_a_review_of_another_project_is_not_found(cast):
    review = opposite(cast)

    with pytest.raises(NotFound):
        dismiss(project=cast.other_project, review_id=review.pk, reviewer=cast.charlie)


def test_reviewers_decisions_say_nothing_of_how_annotators_agree(cast, vera):
    review = opposite(cast)
    judge(cast.project, cast.bob)
    decide(
        project=cast.project,
        review_id=review.pk,
        reviewer=vera,
        verdict=verdict_for(review, 1, 2, 3),
        client_id=uuid4(),
    )
    refresh(cast.project)

    assert totals(cast.project).judgements == 3
    assert len(recent_judgements(cast.project)) == 3
