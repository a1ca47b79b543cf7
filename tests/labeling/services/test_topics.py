from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item, make_user

from labeling.errors import Invalid
from labeling.models import Prompt, Slot
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.preferences import set_preferences
from labeling.services.projects import create_project, set_member
from labeling.services.prompts import add_prompts
from labeling.services.revisions import revise_label
from labeling.services.topics import add_topics, check_topics, set_topics


@pytest.fixture
def cast(db):
    return make_cast(num_items=2)


def opt_out(user, *topics):
    return set_preferences(user=user, language="", opted_out=topics, break_minutes=50)


def topics_of_slots(prompt):
    return list(Slot.objects.filter(item__prompt=prompt).order_by("id").values_list("topics", flat=True))


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        (None, []),
        ("", []),
        ([], []),
        (["hate", "sexual", "hate"], ["sexual", "hate"]),
        ("violent, self_harm", ["violent", "self_harm"]),
        ('["other","hate"]', ["hate", "other"]),
    ],
)
def test_topics_come_as_a_list_or_as_a_text_and_stand_in_one_order(given, checked):
    assert check_topics(given) == checked


@pytest.mark.parametrize("given", [["gore"], "gore", 5, {"a": 1}, [1], [None], [["hate"]]])
def test_what_is_no_topic_is_refused_by_its_name(given):
    with pytest.raises(Invalid, match=r"no topic|not a list of codes"):
        check_topics(given)


def test_the_database_takes_no_unknown_topic(cast):
    with pytest.raises(IntegrityError, match="prompt_topics_known"), transaction.atomic():
        Prompt.objects.filter(pk=cast.items[0].prompt_id).update(topics=["gore"])


def test_the_topics_of_a_prompt_are_those_of_its_open_slots(cast):
    first, second = (item.prompt for item in cast.items)

    set_topics(prompt=first, topics=["violent", "hate"])
    add_topics(prompt=first, topics=["sexual"])
    item = make_item(cast.project, prompt=first.messages, texts=["Grey.", "White."])

    assert Prompt.objects.get(pk=first.pk).topics == ["sexual", "violent", "hate"]
    assert topics_of_slots(first) == [["sexual", "violent", "hate"]] * 2
    assert Slot.objects.get(item=item).topics == ["sexual", "violent", "hate"]
    assert topics_of_slots(second) == [[]]
    set_topics(prompt=first, topics=[])
    assert topics_of_slots(first) == [[], []]


def test_prompts_are_stored_with_topics_and_known_ones_get_them_too(cast):
    known = cast.items[0].prompt
    prompts, new = add_prompts(
        project=cast.project, prompts=["A new one.", known.messages], topics=[["hate"], ["violent"]]
    )

    assert new == 1
    assert [prompt.topics for prompt in prompts] == [["hate"], ["violent"]]
    assert topics_of_slots(known) == [["violent"]]


@pytest.mark.parametrize(
    ("flag", "topics"),
    [
        ("sexual", ["sexual"]),
        ("violent", ["violent"]),
        ("denigrates", ["hate"]),
        ("encourages_harm", ["violent", "self_harm"]),
        ("opinion", []),
    ],
)
def test_a_flag_gives_its_topic_to_the_prompt(cast, flag, topics):
    assignment = claim(cast.project, cast.bob)
    verdict = a_verdict(assignment, flags={assignment.order[1]: [flag, "opinion"]})

    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())

    assert Prompt.objects.get(pk=assignment.item.prompt_id).topics == topics


def test_a_flag_that_comes_with_a_revision_counts_too(cast):
    label = judge(cast.project, cast.bob)
    verdict = a_verdict(label.assignment, flags={label.assignment.order[0]: ["sexual"]})

    revise_label(assignment_id=label.assignment_id, annotator=cast.bob, verdict=verdict, client_id=uuid4())

    assert Prompt.objects.get(pk=label.item.prompt_id).topics == ["sexual"]


def test_who_opted_out_is_never_served_the_topic_and_others_are(cast):
    set_topics(prompt=cast.items[0].prompt, topics=["violent", "hate"])
    opt_out(cast.bob, "hate", "sexual")

    assert claim(cast.project, cast.bob).item_id == cast.items[1].pk
    assert claim(cast.project, cast.dora).item_id == cast.items[0].pk
    judge(cast.project, cast.bob)
    assert claim_next(project=cast.project, annotator=cast.bob) is None


def test_what_was_begun_is_not_served_again_after_opting_out_and_others_get_it(cast):
    begun = claim(cast.project, cast.bob)
    set_topics(prompt=begun.item.prompt, topics=["violent"])

    opt_out(cast.bob, "violent")
    after = claim(cast.project, cast.bob)
    others = [claim(cast.project, cast.dora).item_id]

    assert after.item_id != begun.item_id
    assert others == [begun.item_id]
    end_lease(after)
    opt_out(cast.bob)
    assert {claim(cast.project, cast.bob).pk} <= {begun.pk, after.pk}


def test_opting_out_in_one_language_or_minutes_outside_the_range_is_refused(cast):
    for language, topics, minutes in (("tlh", [], 50), ("", ["gore"], 50), ("", [], 481), ("", [], -1)):
        with pytest.raises(Invalid):
            set_preferences(user=cast.bob, language=language, opted_out=topics, break_minutes=minutes)

    cast.bob.refresh_from_db()
    assert (cast.bob.language, cast.bob.opted_out, cast.bob.break_minutes) == ("", [], 50)


def test_the_queue_is_read_by_its_index_also_for_those_who_opted_out(cast):
    """A claim walks the queue's index from its front and stops at the first slot; nothing is sorted or read whole."""
    project = cast.project
    make_many(project, sensitive=20, others=400)
    opt_out(cast.bob, "violent", "sexual")

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE labeling_slot")
    slots = Slot.objects.filter(project=project, is_done=False).exclude(topics__overlap=["violent", "sexual"])
    plan = slots.order_by("-priority", "id")[:1].explain()

    assert "slot_queue" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


def test_opting_out_costs_a_claim_no_query(cast, django_assert_num_queries):
    make_many(cast.project, sensitive=3, others=5)
    opt_out(cast.bob, "violent")
    for user in (cast.bob, cast.dora):
        judge(cast.project, user)  # whoever is served for the first time gets a passage, too

    with django_assert_num_queries(4) as plain:
        claim_next(project=cast.project, annotator=cast.dora)
    with django_assert_num_queries(len(plain)):
        claim_next(project=cast.project, annotator=cast.bob)


def make_many(project, *, sensitive, others):
    for number in range(sensitive + others):
        item = make_item(project, prompt=f"Prompt {number}.", texts=["One.", "Two."])
        if number < sensitive:
            set_topics(prompt=item.prompt, topics=["violent"])


@pytest.mark.django_db(transaction=True)
def test_people_who_flag_the_same_prompt_at_once_do_not_wait_for_each_other_in_a_circle():
    admin = make_user("alice")
    project = create_project(slug="together", creator=admin, overlap=6)
    people = [make_user(f"person{number}") for number in range(6)]
    for person in people:
        set_member(project=project, user=person, role="annotator")
    for number in range(2):  # two items of one prompt
        make_item(project, prompt="One prompt.", texts=[f"Red {number}.", f"Blue {number}."])
    faults = []

    def work(person):
        try:
            for _ in range(2):
                # What another one is being written to is passed over at that moment.
                while (assignment := claim_next(project=project, annotator=person)) is None:
                    pass
                flags = {assignment.order[0]: ["violent", "sexual", "denigrates"][: 1 + person.pk % 3]}
                verdict = a_verdict(assignment, flags=flags)
                submit_label(assignment_id=assignment.pk, annotator=person, verdict=verdict, client_id=uuid4())
        except Exception as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert Prompt.objects.get().topics == ["sexual", "violent", "hate"]
    assert Slot.objects.filter(is_done=True).count() == 12
