"""Rules that the database keeps, whatever a service does: each is broken directly, and nothing else is wrong."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from factories import Cast, claim, judge, make_cast

from labeling.models import (
    Assignment,
    Comparison,
    Completion,
    Item,
    ItemCompletion,
    Label,
    Membership,
    Project,
    Prompt,
    Rank,
    Rating,
    Slot,
)

pytestmark = pytest.mark.django_db

DIGEST = "a" * 64


@pytest.fixture
def cast() -> Cast:
    """Two items, the first judged by bob; dora holds the second."""
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    claim(cast.project, cast.dora)
    return cast


def refused(name: str):
    """The block breaks this constraint and no other."""
    return pytest.raises(IntegrityError, match=f'constraint "{name}"')


@pytest.mark.parametrize(
    ("model", "values", "name"),
    [
        (Project, {"completions_per_item": 1}, "project_k_2_to_9"),
        (Project, {"completions_per_item": 10}, "project_k_2_to_9"),
        (Project, {"overlap": 0}, "project_overlap_1_to_50"),
        (Project, {"overlap": 51}, "project_overlap_1_to_50"),
        (Project, {"lease_minutes": 0}, "project_lease_1_to_1440"),
        (Project, {"conversation_turns": 0}, "project_turns_1_to_20"),
        (Project, {"conversation_turns": 21}, "project_turns_1_to_20"),
        (Project, {"conversation_sides": "none"}, "project_sides_known"),
        (Project, {"conversation_opening": "none"}, "project_opening_known"),
        (Project, {"lease_minutes": 1441}, "project_lease_1_to_1440"),
        (Project, {"held_out_percent": 51}, "project_held_out_at_most_50"),
        (Project, {"name": ""}, "project_name_not_empty"),
        (Membership, {"role": "boss"}, "membership_role_known"),
        (Membership, {"seconds_worked": -1.0}, "membership_seconds_not_negative"),
        (Prompt, {"digest": "xyz"}, "prompt_digest_is_sha256"),
        (Prompt, {"messages": []}, "prompt_has_messages"),
        (Completion, {"digest": "A" * 64}, "completion_digest_is_sha256"),
        (Completion, {"policy_version": None}, "completion_knows_who_wrote_it"),
        (Completion, {"origin": "import"}, "completion_knows_who_wrote_it"),
        (Completion, {"origin": "person"}, "completion_knows_who_wrote_it"),
        (Completion, {"origin": "robot"}, "completion_knows_who_wrote_it"),
        (Item, {"num_judgements": 2}, "item_never_over_its_overlap"),
        (Item, {"kind": "guess"}, "item_kind_known"),
        (Assignment, {"state": "lost"}, "assignment_state_known"),
        (Project, {"kinds": []}, "project_kinds_known"),
        (Project, {"kinds": ["guess"]}, "project_kinds_known"),
        (Label, {"seconds": -1.0}, "label_seconds_not_negative"),
        (Label, {"kind": "guess"}, "label_kind_known"),
        (Label, {"kind": "best"}, "label_best_of_kind_best"),
        (Label, {"kind": "demonstration"}, "label_demonstration_of_its_kind"),
        (Label, {"strength": 2}, "label_strength_of_a_pair"),
        (Label, {"kind": "pair", "strength": 0}, "label_strength_of_a_pair"),
        (Label, {"kind": "pair", "strength": 4}, "label_strength_of_a_pair"),
        (Label, {"source": "robot"}, "label_"),
        (Label, {"annotator": None}, "label_knows_its_annotator"),
        (Label, {"assignment": None}, "label_knows_its_annotator"),
        (Rating, {"value": 0}, "rating_1_to_7"),
        (Rating, {"value": 8}, "rating_1_to_7"),
        (Rating, {"flags": ["Rude!"]}, "rating_flags_are_codes"),
        (Project, {"flags": ["rude"]}, "project_flags_known"),
        (Rank, {"rank": 0}, "rank_1_to_9"),
        (Rank, {"rank": 10}, "rank_1_to_9"),
        (Comparison, {"outcome": "los"}, "comparison_outcome_known"),
        (Comparison, {"weight": 0.0}, "comparison_weight_0_to_1"),
        (Comparison, {"weight": 1.01}, "comparison_weight_0_to_1"),
    ],
)
def test_value_outside_its_range_is_refused(cast, model, values, name):
    row = model.objects.first()

    with pytest.raises(IntegrityError, match=f'constraint "{name}'):
        model.objects.filter(pk=row.pk).update(**values)


def test_item_wants_one_judgement_or_more(cast):
    with refused("item_overlap_at_least_1"):
        Item.objects.filter(num_judgements=0).update(overlap=0)


def test_prompt_is_once_in_a_project(cast):
    prompt = Prompt.objects.earliest("pk")

    with refused("prompt_once_per_project"):
        Prompt.objects.create(project=cast.project, messages=prompt.messages, digest=prompt.digest, held_out=False)


@pytest.mark.parametrize(
    "writer",
    [{"origin": "import"}, {"origin": "policy", "policy_version": 3}, {"origin": "person", "author": "bob"}],
)
def test_completion_is_once_for_each_writer_also_where_the_writer_is_null(cast, writer):
    if "author" in writer:
        writer = {**writer, "author": cast.bob}
    values = {"prompt": Prompt.objects.first(), "text": "x", "digest": DIGEST, **writer}
    Completion.objects.create(**values)

    with refused("completion_once_per_origin"):
        Completion.objects.create(**values)


def test_completion_is_once_in_an_item_and_so_is_a_position(cast):
    first, second = ItemCompletion.objects.filter(item=cast.items[0])[:2]

    with refused("item_completion_once"), transaction.atomic():
        ItemCompletion.objects.create(item=first.item, completion=first.completion, position=9)
    with refused("item_position_once"):
        ItemCompletion.objects.filter(pk=first.pk).update(position=second.position)


def test_person_has_one_assignment_of_an_item(cast):
    taken = Assignment.objects.earliest("pk")

    with refused("assignment_once_per_person"):
        Assignment.objects.create(
            item=taken.item, annotator=taken.annotator, lease_expires=taken.lease_expires, order=[]
        )


def test_slot_number_is_once_in_an_item(cast):
    with refused("slot_number_once"):
        Slot.objects.create(item=cast.items[0], project=cast.project, number=0)


def test_slot_is_done_by_somebody(cast):
    with refused("slot_done_by_somebody"):
        Slot.objects.filter(is_done=True).update(assignment=None)


def test_assignment_holds_one_slot(cast):
    taken, other = Slot.objects.order_by("pk")

    with pytest.raises(IntegrityError, match="assignment_id"):
        Slot.objects.filter(pk=other.pk).update(assignment=taken.assignment)


def test_assignment_has_one_current_label_and_superseded_ones_beside_it(cast):
    first = Label.objects.get()
    values = {
        "project": first.project, "item": first.item, "assignment": first.assignment, "annotator": first.annotator,
    }  # fmt: skip

    with refused("label_one_current_per_assignment"), transaction.atomic():
        Label.objects.create(**values, client_id=uuid4())
    other = Label.objects.create(**{**values, "assignment": None}, source="import", client_id=uuid4())
    Label.objects.filter(pk=first.pk).update(superseded_by=other)
    Label.objects.create(**values, client_id=uuid4())

    assert Label.objects.filter(assignment=first.assignment).count() == 2


def test_client_id_is_once_everywhere(cast):
    first = Label.objects.get()

    with pytest.raises(IntegrityError, match="client_id"):
        Label.objects.create(project=cast.other_project, item=first.item, source="import", client_id=first.client_id)


@pytest.mark.parametrize(("model", "name"), [(Rating, "rating_once"), (Rank, "rank_once")])
def test_completion_is_rated_and_ranked_once_in_a_label(cast, model, name):
    row = model.objects.first()
    value = {"value": 4} if model is Rating else {"rank": 1}

    with refused(name):
        model.objects.create(label=row.label, completion=row.completion, **value)


def test_pair_is_compared_once_in_a_label_whichever_way_round(cast):
    row = Comparison.objects.earliest("pk")

    with refused("comparison_once"):
        Comparison.objects.create(label=row.label, chosen=row.rejected, rejected=row.chosen, outcome="tie", weight=0.5)


def test_completion_is_not_compared_with_itself(cast):
    row = Comparison.objects.earliest("pk")

    with pytest.raises(IntegrityError, match=r"comparison_of_two|comparison_once"):
        Comparison.objects.filter(pk=row.pk).update(rejected=row.chosen)


def test_person_is_once_in_a_project(cast):
    with refused("membership_once"):
        Membership.objects.create(project=cast.project, user=cast.bob, role="reviewer")


def test_person_with_labels_cannot_be_deleted(cast):
    with pytest.raises(ProtectedError):
        cast.bob.delete()
