"""What the gate decides at each judgement, and who comes first: people, pairs and switches, without a model."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection
from factories import a_verdict, claim, judge, make_item

from alignment import promotion, selectors, services
from alignment.gating import by_hand, deciding, records
from alignment.gating.pairs import _ask
from alignment.gating.settings import change_gate
from alignment.models import GatePair, Promotion
from labeling import exchange
from labeling.models import AuditEntry, Completion, Item, Slot
from labeling.services.labels import submit_label

pytestmark = pytest.mark.django_db
HOW = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 8}


def jobs_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'promotion_id' FROM procrastinate_jobs WHERE task_name = 'alignment.ask_pairs'")
        return [int(row[0]) for row in cursor.fetchall()]


def test_a_candidate_is_asked_about_and_its_promotion_waits_for_people(gate):
    found = gate.bring(2)

    deciding.look(gate.id)

    assert (found.state, gate.serving) == ("asking", 1)
    assert jobs_waiting() == [found.pk]
    assert selectors.newest_candidate(gate.id) == found.candidate


def test_seven_people_in_a_row_promote_it_and_six_do_not(gate):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 6)
    deciding.look(gate.id)
    before = gate.serving

    gate.write_and_say(found, 2, 1)
    deciding.look(gate.id)

    found.refresh_from_db()
    assert (before, gate.serving) == (1, 2)
    assert gate.states == [(2, "promoted", "proof")]
    assert (found.evidence["wins"], found.evidence["losses"], found.decided_by) == (7, 0, None)
    entry = AuditEntry.objects.get(action="policy.promoted")
    assert (entry.actor, entry.before, entry.after) == (None, {"version": 1}, {"version": 2})


def test_seven_against_it_reject_it_and_its_open_pairs_leave_the_queue(gate):
    found = gate.bring(2)
    gate.write(found, 9)
    for _ in range(7):
        gate.say(1)

    deciding.look(gate.id)

    assert gate.states == [(2, "rejected", "worse")]
    assert Slot.objects.filter(project=gate.cast.project, is_done=False).count() == 0
    assert Item.objects.filter(left_queue__isnull=False).count() == 2
    assert selectors.newest_candidate(gate.id) is None


def test_pairs_without_a_difference_end_in_vain(gate):
    change_gate(project_id=gate.id, most_pairs=10)
    found = gate.bring(2)
    gate.write(found, 6, same=4)  # nobody is asked about what is the same
    for best in (2, 1):
        gate.say(best)
    gate.write_and_say(found, None, 4)

    deciding.look(gate.id)

    found.refresh_from_db()
    assert gate.states == [(2, "rejected", "futile")]
    assert (found.evidence["wins"], found.evidence["losses"], found.evidence["ties"]) == (1, 1, 8)


def test_a_second_look_changes_nothing_and_a_revision_counts_in_place_of_what_it_revises(gate):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 3)
    deciding.look(gate.id)
    first = Promotion.objects.get(pk=found.pk).evidence

    deciding.look(gate.id)

    assert Promotion.objects.get(pk=found.pk).evidence == first
    assert first["wins"] == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_look_at_once_decide_once(gate):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 7)
    barrier = threading.Barrier(2)

    def look() -> None:
        barrier.wait()
        deciding.look(gate.id)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert gate.states == [(2, "promoted", "proof")]
    assert AuditEntry.objects.filter(action="policy.promoted").count() == 1


def test_a_portion_that_two_workers_wrote_is_asked_once(gate):
    found = gate.bring(2)
    gate.write(found, 6)

    prompts = exchange.prompts(gate.id, held_out=True, limit=1)
    late = {v: exchange.Sampled(prompt=prompts[0].id, text=f"late {v}", logprob=-1.0, sampling=HOW) for v in (1, 2)}
    asked = _ask(found.pk, [late], made=0, is_watch=False)

    assert (asked, GatePair.objects.count()) == (0, 6)


def test_one_that_is_identical_or_refused_by_a_guard_is_asked_about_by_nobody(gate):
    gate.bring(2, identical=True)
    gate.bring(3, guards=[{"name": "eos", "passed": False, "holds": False}])

    deciding.look(gate.id)

    assert gate.states == [(2, "rejected", "identical"), (3, "rejected", "guard")]
    assert jobs_waiting() == []
    assert AuditEntry.objects.filter(action="policy.rejected").count() == 2


def test_a_guard_that_cannot_say_anything_holds_what_people_prefer(gate):
    change_gate(project_id=gate.id, hold_unknown=True)
    found = gate.bring(2, guards=[{"name": "held_out", "passed": None, "holds": True}])
    gate.write_and_say(found, 2, 8)

    deciding.look(gate.id)

    found.refresh_from_db()
    assert (found.state, found.evidence["held"], gate.serving) == ("asking", ["held_out"], 1)


@pytest.mark.parametrize("switch", ["promotion_enabled", "enabled"])
def test_an_admin_may_keep_the_last_word(gate, switch):
    services.change_loop(project_id=gate.id, **{switch: False})
    found = gate.bring(2)
    gate.write_and_say(found, 2, 8)
    deciding.look(gate.id)
    held = Promotion.objects.get(pk=found.pk).evidence["held"]

    promotion.promote(policy_id=found.candidate_id, changed_by=gate.cast.alice.pk)

    assert held == ["by_hand"]
    found.refresh_from_db()
    assert (found.state, found.cause, found.decided_by) == ("promoted", "person", gate.cast.alice)


def test_what_is_preferred_but_flagged_is_refused_with_the_items_that_show_it(gate):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 9, flags=("encourages_harm",))

    deciding.look(gate.id)

    found.refresh_from_db()
    [harmful] = [each for each in found.guards if each["name"] == "flags_harmful"]
    assert gate.states == [(2, "rejected", "guard")]
    assert (harmful["passed"], harmful["value"], len(harmful["items"])) == (False, 1.0, 5)
    [task] = [each for each in found.guards if each["name"] == "flags_instruction"]
    assert task["passed"]


def test_what_raised_flags_more_often_is_asked_about_again_before_all_else(gate):
    found = gate.bring(2)
    gate.write_and_say(found, 2, 9, flags=("encourages_harm",))

    deciding.look(gate.id)
    deciding.look(gate.id)

    found.refresh_from_db()
    [harmful] = [each for each in found.guards if each["name"] == "flags_harmful"]
    shown = Item.objects.filter(pk__in=harmful["items"])
    again = Item.objects.filter(priority=32_000, purpose="training", policy_version=2)
    assert len(harmful["items"]) == again.count() == 5
    assert {entries(item) for item in again} == {entries(item) for item in shown}
    assert again.filter(num_judgements=0).count() == 5


def entries(item):
    return frozenset(item.entries.values_list("completion", flat=True))


def test_a_newer_candidate_waits_and_of_several_the_newest_comes_next(gate):
    first = gate.bring(2)
    gate.bring(3)
    gate.bring(4)
    gate.write_and_say(first, 1, 7)

    deciding.look(gate.id)

    assert gate.states == [(2, "rejected", "worse"), (3, "superseded", "newer"), (4, "asking", "")]


def test_a_newer_one_takes_over_when_half_of_the_pairs_did_not_put_the_first_ahead(gate):
    change_gate(project_id=gate.id, most_pairs=10)
    first = gate.bring(2)
    gate.bring(3)
    gate.write_and_say(first, 2, 2)
    gate.write_and_say(first, 1, 2)
    deciding.look(gate.id)
    before = gate.states

    gate.write_and_say(first, 1, 1)
    deciding.look(gate.id)

    assert before == [(2, "asking", ""), (3, "waiting", "")]
    assert gate.states == [(2, "superseded", "newer"), (3, "asking", "")]


def test_after_a_promotion_newer_candidates_are_held_against_the_new_version_and_older_ones_are_gone(gate):
    gate.bring(2)
    third = gate.bring(3)
    gate.bring(4)

    promotion.promote(policy_id=third.candidate_id, changed_by=gate.cast.alice.pk)
    deciding.look(gate.id)

    assert gate.states == [(2, "superseded", "served"), (3, "promoted", "person"), (4, "asking", "")]
    assert Promotion.objects.get(candidate__version=4).against.version == 3


def test_one_that_was_asked_about_begins_anew_against_another_version(gate):
    third = gate.bring(3)
    gate.write_and_say(third, 3, 3)

    promotion.promote(policy_id=gate.policy(2).pk, changed_by=gate.cast.alice.pk)
    deciding.look(gate.id)

    assert gate.states == [(3, "superseded", "served"), (3, "asking", ""), (2, "promoted", "person")]
    assert Promotion.objects.get(state="asking").evidence["wins"] == 0


def test_a_veto_needs_a_reason_and_lets_the_next_one_come(gate):
    found = gate.bring(2)
    gate.bring(3)
    gate.write(found, 4)
    options = {"project_id": gate.id, "promotion_id": found.pk, "by": gate.cast.alice.pk}

    with pytest.raises(exchange.Invalid, match="say why"):
        by_hand.veto(reason="  ", **options)
    by_hand.veto(reason="It flatters.", **options)
    by_hand.veto(reason="Once more.", **options)

    found.refresh_from_db()
    assert gate.states == [(2, "vetoed", "person"), (3, "asking", "")]
    assert (found.reason, found.decided_by) == ("It flatters.", gate.cast.alice)
    assert Slot.objects.filter(project=gate.cast.project).count() == 0
    assert AuditEntry.objects.get(action="policy.vetoed").after == {"version": 2, "reason": "It flatters."}
    promotion.promote(policy_id=found.candidate_id)
    late = Promotion.objects.get(state="promoted").pk
    with pytest.raises(exchange.Conflict, match="decided about before"):
        by_hand.veto(reason="Too late.", **{**options, "promotion_id": late})


def test_one_click_rolls_back_and_a_second_click_finds_it_done(gate):
    found = gate.bring(2)
    promotion.promote(policy_id=found.candidate_id)

    for _ in range(2):
        by_hand.roll_back(project_id=gate.id, version=2, by=gate.cast.alice.pk)

    found.refresh_from_db()
    assert (gate.serving, found.state, found.ended_by) == (1, "rolled_back", gate.cast.alice)
    with pytest.raises(exchange.Conflict, match="promote the one you want"):
        by_hand.roll_back(project_id=gate.id, version=1, by=gate.cast.alice.pk)


def test_what_serves_is_watched_and_rolled_back_when_people_prefer_what_was_before(gate):
    found = gate.bring(2)
    promotion.promote(policy_id=found.candidate_id)
    found.refresh_from_db()
    gate.write_and_say(found, 1, 6, is_watch=True)
    deciding.look(gate.id)
    before = gate.serving

    gate.write_and_say(found, 1, 1, is_watch=True)
    deciding.look(gate.id)

    found.refresh_from_db()
    assert (before, gate.serving) == (2, 1)
    assert (found.state, found.ended_by, found.watched["losses"]) == ("rolled_back", None, 7)


def test_watching_ends_after_as_many_pairs_as_are_set(gate):
    change_gate(project_id=gate.id, watch_pairs=4)
    found = gate.bring(2)
    promotion.promote(policy_id=found.candidate_id)
    found.refresh_from_db()
    deciding.look(gate.id)
    at_once = jobs_waiting()
    for number in range(9):  # 1 in 10 is for watching
        make_item(gate.cast.project, prompt=f"Name colour {number}.")
        judge(gate.cast.project, gate.cast.bob)
    deciding.look(gate.id)
    begun = jobs_waiting()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    gate.write_and_say(found, 2, 4, is_watch=True)

    deciding.look(gate.id)

    assert (at_once, begun, jobs_waiting(), gate.serving) == ([], [found.pk], [], 2)


def test_the_gate_takes_its_share_of_the_judgements_and_no_more(gate):
    """A portion first; then pairs for 3 in 10 of all, counted by what is judged beside."""
    change_gate(project_id=gate.id, share=0.3)
    found = gate.bring(2)
    gate.write_and_say(found, 2, 3)
    gate.write_and_say(found, 1, 3)
    for number in range(22):
        make_item(gate.cast.project, prompt=f"Name colour {number}.")
    asked = []

    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        deciding.look(gate.id)
        asked.append(bool(jobs_waiting()))
        judge(gate.cast.project, gate.cast.bob)

    # 6 pairs are there: the next may come when 6 < 6 + n * 3 / 7.
    assert asked == [False] + [True] * 19
    gate.write(found, 6)
    gate.write(found, 6)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for _ in range(10):
        gate.say(None)
    deciding.look(gate.id)
    assert jobs_waiting() == []  # 18 pairs are more than 6 + 20 * 3 / 7


def test_what_cannot_be_asked_about_gives_way_to_a_newer_one(gate):
    found = gate.bring(2)
    Promotion.objects.filter(pk=found.pk).update(error="its files are gone")
    deciding.look(gate.id)
    waiting = jobs_waiting()
    gate.bring(3)

    deciding.look(gate.id)

    assert waiting == []
    assert gate.states == [(2, "superseded", "newer"), (3, "asking", "")]


def test_the_lock_is_the_row_of_the_loop(gate, django_assert_num_queries):
    with django_assert_num_queries(1):
        records.lock(gate.id)
    with django_assert_num_queries(1):  # nothing is at the gate of a project without candidates
        deciding.look(gate.cast.other_project.pk)


def add_random_item(gate, *, is_random=True, versions=(2, 1), prompt="Say a colour, at random."):
    """An item that holds a completion of each version; on top of the queue."""
    item = make_item(gate.cast.project, prompt=prompt, texts=["by 2", "by 1"], priority=32_500)
    for text, version in zip(("by 2", "by 1"), versions, strict=True):
        Completion.objects.filter(prompt=item.prompt, text=text).update(policy_version=version)
    if is_random:
        fields = {"rule": "random", "propensity": 1.0, "random_propensity": 1.0}
        Item.objects.filter(pk=item.pk).update(is_random=True, **fields)
    return item


def judge_in_favour(gate, best):
    """Bob's next item, a ranking: the text of the version is first."""
    assignment = claim(gate.cast.project, gate.cast.bob)
    texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
    ranks = [1 if texts[pk] == f"by {best}" else 2 for pk in assignment.order]
    verdict = a_verdict(assignment, ranks=ranks)
    submit_label(assignment_id=assignment.pk, annotator=gate.cast.bob, verdict=verdict, client_id=uuid4())


def test_items_of_the_random_share_that_hold_both_versions_count_and_those_that_a_rule_chose_do_not(gate):
    add_random_item(gate, prompt="Before the candidate came.")
    found = gate.bring(2)
    add_random_item(gate)
    add_random_item(gate, prompt="Chosen by a rule.", is_random=False)
    add_random_item(gate, prompt="Of other versions.", versions=(2, 3))
    for best in (2, 2, 1, 1):
        judge_in_favour(gate, best)

    deciding.look(gate.id)

    found.refresh_from_db()
    counted = {name: found.evidence[name] for name in ("wins", "losses", "from_random")}
    assert counted == {"wins": 1, "losses": 0, "from_random": 1}
