"""The snapshot of a run."""

from __future__ import annotations

import gzip
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from factories import Cast, a_verdict, claim, judge, make_cast, make_item, write

from alignment.core.records import Demonstration, Judgement, Message
from alignment.datasets import (
    Snapshot,
    SnapshotChanged,
    TooFewJudgements,
    demonstrations,
    open_snapshot,
    set_aside,
    take_snapshot,
    to_prompt,
)
from labeling.models import Completion, Label, Rank, Reliability
from labeling.quality.reliability import Reliable
from labeling.selectors.labels import pseudonym
from labeling.services.labels import submit_label
from labeling.services.projects import update_project
from labeling.services.trust import decide_all
from labeling.services.verdicts import Verdict

PROMPT = (Message(role="user", content="Name a colour."),)


@pytest.fixture
def cast(db) -> Cast:
    cast = make_cast(num_items=5)
    cast.project.prompts.update(held_out=False)
    cast.project.prompts.filter(pk=cast.items[0].prompt_id).update(held_out=True)
    for _ in range(4):
        judge(cast.project, cast.bob)
    return cast


def newest(cast):
    return cast.project.labels.order_by("-id").first().pk


def test_a_snapshot_is_split_by_prompt_and_sorted_by_id(cast):
    snapshot = take_snapshot(cast.project.pk, up_to=newest(cast))

    ids = list(cast.project.labels.order_by("id").values_list("pk", flat=True))
    assert [judgement.id for judgement in snapshot.held_out] == [str(ids[0])]
    assert [judgement.id for judgement in snapshot.train] == [str(pk) for pk in ids[1:]]
    assert snapshot.counts == {
        "judgements": 4,
        "train": 3,
        "second": 0,
        "held_out": 1,
        "train_prompts": 3,
        "demonstrations": 0,
        "held_out_prompts": 1,
        "comparisons": 12,
    }


def test_the_data_is_in_the_order_it_was_stored_in_also_where_ids_get_another_digit(db):
    cast = make_cast(num_items=6)
    cast.project.prompts.update(held_out=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('labeling_label', 'id'))")
        [number] = cursor.fetchone()
        last = 10 ** len(str(number + 2)) - 3  # 7, 97, 997 ...: the third label is the first with one digit more
        cursor.execute("SELECT setval(pg_get_serial_sequence('labeling_label', 'id'), %s)", [last])

    labels = [judge(cast.project, cast.bob, by_text=True) for _ in range(6)]
    snapshot = take_snapshot(cast.project.pk, up_to=newest(cast))

    assert len({len(str(label.pk)) for label in labels}) == 2
    assert [judgement.id for judgement in snapshot.train] == [str(label.pk) for label in labels]
    assert [judgement.prompt[0].content for judgement in snapshot.train] == [
        f"Name a colour, number {number}." for number in range(6)
    ]
    assert {(judgement.completions, judgement.ranks) for judgement in snapshot.train} == {
        (("Red.", "Blue.", "Green."), (3, 1, 2))
    }


def test_the_same_judgements_have_the_same_digest_and_later_ones_are_left_out(cast):
    up_to = newest(cast)
    before = take_snapshot(cast.project.pk, up_to=up_to)
    judge(cast.project, cast.bob)

    assert take_snapshot(cast.project.pk, up_to=up_to) == before
    assert take_snapshot(cast.project.pk, up_to=newest(cast)).digest != before.digest


def test_another_rank_is_another_digest(cast):
    before = take_snapshot(cast.project.pk, up_to=newest(cast)).digest
    Rank.objects.filter(label=newest(cast), rank=3).update(rank=2)

    assert take_snapshot(cast.project.pk, up_to=newest(cast)).digest != before


def test_too_few_judgements_are_refused_with_their_number_and_the_remedy(cast):
    cast.project.prompts.update(held_out=True)

    with pytest.raises(
        TooFewJudgements, match=r"there are 0 judgements of training prompts \(and 4 of held-out ones\)"
    ):
        take_snapshot(cast.project.pk, up_to=newest(cast))


def test_the_copy_is_read_again_after_a_label_was_revised(cast, tmp_path):
    up_to = newest(cast)
    first = open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path)
    Rank.objects.filter(label=up_to, rank=3).update(rank=2)

    assert open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path, digest=first.digest) == first


@pytest.mark.parametrize("damage", ["gone", "cut", "altered"])
def test_without_a_whole_copy_the_database_is_read_and_has_to_be_the_same(cast, tmp_path, damage):
    up_to = newest(cast)
    first = open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path)
    path = tmp_path / "snapshot.jsonl.gz"
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(gzip.compress(b"{}\n"))

    again = open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path, digest=first.digest)
    path.unlink()
    Label.objects.filter(pk=up_to).delete()

    assert again == first
    with pytest.raises(SnapshotChanged, match="some were revised since"):
        open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path, digest=first.digest)


def test_the_first_ranked_are_the_demonstrations_each_once_and_all_tied_show_nothing():
    judgements = [
        Judgement(prompt=PROMPT, completions=("Red.", "Blue.", "Mud."), ranks=(1, 1, 3), id="1"),
        Judgement(prompt=PROMPT, completions=("Red.", "Mud."), ranks=(1, 2), id="2"),
        Judgement(prompt=PROMPT, completions=("Sand.", "Mud."), ranks=(1, 1), id="3"),
        Judgement(prompt=PROMPT, completions=("Sky.", "Mud."), ratings=(7, 1), id="4"),
    ]

    shown = demonstrations(Snapshot(train=tuple(judgements), held_out=(), digest=""))

    assert shown == [Demonstration(PROMPT, "Red.", id="1"), Demonstration(PROMPT, "Blue.", id="1")]


def test_what_people_wrote_is_learned_from_in_place_of_what_they_ranked_first(cast):
    before = take_snapshot(cast.project.pk, up_to=newest(cast))
    for prompt, text in ((cast.items[1].prompt, "Ultramarine."), (cast.items[0].prompt, "Nobody learns this.")):
        make_item(cast.project, prompt=prompt.messages, texts=("Red.",), kind="demonstration", priority=1)
        write(cast.project, cast.bob, text)

    snapshot = take_snapshot(cast.project.pk, up_to=newest(cast))

    shown = to_prompt((each["role"], each["content"]) for each in cast.items[1].prompt.messages)
    assert demonstrations(snapshot) == [Demonstration(shown, "Ultramarine.", id=str(newest(cast) - 1))]
    assert (snapshot.train, snapshot.held_out) == (before.train, before.held_out)
    assert snapshot.digest != before.digest


def test_a_pick_of_the_best_reaches_the_learner(cast):
    make_item(cast.project, texts=("Red.", "Blue.", "Green."), kind="best", priority=1)
    assignment = claim(cast.project, cast.bob)
    picked = assignment.order[1]
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=Verdict(best=picked), client_id=uuid4())

    last = max(take_snapshot(cast.project.pk, up_to=newest(cast)).train, key=lambda each: int(each.id))

    assert last.ranks is None
    assert last.best is not None
    assert last.completions[last.best] == Completion.objects.get(pk=picked).text


def relied_upon(cast, user, value):
    now = timezone.now()
    Reliability.objects.update_or_create(
        project=cast.project, annotator=user, defaults={"value": value, "comparisons": 50, "fitted": now}
    )


def test_annotators_are_weighed_where_the_project_says_so_and_only_in_what_is_trained_on(cast):
    judge(cast.project, cast.dora)  # a held-out prompt, the first that is open for dora
    relied_upon(cast, cast.bob, 0.95)
    up_to = newest(cast)
    unweighted = take_snapshot(cast.project.pk, up_to=up_to)

    update_project(project=cast.project, weighs_annotators=True)
    weighted = take_snapshot(cast.project.pk, up_to=up_to)

    assert [judgement.weight for judgement in unweighted.train] == [1.0] * len(unweighted.train)
    bob = pseudonym(cast.project.pk, cast.bob.pk)
    # (2 * 0.95 - 1) / (2 * 0.8 - 1)
    assert {judgement.weight for judgement in weighted.train if judgement.annotator == bob} == {1.5}
    assert {judgement.weight for judgement in weighted.train if judgement.annotator != bob} <= {1.0}
    assert {judgement.weight for judgement in weighted.held_out} == {1.0}
    assert weighted.digest != unweighted.digest


def test_who_says_the_opposite_is_turned_around_where_the_project_says_so(cast):
    make_item(cast.project, prompt="Best of two?", texts=("x", "y"), kind="best")
    make_item(cast.project, prompt="Best of three?", texts=("x", "y", "z"), kind="best")
    cast.project.prompts.exclude(pk=cast.items[0].prompt_id).update(held_out=False)
    for _ in range(3):
        assignment = claim(cast.project, cast.bob)
        verdict = Verdict(best=assignment.order[0]) if assignment.item.kind == "best" else a_verdict(assignment)
        submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())
    plain = take_snapshot(cast.project.pk, up_to=newest(cast))
    Reliability.objects.create(
        project=cast.project, annotator=cast.bob, value=0.2, low=0.1, high=0.3, comparisons=90, fitted=timezone.now()
    )
    decide_all(cast.project, {cast.bob.pk: Reliable(value=0.2, comparisons=90, low=0.1, high=0.3)})

    update_project(project=cast.project, weighs_annotators=True)
    dropped = take_snapshot(cast.project.pk, up_to=newest(cast))
    update_project(project=cast.project, inverts_adversaries=True)
    turned = take_snapshot(cast.project.pk, up_to=newest(cast))

    assert {judgement.weight for judgement in dropped.train} == {0.0}
    for before, after in zip(plain.train, turned.train, strict=True):
        if before.best is None:
            assert _sums(before.ranks, after.ranks) == [4, 4, 4]
            assert _sums(before.ratings, after.ratings) == [8, 8, 8]
            assert after.weight == 1.0
        elif len(before.completions) == 2:
            assert (after.best, after.weight) == (1 - before.best, 1.0)
        else:
            assert (after.best, after.weight) == (before.best, 0.0)
    assert turned.held_out == plain.held_out


def _sums(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def test_a_run_keeps_the_weights_that_it_began_with(cast, tmp_path):
    relied_upon(cast, cast.bob, 0.95)
    update_project(project=cast.project, weighs_annotators=True)
    up_to = newest(cast)
    first = open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path)
    relied_upon(cast, cast.bob, 0.6)

    again = open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path, digest=first.digest)

    assert again == first
    (tmp_path / "snapshot.jsonl.gz").unlink()
    with pytest.raises(SnapshotChanged, match="weigh something else"):
        open_snapshot(cast.project.pk, up_to=up_to, folder=tmp_path, digest=first.digest)


def of_prompts(*, number: int, times: int = 1) -> Snapshot:
    """A snapshot of judgements of training prompts."""
    prompts = [(Message(role="user", content=f"Name colour {place}."),) for place in range(number)]
    judged = tuple(Judgement(prompt, ("Red.", "Blue."), ranks=(1, 2)) for prompt in prompts for _ in range(times))
    return Snapshot(train=judged, held_out=(), digest="")


def test_a_fifth_of_the_prompts_is_set_aside_with_all_their_judgements_and_always_the_same_ones():
    whole, fewer = of_prompts(number=500, times=2), of_prompts(number=250)

    split, earlier = set_aside(whole, percent=20, least=8), set_aside(fewer, percent=20, least=8)

    aside = {each.prompt for each in split.second}
    assert 75 < len(aside) < 125
    assert len(split.second) == 2 * len(aside)
    assert not aside & {each.prompt for each in split.train}
    assert len(split.train) + len(split.second) == 1000
    assert {each.prompt for each in earlier.second} == aside & {each.prompt for each in fewer.train}
    assert split.counts["judgements"] == 1000


@pytest.mark.parametrize(("percent", "least"), [(0, 0), (20, 1000), (100, 8)])
def test_nothing_is_set_aside_where_it_would_be_too_little_to_learn_from_on_either_side(percent, least):
    whole = of_prompts(number=50)

    assert set_aside(whole, percent=percent, least=max(least, 1)) == whole
