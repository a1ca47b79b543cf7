"""Serving from a long queue: a few steps in its index, whoever asks and whatever they did before."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from factories import claim, end_lease, judge, make_cast, make_item, write

from labeling.models import Membership, Passage, Slot
from labeling.services import queue
from labeling.services.assignments import claim_next, skip
from labeling.services.preferences import set_preferences
from labeling.services.prompts import NewItem, create_items
from labeling.services.topics import set_topics
from tests.benchmarks.labeling_load.queue import fill_queue, skip_oldest

pytestmark = pytest.mark.django_db


def passages(project, user):
    return dict(
        Passage.objects.filter(membership__project=project, membership__user=user).values_list("priority", "slot")
    )


@pytest.fixture
def _short_stride(monkeypatch):
    """The passage is stored anew as soon as somebody is two slots beyond it."""
    monkeypatch.setattr(queue, "STRIDE", 1)


@pytest.mark.usefixtures("_short_stride")
def test_passage_stops_at_what_others_hold_and_moves_on_when_it_is_done():
    cast = make_cast(num_items=9, overlap=2)
    held = claim(cast.project, cast.dora)
    mine = [judge(cast.project, cast.bob) for _ in range(4)]

    before = passages(cast.project, cast.bob)
    skip(assignment_id=held.pk, annotator=cast.dora)
    judge(cast.project, cast.bob)
    after = passages(cast.project, cast.bob)

    # The first item was dora's and bob's: with overlap 2 its slots are for neither of them, so both pass it.
    slots = list(Slot.objects.order_by("id").values_list("id", "item"))
    first_after = {item.pk: min(pk for pk, of in slots if of == item.pk) for item in cast.items}
    assert mine[0].item_id == held.item_id
    assert before == {0: first_after[cast.items[3].pk]}
    assert after == {0: first_after[cast.items[5].pk]}


@pytest.mark.usefixtures("_short_stride")
def test_what_comes_back_before_others_is_still_served():
    cast = make_cast(num_items=6)
    held = claim(cast.project, cast.dora)
    for _ in range(4):
        judge(cast.project, cast.bob)

    end_lease(held)

    assert claim(cast.project, cast.bob).item_id == held.item_id


@pytest.mark.usefixtures("_short_stride")
def test_new_items_are_served_by_priority_to_somebody_who_was_through():
    cast = make_cast(num_items=5, overlap=2)
    for _ in range(5):
        judge(cast.project, cast.bob)
    assert claim_next(project=cast.project, annotator=cast.bob) is None

    later = make_item(cast.project, prompt="Later?")
    urgent = make_item(cast.project, prompt="Urgent?", priority=3)
    low = make_item(cast.project, prompt="Not urgent?", priority=-3)

    assert [judge(cast.project, cast.bob).item_id for _ in range(3)] == [urgent.pk, later.pk, low.pk]


@pytest.mark.usefixtures("_short_stride")
def test_what_somebody_wrote_is_passed():
    cast = make_cast(num_items=0)
    asked = make_item(cast.project, texts=("Red.",), kind="demonstration")
    written = write(cast.project, cast.bob, "Blue.").demonstration
    [other] = [entry.completion for entry in asked.entries.all()]
    for _ in range(3):
        create_items(project=cast.project, items=[NewItem(prompt=asked.prompt, completions=[other, written])])
    last = make_item(cast.project, prompt="Another?")

    assert claim(cast.project, cast.bob).item_id == last.pk
    assert passages(cast.project, cast.bob) == {0: last.slots.get().pk}


def explained(project, user):
    """Every node of the plan by which the next assignment is served, with what it read."""
    membership = Membership.objects.select_related("project").get(project=project, user=user)
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queue.serving()}", queue.serving_parameters(membership)
        )
        [text] = cursor.fetchone()
    nodes, todo = [], [(json.loads(text) if isinstance(text, str) else text)[0]["Plan"]]
    while todo:
        nodes.append(todo.pop())
        todo += nodes[-1].get("Plans", [])
    return nodes


def slots_read(nodes):
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == "labeling_slot"
    )


def test_serving_reads_the_queue_s_index_and_a_few_slots_of_many():
    cast = make_cast(num_items=0, overlap=2)
    fill_queue(cast.project, items=3_000, completions=2)

    nodes = explained(cast.project, cast.bob)

    assert {node["Index Name"] for node in nodes if "leased_until <= st" in node.get("Filter", "")} == {"slot_queue"}
    assert slots_read(nodes) <= 10
    assert not any(node["Node Type"] in {"Seq Scan", "Sort"} and node["Actual Rows"] > 10 for node in nodes)
    # Of thousands; dead rows that other tests leave add some.
    assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] < 400
    assert Slot.objects.filter(assignment__annotator=cast.bob).count() == 1  # EXPLAIN ANALYZE did what it explained


def test_serving_somebody_who_skipped_thousands_that_wait_for_others_reads_as_few():
    cast = make_cast(num_items=0, overlap=2)
    fill_queue(cast.project, items=3_000, completions=2)
    skip_oldest([cast.bob], items=2_500)
    first = judge(cast.project, cast.bob)  # passes them once

    nodes = explained(cast.project, cast.bob)

    assert Slot.objects.filter(is_done=False, id__lt=first.assignment.slot.pk).count() == 5_000
    assert slots_read(nodes) <= 10


def test_a_serving_plan_that_is_kept_reads_as_few():
    """After five times PostgreSQL may keep a plan that does not know the values."""
    cast = make_cast(num_items=0, overlap=2)
    fill_queue(cast.project, items=3_000, completions=2)
    skip_oldest([cast.bob], items=2_500)
    judge(cast.project, cast.bob)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    nodes = explained(cast.project, cast.bob)

    assert slots_read(nodes) <= 10


@pytest.mark.usefixtures("_short_stride")
def test_who_opted_out_passes_the_topic_and_who_changes_their_mind_comes_back_to_it():
    cast = make_cast(num_items=5)
    first = cast.items[0]
    set_topics(prompt=first.prompt, topics=["violent"])
    set_preferences(user=cast.bob, language="", opted_out=["violent"], break_minutes=0)
    for _ in range(3):
        judge(cast.project, cast.bob)
    passed = passages(cast.project, cast.bob)

    set_preferences(user=cast.bob, language="", opted_out=[], break_minutes=0)

    assert passed[0] > first.slots.get().pk
    assert claim(cast.project, cast.bob).item_id == first.pk


@pytest.mark.usefixtures("_short_stride")
def test_a_prompt_that_lost_its_topic_is_served_to_who_passed_it():
    cast = make_cast(num_items=5)
    first = cast.items[0]
    set_topics(prompt=first.prompt, topics=["violent"])
    set_preferences(user=cast.bob, language="", opted_out=["violent"], break_minutes=0)
    for _ in range(3):
        judge(cast.project, cast.bob)
    passed = passages(cast.project, cast.bob)

    set_topics(prompt=first.prompt, topics=[])

    assert passed[0] > first.slots.get().pk
    assert claim(cast.project, cast.bob).item_id == first.pk


def test_the_statement_that_serves_is_planned_once_for_a_connection():
    cast = make_cast(num_items=0)
    fill_queue(cast.project, items=300, completions=2)

    for _ in range(12):
        judge(cast.project, cast.bob)

    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE '%RECURSIVE begun%'")
        plans = [row[0] for row in cursor.fetchall()]
    assert plans
    assert max(plans) >= 3
