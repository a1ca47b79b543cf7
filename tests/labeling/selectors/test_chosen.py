"""Which labels the filters leave."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from factories import claim, judge, make_cast, make_item

from labeling.errors import Invalid
from labeling.models import Group, Label, Membership, PromptTag, Tag
from labeling.selectors.judgements import judgements
from labeling.selectors.labels import pseudonym
from labeling.selectors.selection import Selection
from labeling.services.labels import submit_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(num_items=2, overlap=2)


def chosen(cast, **filters):
    return [row.label for row in judgements(cast.project, selection=Selection(**filters))]


def test_annotators_are_chosen_by_their_pseudonyms_and_by_their_groups(cast):
    of_bob, of_dora = judge(cast.project, cast.bob).pk, judge(cast.project, cast.dora).pk
    experts = Group.objects.create(project=cast.project, name="experts")
    Membership.objects.filter(project=cast.project, user=cast.dora).update(group=experts)

    assert chosen(cast, annotators=(pseudonym(cast.project.pk, cast.bob.pk),)) == [of_bob]
    assert chosen(cast, groups=("experts",)) == [of_dora]
    assert chosen(cast, groups=("nobody",)) == []


def test_a_pseudonym_of_another_project_is_refused(cast):
    with pytest.raises(Invalid, match="nobody in this project is 'annotator-"):
        chosen(cast, annotators=(pseudonym(cast.other_project.pk, cast.bob.pk),))


def test_agreement_is_the_share_of_what_others_say_that_is_the_same(cast):
    """Of three pairs two are said alike, so both agree to two thirds; the second item has one judge only."""
    first = judge(cast.project, cast.bob, ranks=[1, 2, 3])
    order = first.assignment.order
    ranks = dict(zip(order, [1, 3, 2], strict=True))
    assignment = claim(cast.project, cast.dora)
    verdict = Verdict(ratings=dict.fromkeys(order, 4), ranks=ranks)
    second = submit_label(assignment_id=assignment.pk, annotator=cast.dora, verdict=verdict, client_id=uuid4()).label
    judge(cast.project, cast.bob)

    assert assignment.item_id == first.item_id
    assert chosen(cast, agreement=0.66) == [first.pk, second.pk]
    assert chosen(cast, agreement=0.67) == []
    assert len(chosen(cast)) == 3


def test_tags_policies_and_kinds_are_of_what_was_judged(cast):
    make_item(cast.project, prompt="Tagged?", texts=("A.", "B."), policy_version=7, kind="pair", priority=5)
    assignment = claim(cast.project, cast.bob)
    verdict = Verdict(ranks=dict.fromkeys(assignment.order, 1))
    pair = submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4()).label.pk
    tag = Tag.objects.create(project=cast.project, name="hard")
    PromptTag.objects.create(tag=tag, prompt=assignment.item.prompt)
    ranking = judge(cast.project, cast.bob).pk

    assert chosen(cast, tags=("hard",)) == chosen(cast, policies=(7,)) == chosen(cast, kinds=("pair",)) == [pair]
    assert chosen(cast, policies=(1,)) == chosen(cast, kinds=("ranking",)) == [ranking]
    assert chosen(cast, tags=("soft",)) == []
    assert next(judgements(cast.project)).tags == ["hard"]


def test_revised_labels_are_left_out_taken_too_or_taken_alone(cast):
    first, second = judge(cast.project, cast.bob), judge(cast.project, cast.bob)
    Label.objects.filter(pk=first.pk).update(superseded_by=second)

    assert chosen(cast) == [second.pk]
    assert chosen(cast, superseded="with") == [first.pk, second.pk]
    assert chosen(cast, superseded="only") == [first.pk]


def test_what_a_later_label_replaced_is_current_up_to_that_label(cast):
    first, second = judge(cast.project, cast.bob), judge(cast.project, cast.bob)
    Label.objects.filter(pk=first.pk).update(superseded_by=second)

    [before] = judgements(cast.project, up_to=first.pk)

    assert (before.label, before.replaced_by) == (first.pk, None)


def test_times_begin_with_the_first_and_end_before_the_last(cast):
    early, late = judge(cast.project, cast.bob), judge(cast.project, cast.dora)
    noon = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
    Label.objects.filter(pk=early.pk).update(created=noon - dt.timedelta(seconds=1))
    Label.objects.filter(pk=late.pk).update(created=noon)

    assert chosen(cast, since=noon) == [late.pk]
    assert chosen(cast, until=noon) == [early.pk]


def test_sources_and_extra_judgements_are_told_apart(cast):
    usual, extra = judge(cast.project, cast.bob).pk, judge(cast.project, cast.dora).pk
    Label.objects.filter(pk=extra).update(is_extra=True, source="simulation")

    assert chosen(cast, extra=True) == chosen(cast, sources=("simulation",)) == [extra]
    assert chosen(cast, extra=False) == chosen(cast, sources=("person", "import")) == [usual]
