"""Blind evaluations: pairs of two versions on held-out prompts, held apart from what is learned from."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from factories import api_client, claim, judge, key_of, make_cast, make_item

from labeling import exchange
from labeling.errors import Invalid
from labeling.exports.streams import make_export
from labeling.exports.views import VIEWS
from labeling.models import Completion, Item, Kind, Label, Project, Prompt, Purpose, Slot
from labeling.selectors.evaluations import evaluations
from labeling.services.evaluations import ask_blindly
from labeling.services.labels import submit_label
from labeling.services.prompts import NewCompletion, add_completions, add_prompts
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

HOW = {"temperature": 1.0, "max_new_tokens": 8}


@pytest.fixture
def cast():
    cast = make_cast(num_items=0)
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50)
    cast.project.refresh_from_db()
    return cast


def held_out(project, count=3):
    prompts, _ = add_prompts(project=project, prompts=[f"Which colour has number {number}?" for number in range(40)])
    return [prompt for prompt in prompts if prompt.held_out][:count]


def write(prompts, version, text="Colour {prompt} of {version}.", **how):
    add_completions(
        pairs=[
            (
                prompt,
                NewCompletion(
                    text=text.format(prompt=prompt.pk, version=version),
                    policy_version=version,
                    sampling={**HOW, "seed": 1, **how},
                ),
            )
            for prompt in prompts
        ]
    )


@pytest.fixture
def asked(cast):
    """Three held-out prompts for which versions 3 and 5 wrote; people are asked about them."""
    prompts = held_out(cast.project)
    write(prompts, 3)
    write(prompts, 5)
    ask_blindly(
        project=cast.project,
        versions=(5, 3),
        prompts=[each.pk for each in prompts],
        sampling=HOW,
        overlap=2,
        priority=5,
    )
    return prompts


def prefer(cast, annotator, version):
    """The annotator's next pair, of which the completion of a version wins; None: a tie."""
    assignment = claim(cast.project, annotator)
    versions = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "policy_version"))
    ranks = {pk: 1 if version in (None, each) else 2 for pk, each in versions.items()}
    verdict = Verdict(ranks=ranks, strength=None if version is None else 1)
    return submit_label(assignment_id=assignment.pk, annotator=annotator, verdict=verdict, client_id=uuid4()).label


def test_each_held_out_prompt_becomes_a_pair_with_its_slots(cast, asked):
    items = Item.objects.filter(project=cast.project)

    assert items.count() == 3
    assert {(item.kind, item.purpose, item.overlap, item.priority) for item in items} == {("pair", "evaluation", 2, 5)}
    assert all(item.prompt.held_out for item in items)
    assert Slot.objects.filter(item__in=items).count() == 6
    for item in items:
        assert set(item.entries.values_list("completion__policy_version", flat=True)) == {3, 5}


def test_asking_again_adds_only_what_was_not_asked_about(cast, asked):
    more = held_out(cast.project, 5)
    write(more, 3)
    write(more, 5)

    again = ask_blindly(
        project=cast.project, versions=(3, 5), prompts=[each.pk for each in more], sampling=HOW, overlap=1
    )

    assert (again.num_items, Item.objects.count()) == (2, 5)


def test_the_same_completion_of_both_is_a_tie_that_nobody_is_asked_about(cast):
    prompts = held_out(cast.project, 2)
    write(prompts, 3, text="The same.")
    write(prompts[:1], 5, text="The same.")
    write(prompts[1:], 5, text="Another one.")

    found = ask_blindly(
        project=cast.project, versions=(3, 5), prompts=[each.pk for each in prompts], sampling=HOW, overlap=1
    )

    known = evaluations(cast.project)[3, 5]
    assert (found.num_items, found.num_same) == (1, 1)
    assert (known.same, known.num_prompts, known.num_wanted) == ([prompts[0].pk], 1, 1)
    assert Slot.objects.count() == 1


@pytest.mark.parametrize(
    ("versions", "which", "how", "reason"),
    [
        ((3, 3), "held out", HOW, "cannot be compared with itself"),
        ((3, 5), "training", HOW, "is not a held-out prompt"),
        ((3, 5), "foreign", HOW, "is not a held-out prompt"),
        ((3, 7), "held out", HOW, "version 7 wrote nothing"),
        ((3, 5), "held out", {"temperature": 0.5}, "wrote nothing for prompt"),
    ],
)
def test_what_cannot_be_compared_is_refused(cast, asked, versions, which, how, reason):
    training = Prompt.objects.filter(project=cast.project, held_out=False).first()
    foreign, _ = add_prompts(project=cast.other_project, prompts=["Elsewhere"])
    extra = held_out(cast.project, 4)[3]
    write([extra, training], 3)
    write([extra, training], 5)
    prompt = {"held out": extra, "training": training, "foreign": foreign[0]}[which]

    with pytest.raises(Invalid, match=reason):
        ask_blindly(project=cast.project, versions=versions, prompts=[prompt.pk], sampling=how, overlap=1)
    assert Item.objects.count() == 3


@pytest.mark.parametrize("changes", [{"kind": "ranking"}, {"policy_version": 3}, {"purpose": "fun"}])
def test_the_database_holds_evaluations_to_be_pairs(cast, asked, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Item.objects.filter(project=cast.project).update(**changes)


def test_what_people_say_is_read_by_version_with_ties(cast, asked):
    for annotator, version in [(cast.bob, 5), (cast.bob, 5), (cast.bob, None), (cast.dora, 3)]:
        prefer(cast, annotator, version)

    known = evaluations(cast.project)

    assert list(known) == [(3, 5)]
    assert sorted(outcome for _, outcome in known[3, 5].outcomes) == [-1, -1, 0, 1]
    assert {prompt for prompt, _ in known[3, 5].outcomes} == {each.pk for each in asked}
    assert (known[3, 5].num_prompts, known[3, 5].num_wanted) == (3, 6)


def test_nothing_of_it_is_learned_from_or_exported_with_the_rest(cast, asked):
    make_item(cast.project, prompt="An item to learn from.", priority=-1)
    evaluated = [prefer(cast, cast.bob, version) for version in (5, 3, None)]
    trained_on = judge(cast.project, cast.bob)

    project = cast.project.pk
    assert [each.id for each in exchange.judgements(project)] == [trained_on.pk]
    assert exchange.count_judgements(project, at_most=9) == 1
    assert exchange.count_judgements_after(project, 0, at_most=9) == 1
    rows = {name: rows_of(cast.project, name) for name in VIEWS}
    assert {row["ranking_id"] for row in rows["comparisons"] + rows["rankings"]} == {key_of(trained_on)}
    assert (len(rows["trl"]), rows["demonstrations"]) == (3, [])
    assert [row["label_id"] for row in rows["evaluations"]] == [key_of(label) for label in evaluated]
    shown = api_client(cast.alice).get("/api/v1/projects/colours/comparisons/").json()["results"]
    assert {row["ranking"] for row in shown} == {trained_on.pk}


def rows_of(project, view):
    return [json.loads(line) for line in b"".join(make_export(project=project, view=view).stream()).splitlines()]


def test_the_export_of_evaluations_names_the_versions_and_who_was_better(cast, asked):
    prefer(cast, cast.bob, 5)
    prefer(cast, cast.bob, None)

    first, second = rows_of(cast.project, "evaluations")
    prompt = Prompt.objects.get(project=cast.project, digest__startswith=first["prompt_id"])

    assert (first["first_policy"], first["second_policy"], first["outcome"]) == (3, 5, "second")
    assert first["second"] == f"Colour {prompt.pk} of 5."
    assert (first["strength"], second["outcome"], second["held_out"]) == (1, "tie", True)


def test_to_annotators_it_is_a_pair_like_all_others(cast, asked):
    """The page, and what the API says, differ in nothing but ids, texts, order and times."""
    make_item(cast.project, prompt="Just a pair.", texts=("One.", "Two."), kind=Kind.PAIR, priority=9)
    pages, sheets, kinds = [], [], []
    for _ in range(2):
        client = Client()
        client.force_login(cast.bob)
        pages.append(client.get("/p/colours/judge/").content.decode())
        sheets.append(api_client(cast.bob).post("/api/v1/projects/colours/next/").json())
        kinds.append(Item.objects.get(assignments=sheets[-1]["assignment"]).purpose)
        prefer(cast, cast.bob, None)

    assert kinds == [Purpose.TRAINING, Purpose.EVALUATION]
    first, second = (neutral(page, sheet) for page, sheet in zip(pages, sheets, strict=True))
    assert first == second
    assert sheets[0].keys() == sheets[1].keys()
    assert sheets[0]["kind"] == sheets[1]["kind"] == "pair"
    assert [set(each) for sheet in sheets for each in sheet["completions"]] == [{"id", "text"}] * 4


def neutral(page, sheet):
    """The page without what is different on any two pages."""
    for place, completion in enumerate(sheet["completions"]):
        page = page.replace(str(completion["text"]), f"text {place}")
        page = re.sub(rf"(data-completion=\"|flags-|flags-of-){completion['id']}(?!\d)", rf"\1id {place}", page)
    page = page.replace(sheet["prompt"][0]["content"], "prompt")
    page = re.sub(rf"(judge/|data-assignment=\"|data-work=\"){sheet['assignment']}(?!\d)", r"\1assignment", page)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|name="client_id" value="[\w-]+"', "", page)
    page = re.sub(r'data-lease="[^"]+"|data-saved-at="\d+"', "", page)
    return re.sub(r'<div class="item-progress">.*?</div>|<span class="item-mine">.*?</span>', "", page, flags=re.DOTALL)


def test_labels_of_evaluations_are_revised_like_others(cast, asked):
    label = prefer(cast, cast.bob, 5)
    ranks = dict.fromkeys(label.assignment.order, 1)

    revise_label(assignment_id=label.assignment_id, annotator=cast.bob, verdict=Verdict(ranks=ranks), client_id=uuid4())

    assert [outcome for _, outcome in evaluations(cast.project)[3, 5].outcomes] == [0]
    assert Label.objects.count() == 2
