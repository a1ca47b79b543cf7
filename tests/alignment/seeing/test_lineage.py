"""From completions back, and from judgements forward."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, judge

from alignment import services
from alignment.models import Policy, Run
from alignment.seeing import lineage
from labeling.exchange import NotFound
from labeling.models import Completion, Item, Label, Prompt
from labeling.selectors.labels import pseudonym
from labeling.services.revisions import revise_label

pytestmark = pytest.mark.django_db


@pytest.fixture
def trained(compared):
    """Trains a version on what was judged so far, as far as the database sees it."""
    Prompt.objects.update(held_out=False)

    def train(version):
        run = services.create_run(project_id=compared.project.pk, start=False, seed=version)
        Run.objects.filter(pk=run.pk).update(snapshot_digest=f"{version:064x}", snapshot_counts={"train": 1})
        fields = {"method": "dpo", "path": "p", "digest": f"{version:064x}"}
        before = Policy.objects.order_by("-version").first()
        return Policy.objects.create(project=compared.project, version=version, parent=before, run=run, **fields)

    return train


def test_from_a_completion_to_versions_runs_judgements_and_people(compared, trained):
    judge(compared.project, compared.dora)
    trained(2)
    text = Completion.objects.filter(policy_version=2, entries__item__labels__isnull=False).first()

    origin = lineage.origin_of(compared.project.pk, text.pk)

    assert [policy.version for policy in origin.policies] == [2, 1]
    assert (origin.policies[0].run.seed, origin.policies[0].run.snapshot_digest) == (2, f"{2:064x}")
    names = {pseudonym(compared.project.pk, user.pk) for user in (compared.bob, compared.dora)}
    assert {name for name, _ in origin.people} == names
    assert [num for _, num in origin.people] == [1, 1]
    assert origin.facts.num_judgements == len(origin.facts.judgements) == 1
    assert origin.facts.judgements[0].annotator in names


def test_judgements_made_after_the_snapshot_and_those_of_held_out_prompts_are_not_behind_it(compared, trained):
    trained(2)
    judge(compared.project, compared.dora)
    Prompt.objects.filter(items__labels__annotator=compared.bob).update(held_out=True)
    text = Completion.objects.filter(policy_version=2).first()

    assert lineage.origin_of(compared.project.pk, text.pk).people == []


def test_a_judgement_moved_the_runs_whose_snapshot_has_it(compared, trained):
    first = Label.objects.get()
    trained(2)
    second = judge(compared.project, compared.bob)
    trained(3)

    moved, later = (lineage.moved_by(compared.project.pk, label.pk) for label in (first, second))

    assert ([run.policy.version for run in moved.runs], moved.num_runs) == ([3, 2], 2)
    assert (moved.first.version, moved.newest.version) == (2, 3)
    assert [run.policy.version for run in later.runs] == [3]


def test_a_revised_judgement_moved_only_what_was_trained_before_it_was_revised(compared, trained):
    label = Label.objects.get()
    trained(2)
    now = {rank.completion_id: rank.rank for rank in label.ranks.all()}
    verdict = a_verdict(label.assignment, ranks=[3 - now[pk] for pk in label.assignment.order])
    assert label.assignment_id is not None
    new = revise_label(assignment_id=label.assignment_id, annotator=compared.bob, verdict=verdict, client_id=uuid4())
    trained(3)

    old_moved = lineage.moved_by(compared.project.pk, label.pk)
    new_moved = lineage.moved_by(compared.project.pk, new.label.pk)

    assert new.label.pk != label.pk
    assert [run.policy.version for run in old_moved.runs] == [2]
    assert [run.policy.version for run in new_moved.runs] == [3]
    assert (old_moved.facts.superseded_by, new_moved.facts.supersedes) == (new.label.pk, label.pk)


def test_a_blind_evaluation_moves_nothing(compared, trained):
    Item.objects.filter(labels__isnull=False).update(purpose="known")
    trained(2)

    assert lineage.moved_by(compared.project.pk, Label.objects.get().pk).runs == []


def test_somebody_sees_in_which_version_their_judgements_are_and_how_many(compared, trained):
    before = lineage.own_part(compared.project.pk, user_id=compared.bob.pk)
    trained(2)
    judge(compared.project, compared.bob)
    of_one = lineage.own_part(compared.project.pk, user_id=compared.bob.pk)
    trained(3)
    of_two = lineage.own_part(compared.project.pk, user_id=compared.bob.pk)

    assert before is None
    assert (of_one.version, of_one.num, of_one.is_serving) == (2, 1, False)
    assert (of_two.version, of_two.num) == (3, 2)
    assert lineage.own_part(compared.project.pk, user_id=compared.dora.pk) is None


def test_what_belongs_to_another_project_is_not_found(compared):
    other = compared.other_project.pk

    with pytest.raises(NotFound, match="there is no completion"):
        lineage.origin_of(other, Completion.objects.first().pk)
    with pytest.raises(NotFound, match="there is no judgement"):
        lineage.moved_by(other, Label.objects.first().pk)


def test_ancestry_is_one_query_however_long_it_is(compared, trained, django_assert_num_queries):
    for version in range(2, 12):
        trained(version)

    with django_assert_num_queries(1):
        found = lineage.ancestry(compared.project.pk, 11)

    assert [policy.version for policy in found] == list(range(11, 0, -1))
