"""What the gate decides at each judgement, and who comes first: people, pairs and switches, without a model."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection
from factories import claim, judge, make_cast

from alignment import promotion, selectors, services
from alignment.gating import by_hand, deciding, records
from alignment.gating.opening import bring_to_gate
from alignment.gating.pairs import _ask
from alignment.gating.settings import change_gate
from alignment.models import GatePair, Policy, Promotion, Run
from labeling import exchange
from labeling.models import AuditEntry, Completion, Item, Project, Slot
from labeling.services.labels import submit_label
from labeling.services.prompts import add_prompts
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db
PASSED = [{"name": "length", "passed": True, "holds": False}]
HOW = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 8}


@pytest.fixture
def cast(db):
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50, flags=["fails_task", "encourages_harm"])
    cast.project.refresh_from_db()
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(30)])
    services.ensure_loop(project_id=cast.project.pk)
    change_gate(project_id=cast.project.pk, hold_unknown=False)
    return cast


def make_policy(cast, version, **fields):
    first = Policy.objects.get(project=cast.project, version=1)
    run = Run.objects.create(
        project=cast.project, method="dpo", trigger="person", config={}, code_version="0", state="running", attempts=1
    )
    usual = {"method": "dpo", "path": "p", "digest": f"{version:064x}", "parent": first}
    return Policy.objects.create(project=cast.project, version=version, run=run, **{**usual, **fields})


def bring(cast, version, *, guards=PASSED, identical=False) -> Promotion:
    policy = make_policy(cast, version)
    found = bring_to_gate(run_id=policy.run_id, attempt=1, policy=policy, guards=guards, identical=identical)
    assert found is not None
    return found


def write_pairs(cast, promotion, number=6, *, is_watch=False, same=0) -> int:
    """What the worker does for a job, with texts that tell the version."""
    prompts = exchange.prompts(cast.project.pk, held_out=True, limit=10)
    made = GatePair.objects.filter(promotion=promotion, is_watch=is_watch).count()
    versions = (promotion.candidate.version, promotion.against.version)
    pairs = [
        {
            version: exchange.Sampled(
                prompt=prompts[place % len(prompts)].id,
                text=f"{made + place} by {version}" if place >= same else "the same",
                logprob=-1.0,
                sampling={**HOW, "seed": 1},
            )
            for version in versions
        }
        for place in range(number)
    ]
    return _ask(promotion.pk, pairs, made=made, is_watch=is_watch)


def say(cast, annotator, best, *, flags=()) -> None:
    """The annotator's next pair: the version that is better, None for a tie; flags are raised on version 2."""
    assignment = claim(cast.project, annotator)
    texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
    ranks = {pk: 1 if best is None or text.endswith(f"by {best}") else 2 for pk, text in texts.items()}
    raised = {pk: list(flags) for pk, text in texts.items() if text.endswith("by 2") and flags}
    verdict = Verdict(ranks=ranks, strength=None if best is None else 1, flags=raised)
    submit_label(assignment_id=assignment.pk, annotator=annotator, verdict=verdict, client_id=uuid4())


def ask_and_say(cast, promotion, best, number, **options) -> None:
    write_pairs(cast, promotion, number, is_watch=options.pop("is_watch", False))
    for _ in range(number):
        say(cast, cast.bob, best, **options)


def states(cast):
    rows = Promotion.objects.filter(project=cast.project).order_by("id")
    return [(row.candidate.version, row.state, row.cause) for row in rows]


def jobs_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'promotion_id' FROM procrastinate_jobs WHERE task_name = 'alignment.ask_pairs'")
        return [int(row[0]) for row in cursor.fetchall()]


def serving(cast):
    return Policy.objects.get(project=cast.project, is_serving=True).version


def test_a_candidate_is_asked_about_and_its_promotion_waits_for_people(cast):
    found = bring(cast, 2)

    deciding.look(cast.project.pk)

    assert (found.state, serving(cast)) == ("asking", 1)
    assert jobs_waiting() == [found.pk]
    assert selectors.newest_candidate(cast.project.pk) == found.candidate


def test_seven_people_in_a_row_promote_it_and_six_do_not(cast):
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 6)
    deciding.look(cast.project.pk)
    before = serving(cast)

    ask_and_say(cast, found, 2, 1)
    deciding.look(cast.project.pk)

    found.refresh_from_db()
    assert (before, serving(cast)) == (1, 2)
    assert states(cast) == [(2, "promoted", "proof")]
    assert (found.evidence["wins"], found.evidence["losses"], found.decided_by) == (7, 0, None)
    entry = AuditEntry.objects.get(action="policy.promoted")
    assert (entry.actor, entry.before, entry.after) == (None, {"version": 1}, {"version": 2})


def test_seven_against_it_reject_it_and_its_open_pairs_leave_the_queue(cast):
    found = bring(cast, 2)
    write_pairs(cast, found, 9)
    for _ in range(7):
        say(cast, cast.bob, 1)

    deciding.look(cast.project.pk)

    assert states(cast) == [(2, "rejected", "worse")]
    assert Slot.objects.filter(project=cast.project, is_done=False).count() == 0
    assert Item.objects.filter(left_queue__isnull=False).count() == 2
    assert selectors.newest_candidate(cast.project.pk) is None


def test_pairs_without_a_difference_end_in_vain(cast):
    change_gate(project_id=cast.project.pk, most_pairs=10)
    found = bring(cast, 2)
    write_pairs(cast, found, 6, same=4)  # nobody is asked about what is the same
    for best in (2, 1):
        say(cast, cast.bob, best)
    ask_and_say(cast, found, None, 4)

    deciding.look(cast.project.pk)

    found.refresh_from_db()
    assert states(cast) == [(2, "rejected", "futile")]
    assert (found.evidence["wins"], found.evidence["losses"], found.evidence["ties"]) == (1, 1, 8)


def test_a_second_look_changes_nothing_and_a_revision_counts_in_place_of_what_it_revises(cast):
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 3)
    deciding.look(cast.project.pk)
    first = Promotion.objects.get(pk=found.pk).evidence

    deciding.look(cast.project.pk)

    assert Promotion.objects.get(pk=found.pk).evidence == first
    assert first["wins"] == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_look_at_once_decide_once(cast):
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 7)
    barrier = threading.Barrier(2)

    def look() -> None:
        barrier.wait()
        deciding.look(cast.project.pk)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert states(cast) == [(2, "promoted", "proof")]
    assert AuditEntry.objects.filter(action="policy.promoted").count() == 1


def test_a_portion_that_two_workers_wrote_is_asked_once(cast):
    found = bring(cast, 2)
    write_pairs(cast, found, 6)

    prompts = exchange.prompts(cast.project.pk, held_out=True, limit=1)
    late = {v: exchange.Sampled(prompt=prompts[0].id, text=f"late {v}", logprob=-1.0, sampling=HOW) for v in (1, 2)}
    asked = _ask(found.pk, [late], made=0, is_watch=False)

    assert (asked, GatePair.objects.count()) == (0, 6)


def test_one_that_is_identical_or_refused_by_a_guard_is_asked_about_by_nobody(cast):
    bring(cast, 2, identical=True)
    bring(cast, 3, guards=[{"name": "eos", "passed": False, "holds": False}])

    deciding.look(cast.project.pk)

    assert states(cast) == [(2, "rejected", "identical"), (3, "rejected", "guard")]
    assert jobs_waiting() == []
    assert AuditEntry.objects.filter(action="policy.rejected").count() == 2


def test_a_guard_that_cannot_say_anything_holds_what_people_prefer(cast):
    change_gate(project_id=cast.project.pk, hold_unknown=True)
    found = bring(cast, 2, guards=[{"name": "held_out", "passed": None, "holds": True}])
    ask_and_say(cast, found, 2, 8)

    deciding.look(cast.project.pk)

    found.refresh_from_db()
    assert (found.state, found.evidence["held"], serving(cast)) == ("asking", ["held_out"], 1)


def test_an_admin_may_keep_the_last_word(cast):
    services.change_loop(project_id=cast.project.pk, promotion_enabled=False)
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 8)
    deciding.look(cast.project.pk)
    held = Promotion.objects.get(pk=found.pk).evidence["held"]

    promotion.promote(policy_id=found.candidate_id, changed_by=cast.alice.pk)

    assert held == ["by_hand"]
    found.refresh_from_db()
    assert (found.state, found.cause, found.decided_by) == ("promoted", "person", cast.alice)


def test_what_is_preferred_but_flagged_is_refused_with_the_items_that_show_it(cast):
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 9, flags=["encourages_harm"])

    deciding.look(cast.project.pk)

    found.refresh_from_db()
    [harmful] = [each for each in found.guards if each["name"] == "flags_harmful"]
    assert states(cast) == [(2, "rejected", "guard")]
    assert (harmful["passed"], harmful["value"], len(harmful["items"])) == (False, 1.0, 5)
    [task] = [each for each in found.guards if each["name"] == "flags_instruction"]
    assert task["passed"]


def test_a_newer_candidate_waits_and_of_several_the_newest_comes_next(cast):
    first = bring(cast, 2)
    bring(cast, 3)
    bring(cast, 4)
    ask_and_say(cast, first, 1, 7)

    deciding.look(cast.project.pk)

    assert states(cast) == [(2, "rejected", "worse"), (3, "superseded", "newer"), (4, "asking", "")]


def test_a_newer_one_takes_over_when_half_of_the_pairs_did_not_put_the_first_ahead(cast):
    change_gate(project_id=cast.project.pk, most_pairs=10)
    first = bring(cast, 2)
    bring(cast, 3)
    ask_and_say(cast, first, 2, 2)
    ask_and_say(cast, first, 1, 2)
    deciding.look(cast.project.pk)
    before = states(cast)

    ask_and_say(cast, first, 1, 1)
    deciding.look(cast.project.pk)

    assert before == [(2, "asking", ""), (3, "waiting", "")]
    assert states(cast) == [(2, "superseded", "newer"), (3, "asking", "")]


def test_after_a_promotion_newer_candidates_are_held_against_the_new_version_and_older_ones_are_gone(cast):
    bring(cast, 2)
    third = bring(cast, 3)
    bring(cast, 4)

    promotion.promote(policy_id=third.candidate_id, changed_by=cast.alice.pk)
    deciding.look(cast.project.pk)

    assert states(cast) == [(2, "superseded", "served"), (3, "promoted", "person"), (4, "asking", "")]
    assert Promotion.objects.get(candidate__version=4).against.version == 3


def test_one_that_was_asked_about_begins_anew_against_another_version(cast):
    third = bring(cast, 3)
    ask_and_say(cast, third, 3, 3)

    promotion.promote(policy_id=make_policy(cast, 2).pk, changed_by=cast.alice.pk)
    deciding.look(cast.project.pk)

    assert states(cast) == [(3, "superseded", "served"), (3, "asking", ""), (2, "promoted", "person")]
    assert Promotion.objects.get(state="asking").evidence["wins"] == 0


def test_a_veto_needs_a_reason_and_lets_the_next_one_come(cast):
    found = bring(cast, 2)
    bring(cast, 3)
    write_pairs(cast, found, 4)
    options = {"project_id": cast.project.pk, "promotion_id": found.pk, "by": cast.alice.pk}

    with pytest.raises(exchange.Invalid, match="say why"):
        by_hand.veto(reason="  ", **options)
    by_hand.veto(reason="It flatters.", **options)
    by_hand.veto(reason="Once more.", **options)

    found.refresh_from_db()
    assert states(cast) == [(2, "vetoed", "person"), (3, "asking", "")]
    assert (found.reason, found.decided_by) == ("It flatters.", cast.alice)
    assert Slot.objects.filter(project=cast.project).count() == 0
    assert AuditEntry.objects.get(action="policy.vetoed").after == {"version": 2, "reason": "It flatters."}
    promotion.promote(policy_id=found.candidate_id)
    late = Promotion.objects.get(state="promoted").pk
    with pytest.raises(exchange.Conflict, match="decided about before"):
        by_hand.veto(reason="Too late.", **{**options, "promotion_id": late})


def test_one_click_rolls_back_and_a_second_click_finds_it_done(cast):
    found = bring(cast, 2)
    promotion.promote(policy_id=found.candidate_id)

    for _ in range(2):
        by_hand.roll_back(project_id=cast.project.pk, version=2, by=cast.alice.pk)

    found.refresh_from_db()
    assert (serving(cast), found.state, found.ended_by) == (1, "rolled_back", cast.alice)
    with pytest.raises(exchange.Conflict, match="promote the one you want"):
        by_hand.roll_back(project_id=cast.project.pk, version=1, by=cast.alice.pk)


def test_what_serves_is_watched_and_rolled_back_when_people_prefer_what_was_before(cast):
    found = bring(cast, 2)
    promotion.promote(policy_id=found.candidate_id)
    found.refresh_from_db()
    ask_and_say(cast, found, 1, 6, is_watch=True)
    deciding.look(cast.project.pk)
    before = serving(cast)

    ask_and_say(cast, found, 1, 1, is_watch=True)
    deciding.look(cast.project.pk)

    found.refresh_from_db()
    assert (before, serving(cast)) == (2, 1)
    assert (found.state, found.ended_by, found.watched["losses"]) == ("rolled_back", None, 7)


def test_watching_ends_after_as_many_pairs_as_are_set(cast):
    change_gate(project_id=cast.project.pk, watch_pairs=4)
    found = bring(cast, 2)
    promotion.promote(policy_id=found.candidate_id)
    found.refresh_from_db()
    deciding.look(cast.project.pk)
    begun = jobs_waiting()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    ask_and_say(cast, found, 2, 4, is_watch=True)

    deciding.look(cast.project.pk)

    assert (begun, jobs_waiting(), serving(cast)) == ([found.pk], [], 2)


def test_the_gate_takes_its_share_of_the_judgements_and_no_more(cast):
    """A portion first; then pairs for 3 in 10 of all, counted by what is judged beside."""
    from factories import make_item

    change_gate(project_id=cast.project.pk, share=0.3)
    found = bring(cast, 2)
    ask_and_say(cast, found, 2, 3)
    ask_and_say(cast, found, 1, 3)
    for number in range(22):
        make_item(cast.project, prompt=f"Name colour {number}.")
    asked = []

    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        deciding.look(cast.project.pk)
        asked.append(bool(jobs_waiting()))
        judge(cast.project, cast.bob)

    # 6 pairs are there: the next may come when 6 < 6 + n * 3 / 7.
    assert asked == [False] + [True] * 19
    write_pairs(cast, found, 6)
    write_pairs(cast, found, 6)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for _ in range(10):
        say(cast, cast.bob, None)
    deciding.look(cast.project.pk)
    assert jobs_waiting() == []  # 18 pairs are more than 6 + 20 * 3 / 7


def test_what_cannot_be_asked_about_gives_way_to_a_newer_one(cast):
    found = bring(cast, 2)
    Promotion.objects.filter(pk=found.pk).update(error="its files are gone")
    deciding.look(cast.project.pk)
    waiting = jobs_waiting()
    bring(cast, 3)

    deciding.look(cast.project.pk)

    assert waiting == []
    assert states(cast) == [(2, "superseded", "newer"), (3, "asking", "")]


def test_the_lock_is_the_row_of_the_loop(cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        records.lock(cast.project.pk)
    with django_assert_num_queries(1):  # nothing is at the gate of a project without candidates
        deciding.look(cast.other_project.pk)
