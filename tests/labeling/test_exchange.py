"""The door for other apps: plain records out, completions in."""

from __future__ import annotations

import dataclasses
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from factories import claim, judge, make_cast, make_item, make_user, write

from labeling import exchange
from labeling.exchange import Invalid, NotAllowed, NotFound, Sampled
from labeling.models import Completion, Item, Prompt, Slot
from labeling.selectors.labels import pseudonym
from labeling.services.labels import submit_label
from labeling.services.projects import update_project
from labeling.services.prompts import add_prompts
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db


def sampled(prompt: Prompt, *texts: str) -> list[Sampled]:
    return [Sampled(prompt=prompt.pk, text=text, logprob=-2.5, sampling={"temperature": 1.0}) for text in texts]


def test_project_is_told_with_the_role_of_the_person_who_asks():
    cast = make_cast(overlap=2)

    mine = exchange.project_for("colours", user=cast.alice)
    theirs = exchange.project_for("colours", user=cast.bob)

    assert (mine.id, mine.slug, mine.name, mine.completions_per_item, mine.overlap) == (
        cast.project.pk, "colours", "Colours", 3, 2,
    )  # fmt: skip
    assert (mine.role, mine.is_managed, theirs.role, theirs.is_managed) == ("admin", True, "annotator", False)


def test_project_is_closed_to_strangers_and_to_other_roles():
    cast = make_cast()

    for person in (cast.charlie, AnonymousUser()):
        with pytest.raises(NotFound):
            exchange.project_for("colours", user=person)
    with pytest.raises(NotAllowed):
        exchange.project_for("colours", user=cast.rita, roles=exchange.MANAGERS)
    with pytest.raises(NotFound):
        exchange.project_record(0)

    assert exchange.project_for("colours", user=make_user("root", is_superuser=True)).is_managed


def test_worker_sees_every_project():
    make_cast()

    assert [project.slug for project in exchange.all_projects()] == ["colours", "other-colours"]


def test_judgement_is_told_whole_and_frozen():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    red, blue, green = sorted(assignment.order)
    verdict = Verdict(ratings={red: 2, blue: 5, green: 5}, ranks={red: 2, blue: 1, green: 1})
    label = submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4()).label

    [judgement] = exchange.judgements(cast.project.pk)

    prompt = Prompt.objects.get()
    assert judgement.id == label.pk
    assert (judgement.prompt.id, judgement.prompt.digest) == (prompt.pk, prompt.digest)
    assert judgement.prompt.messages == (("user", "Name a colour, number 0."),)
    assert [completion.text for completion in judgement.completions] == ["Red.", "Blue.", "Green."]
    assert [completion.policy_version for completion in judgement.completions] == [1, 1, 1]
    assert (judgement.ranks, judgement.ratings, judgement.source) == ((2, 1, 1), (2, 5, 5), "person")
    assert judgement.annotator.startswith("annotator-")
    assert "bob" not in repr(judgement)
    with pytest.raises(dataclasses.FrozenInstanceError):
        judgement.id = 5  # type: ignore[misc]  # what must not be is what is tried


def test_annotator_has_one_pseudonym_in_a_project_and_another_elsewhere():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob)
    judge(cast.project, cast.bob)

    names = {judgement.annotator for judgement in exchange.judgements(cast.project.pk)}

    assert len(names) == 1
    assert names != {pseudonym(cast.project.pk, cast.dora.pk)}
    assert names != {pseudonym(cast.other_project.pk, cast.bob.pk)}
    assert pseudonym(cast.project.pk, None) == ""


def test_judgements_up_to_a_label_are_the_same_when_later_ones_came():
    cast = make_cast(num_items=3)
    judge(cast.project, cast.bob)
    until = exchange.latest_judgement(cast.project.pk)
    before = list(exchange.judgements(cast.project.pk, up_to=until))
    judge(cast.project, cast.bob)

    after = list(exchange.judgements(cast.project.pk, up_to=until))

    assert after == before
    assert len(list(exchange.judgements(cast.project.pk))) == 2


def test_judgements_of_held_out_prompts_and_of_the_others_make_up_the_whole():
    cast = make_cast(num_items=40)
    for _ in range(40):
        judge(cast.project, cast.bob)

    held = list(exchange.judgements(cast.project.pk, held_out=True))
    others = list(exchange.judgements(cast.project.pk, held_out=False))

    assert 0 < len(held) < 15
    assert len(held) + len(others) == 40
    assert {judgement.prompt.held_out for judgement in held} == {True}
    assert not {judgement.prompt.id for judgement in held} & {judgement.prompt.id for judgement in others}


def counting(statements):
    """A wrapper that notes each statement."""

    def execute_noted(execute, sql, *rest):
        statements.append(sql)
        return execute(sql, *rest)

    return execute_noted


def test_queries_for_judgements_do_not_grow_with_their_number():
    cast = make_cast(num_items=3)
    counts: list[int] = []
    statements: list[str] = []
    pseudonym(cast.project.pk, cast.bob.pk)  # the project's secret is asked for once in a process
    for _ in range(3):
        judge(cast.project, cast.bob)
        statements.clear()
        with connection.execute_wrapper(counting(statements)):
            list(exchange.judgements(cast.project.pk))
        counts.append(len(statements))

    assert counts[0] == counts[2] > 0


def test_new_judgements_are_counted_to_a_limit_and_no_further():
    cast = make_cast(num_items=4)
    first = judge(cast.project, cast.bob)
    for _ in range(3):
        judge(cast.project, cast.bob)

    assert exchange.count_judgements_after(cast.project.pk, first.pk, at_most=10) == 3
    assert exchange.count_judgements_after(cast.project.pk, first.pk, at_most=2) == 2
    assert exchange.count_judgements_after(cast.project.pk, 0, at_most=10) == 4
    assert exchange.latest_judgement(cast.other_project.pk) == 0


def test_sampled_completions_go_into_the_queue_with_who_wrote_them():
    cast = make_cast(num_items=0, overlap=2)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])

    added = exchange.add_completions(
        project_id=cast.project.pk, policy_version=2, sampled=[sampled(prompt, "Blue.", "Green.")], priority=3
    )

    item = Item.objects.get()
    assert added == 1
    assert (item.policy_version, item.priority, item.overlap, item.slots.count()) == (2, 3, 2, 2)
    stored = Completion.objects.order_by("id").values_list("text", "origin", "policy_version", "logprob", "sampling")
    assert list(stored) == [
        ("Blue.", "policy", 2, -2.5, {"temperature": 1.0}),
        ("Green.", "policy", 2, -2.5, {"temperature": 1.0}),
    ]
    assert Prompt.objects.get().times_sampled == 1
    assert claim(cast.project, cast.bob).item == item


def test_repeating_the_call_adds_nothing():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    call = {"project_id": cast.project.pk, "policy_version": 2, "sampled": [sampled(prompt, "Blue.", "Green.")]}

    first = exchange.add_completions(**call)
    second = exchange.add_completions(**call)

    assert (first, second) == (1, 0)
    assert (Item.objects.count(), Slot.objects.count(), Completion.objects.count()) == (1, 1, 2)
    assert Prompt.objects.get().times_sampled == 1


def test_equal_texts_are_judged_once_and_one_alone_is_no_item():
    cast = make_cast(num_items=0)
    prompts, _ = add_prompts(project=cast.project, prompts=["Sky?", "Sea?"])

    added = exchange.add_completions(
        project_id=cast.project.pk,
        policy_version=1,
        sampled=[sampled(prompts[0], "Blue.", "Blue.", "Green."), sampled(prompts[1], "Wet.", "Wet.")],
    )

    assert added == 1
    assert list(Item.objects.get().entries.values_list("completion__text", flat=True)) == ["Blue.", "Green."]


def test_same_text_of_two_policy_versions_is_two_completions():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])

    for version in (1, 2):
        exchange.add_completions(
            project_id=cast.project.pk, policy_version=version, sampled=[sampled(prompt, "Blue.", "Green.")]
        )

    assert (Completion.objects.count(), Item.objects.count()) == (4, 2)


def test_an_item_of_several_versions_knows_who_wrote_what_and_how_it_was_chosen():
    cast = make_cast(num_items=0)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    group = [
        exchange.Sampled(prompt=prompt.pk, text=text, logprob=-1.0, sampling={}, policy_version=version)
        for text, version in (("Blue.", 3), ("Green.", 1), ("Grey.", None))
    ]
    chosen = exchange.Chosen(rule="dts", propensity=0.25, random_propensity=0.1, is_random=True)

    for expected in (1, 0):
        added = exchange.add_completions(project_id=cast.project.pk, policy_version=4, sampled=[group], chosen=[chosen])
        assert added == expected

    item = Item.objects.get()
    assert (item.rule, item.propensity, item.random_propensity, item.is_random) == ("dts", 0.25, 0.1, True)
    assert list(item.entries.values_list("completion__policy_version", flat=True)) == [3, 1, 4]
    assert chosen.weight == pytest.approx(0.4)


def test_a_judgement_tells_how_its_item_was_chosen_where_that_is_known():
    cast = make_cast(num_items=1)
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    chosen = exchange.Chosen(rule="bald", propensity=0.5, random_propensity=0.1, is_random=False)
    exchange.add_completions(
        project_id=cast.project.pk, policy_version=1, sampled=[sampled(prompt, "Blue.", "Green.")], chosen=[chosen]
    )
    for _ in range(2):
        judge(cast.project, cast.bob)

    assert {judgement.chosen for judgement in exchange.judgements(cast.project.pk)} == {None, chosen}


@pytest.mark.parametrize(
    "values",
    [
        {"rule": "dts"},
        {"rule": "dts", "propensity": 0.5},
        {"rule": "dts", "propensity": 0.0, "random_propensity": 0.5},
        {"rule": "dts", "propensity": 1.5, "random_propensity": 0.5},
        {"rule": "coin", "propensity": 0.5, "random_propensity": 0.5},
        {"rule": "", "propensity": 0.5, "random_propensity": 0.5},
        {"rule": "", "is_random": True},
    ],
)
def test_a_rule_has_its_propensity_and_neither_goes_alone(values):
    make_cast(num_items=1)

    with pytest.raises(IntegrityError, match="item_rule"), transaction.atomic():
        Item.objects.update(**values)


def test_what_was_chosen_together_is_not_taken_apart():
    cast = make_cast(num_items=0)
    update_project(project=cast.project, kinds=["pair"])
    [prompt], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    chosen = exchange.Chosen(rule="random", propensity=0.5, random_propensity=0.5, is_random=True)

    added = [
        exchange.add_completions(
            project_id=cast.project.pk, policy_version=1, sampled=[sampled(prompt, *texts)], chosen=[chosen]
        )
        for texts in (("Blue.", "Green.", "Grey.", "Red."), ("Blue.", "Grey."))
    ]

    assert added == [0, 1]
    assert Item.objects.get().entries.count() == 2


def test_what_is_wanted_of_a_prompt_is_its_kind_and_how_many_it_shows():
    cast = make_cast(num_items=0)
    prompts, _ = add_prompts(project=cast.project, prompts=[f"{number}?" for number in range(40)])
    update_project(project=cast.project, kinds=["ranking", "pair", "demonstration"], completions_per_item=4)
    archived = prompts[0]
    Prompt.objects.filter(pk=archived.pk).update(is_archived=True)

    found = exchange.wanted_of(cast.project.pk, prompts=[each.pk for each in prompts], policy_version=1)

    assert found.keys() == {each.pk for each in prompts[1:]}
    assert {(each.kind, each.least, each.most, each.compares) for each in found.values()} == {
        ("ranking", 2, 4, True),
        ("pair", 2, 2, True),
        ("demonstration", 1, 4, False),
    }


def test_prompt_of_another_project_is_refused_and_nothing_is_stored():
    cast = make_cast(num_items=0)
    [mine], _ = add_prompts(project=cast.project, prompts=["Sky?"])
    [foreign], _ = add_prompts(project=cast.other_project, prompts=["Sky?"])

    with pytest.raises(Invalid, match=f"prompt {foreign.pk} is not in project colours"):
        exchange.add_completions(
            project_id=cast.project.pk,
            policy_version=1,
            sampled=[sampled(mine, "Blue.", "Green."), sampled(foreign, "Blue.", "Green.")],
        )
    with pytest.raises(NotFound):
        exchange.add_completions(project_id=0, policy_version=1, sampled=[])

    assert not Completion.objects.exists()


def test_completions_of_two_prompts_are_not_judged_together():
    cast = make_cast(num_items=0)
    prompts, _ = add_prompts(project=cast.project, prompts=["Sky?", "Sea?"])
    mixed = [*sampled(prompts[0], "Blue."), *sampled(prompts[1], "Wet.")]

    with pytest.raises(Invalid, match="one group has completions of two prompts"):
        exchange.add_completions(project_id=cast.project.pk, policy_version=1, sampled=[mixed])

    assert not Completion.objects.exists()


def test_empty_groups_add_nothing():
    cast = make_cast(num_items=0)

    assert exchange.add_completions(project_id=cast.project.pk, policy_version=1, sampled=[[], []]) == 0


def test_prompts_to_sample_are_trained_on_and_least_written_for():
    cast = make_cast(num_items=0)
    prompts, _ = add_prompts(project=cast.project, prompts=[f"Prompt {number}?" for number in range(30)])
    trained = [prompt for prompt in prompts if not prompt.held_out]
    exchange.add_completions(project_id=cast.project.pk, policy_version=1, sampled=[sampled(trained[0], "a", "b")])

    chosen = exchange.prompts_to_sample(cast.project.pk, limit=100)

    assert [row.id for row in chosen] == [prompt.pk for prompt in trained[1:]] + [trained[0].pk]
    assert [row.id for row in exchange.prompts_to_sample(cast.project.pk, limit=2)] == [row.id for row in chosen[:2]]


def test_held_out_prompts_come_in_the_same_order_at_every_call():
    cast = make_cast(num_items=0)
    add_prompts(project=cast.project, prompts=[f"Prompt {number}?" for number in range(60)])

    held = exchange.prompts(cast.project.pk, held_out=True, limit=4)

    assert len(held) == 4
    assert all(prompt.held_out for prompt in held)
    assert [prompt.digest for prompt in held] == sorted(prompt.digest for prompt in held)
    assert exchange.prompts(cast.project.pk, held_out=True, limit=4) == held


def test_repeating_a_call_adds_nothing_whatever_the_project_asks_for():
    cast = make_cast(num_items=0)
    update_project(project=cast.project, kinds=["ranking", "pair", "best", "rating"])
    prompts, _ = add_prompts(project=cast.project, prompts=[f"Sky {number}?" for number in range(24)])
    call = {
        "project_id": cast.project.pk,
        "policy_version": 2,
        "sampled": [sampled(prompt, "Blue.", "Green.", "Grey.", "Red.") for prompt in prompts],
    }

    first = exchange.add_completions(**call)
    second = exchange.add_completions(**call)

    assert second == 0
    assert Item.objects.count() == first >= 24
    assert set(Item.objects.values_list("kind", flat=True)) == {"ranking", "pair", "best", "rating"}


def test_demonstrations_are_told_apart_from_judgements():
    cast = make_cast(num_items=0)
    item = make_item(cast.project, texts=("Red.",), kind="demonstration")
    label = write(cast.project, cast.bob, "Blue.", suggestion=item.entries.get().completion_id)

    [record] = exchange.demonstrations(cast.project.pk)

    assert (record.id, record.text, record.suggestion) == (label.pk, "Blue.", "Red.")
    assert record.prompt.messages == (("user", "Name a colour."),)
    assert record.annotator.startswith("annotator-")
    assert list(exchange.judgements(cast.project.pk)) == []
    assert list(exchange.demonstrations(cast.project.pk, up_to=label.pk - 1)) == []
