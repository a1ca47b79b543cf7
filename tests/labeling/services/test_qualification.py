"""A new annotator first shows that they are ready."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, claim, judge, make_cast, make_user

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import KnownAnswer, Label, Membership, Purpose, Qualification, QualificationState, Role
from labeling.services.assignments import claim_next, skip
from labeling.services.known import NewKnown, add_known, change_settings
from labeling.services.labels import submit_label
from labeling.services.preferences import set_preferences
from labeling.services.projects import set_member
from labeling.services.qualification import let_in, try_again
from labeling.services.topics import set_topics

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    """A project that asks for two items of a qualification, with five there; dora has judged before."""
    cast = make_cast(num_items=5)
    judge(cast.project, cast.dora)
    known = [NewKnown(messages=f"What is {n} + 1?", texts=["a", "b", "c"], ranks=[1, 2, 3]) for n in range(5)]
    add_known(project=cast.project, new=known, author=cast.alice)
    change_settings(project=cast.project, changed_by=cast.alice, qualification_items=2, qualification_mark=60)
    cast.project.refresh_from_db()
    return cast


def answer(cast, user, *, ranks):
    """Judge what comes next, the completions ranked by their texts a, b, c."""
    assignment = claim(cast.project, user)
    texts = dict(assignment.item.entries.values_list("completion", "completion__text"))
    places = dict(zip("abc", ranks, strict=True))
    given = [places[texts[pk]] for pk in assignment.order]
    verdict = a_verdict(assignment, ranks=given)
    return submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4()).label


def standing(cast, user):
    return Membership.objects.get(project=cast.project, user=user)


def test_a_new_annotator_gets_these_items_alone_and_after_them_the_queue(cast):
    first = [answer(cast, cast.bob, ranks=[1, 2, 3]).item for _ in range(2)]
    later = claim(cast.project, cast.bob).item

    assert [item.purpose for item in first] == [Purpose.KNOWN, Purpose.KNOWN]
    assert later.purpose == Purpose.TRAINING
    trial = Qualification.objects.get()
    assert (trial.state, trial.num_right, trial.num_asked) == (QualificationState.PASSED, 6, 6)
    assert standing(cast, cast.bob).is_let_in
    assert standing(cast, cast.bob).known_asked == 0, "what is mixed in later is counted apart"


def test_the_mark_itself_is_enough(cast):
    change_settings(project=cast.project, changed_by=cast.alice, qualification_mark=50)

    answer(cast, cast.bob, ranks=[1, 2, 3])
    answer(cast, cast.bob, ranks=[3, 2, 1])

    assert Qualification.objects.get().state == QualificationState.PASSED


def test_whoever_does_not_reach_the_mark_gets_nothing(cast):
    answer(cast, cast.bob, ranks=[1, 2, 3])
    answer(cast, cast.bob, ranks=[3, 2, 1])

    assert claim_next(project=cast.project, annotator=cast.bob) is None
    trial = Qualification.objects.get()
    assert (trial.state, trial.percent) == (QualificationState.FAILED, 50.0)
    with pytest.raises(Conflict, match="no further try"):
        try_again(project=cast.project, annotator=cast.bob)


def test_a_second_try_has_other_items_where_the_project_allows_it(cast):
    change_settings(project=cast.project, changed_by=cast.alice, qualification_tries=3)
    first = {answer(cast, cast.bob, ranks=[3, 2, 1]).item_id for _ in range(2)}
    assert claim_next(project=cast.project, annotator=cast.bob) is None, "not before it is asked for"

    try_again(project=cast.project, annotator=cast.bob)
    with pytest.raises(Conflict, match="finish it first"):
        try_again(project=cast.project, annotator=cast.bob)
    second = {answer(cast, cast.bob, ranks=[3, 2, 1]).item_id for _ in range(2)}

    assert not first & second
    with pytest.raises(Conflict, match="not enough items"):  # five were there: one is left
        try_again(project=cast.project, annotator=cast.bob)
    assert Qualification.objects.count() == 2


def test_an_admin_lets_somebody_in(cast):
    answer(cast, cast.bob, ranks=[3, 2, 1])
    answer(cast, cast.bob, ranks=[3, 2, 1])

    let_in(project=cast.project, user_id=cast.bob.pk)

    assert claim(cast.project, cast.bob).item.purpose == Purpose.TRAINING
    with pytest.raises(NotFound):
        let_in(project=cast.project, user_id=cast.charlie.pk)
    with pytest.raises(Conflict, match="need no qualification"):
        try_again(project=cast.project, annotator=cast.bob)


def test_reviewers_admins_and_those_who_judged_before_need_none(cast):
    vera = make_user("vera")
    set_member(project=cast.project, user=vera, role=Role.REVIEWER)

    for user in (vera, cast.alice, cast.dora):
        assert claim(cast.project, user).item.purpose == Purpose.TRAINING


def test_what_is_skipped_was_not_right(cast):
    answer(cast, cast.bob, ranks=[1, 2, 3])
    skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob)

    trial = Qualification.objects.get()
    assert (trial.state, trial.num_right, trial.num_asked) == (QualificationState.FAILED, 3, 6)


def test_a_topic_that_somebody_leaves_costs_them_nothing(cast):
    assignment = claim(cast.project, cast.bob)
    set_topics(prompt=assignment.item.prompt, topics=["violent"])
    set_preferences(user=cast.bob, language="", opted_out=["violent"], break_minutes=0)
    cast.bob.refresh_from_db()

    judged = {answer(cast, cast.bob, ranks=[1, 2, 3]).item_id for _ in range(2)}

    assert assignment.item_id not in judged
    assert Qualification.objects.get().state == QualificationState.PASSED


def test_without_enough_items_nobody_begins_and_the_setting_is_refused(cast):
    with pytest.raises(Invalid, match="6 items needs as many with known answers: there are 5"):
        change_settings(project=cast.project, changed_by=cast.alice, qualification_items=6)
    KnownAnswer.objects.update(is_active=False)

    assert claim_next(project=cast.project, annotator=cast.bob) is None
    assert not Qualification.objects.exists(), "it begins once there are items"
    assert Label.objects.filter(annotator=cast.bob).count() == 0


def test_nothing_can_be_mixed_in_where_nothing_is(cast):
    with pytest.raises(Invalid, match="no items with known answers"):
        change_settings(project=cast.other_project, changed_by=cast.charlie, known_percent=5)
