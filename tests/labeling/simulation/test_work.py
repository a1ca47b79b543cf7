"""Simulated annotators at work."""

from __future__ import annotations

import pytest
from factories import make_cast, make_item, make_user

from labeling.errors import Invalid
from labeling.models import Comparison, Label, Membership, Source, User
from labeling.services.projects import create_project
from labeling.simulation.work import judge_items

pytestmark = pytest.mark.django_db

GOOD = "To make tea, pour hot water over the leaves and wait for three minutes. Good luck!"
PLAIN = "To make tea, pour hot water over the leaves."
RUDE = "Only a fool would ask that. Go away."


def make_queue(*, slug: str = "tea", num_items: int = 6, overlap: int = 1):
    project = create_project(slug=slug, creator=make_user(f"boss-of-{slug}"), overlap=overlap)
    for number in range(num_items):
        make_item(project, prompt=f"How do I make cup {number} of tea?", texts=(RUDE, GOOD, PLAIN))
    return project


def decided(project):
    rows = Comparison.objects.filter(label__project=project).order_by("label__item", "label__annotator__username", "id")
    return list(rows.values_list("label__annotator__username", "chosen__text", "rejected__text", "outcome"))


def test_labels_are_stored_by_accounts_of_their_own_through_the_services():
    project = make_queue()

    worked = judge_items(project, num_labels=4, num_annotators=2, seed=1)

    labels = Label.objects.filter(project=project)
    assert worked.labels == labels.count() == 4
    assert set(labels.values_list("source", flat=True)) == {Source.SIMULATION}
    assert set(labels.values_list("annotator__username", flat=True)) <= {"sim-1", "sim-2"}
    assert not User.objects.get(username="sim-1").has_usable_password()
    assert sum(Membership.objects.filter(project=project).values_list("num_submitted", flat=True)) == 4


def test_work_ends_when_nothing_is_left_for_anybody():
    project = make_queue(num_items=3, overlap=2)

    worked = judge_items(project, num_labels=100, num_annotators=4)

    assert worked.labels == 6


def test_same_seed_on_the_same_queue_gives_the_same_labels():
    first, second, other = (make_queue(slug=slug) for slug in ("first", "second", "other"))

    for project, seed in ((first, 7), (second, 7), (other, 8)):
        judge_items(project, num_labels=6, qualities=["careless"], seed=seed)

    assert decided(first) == decided(second)
    assert decided(first) != decided(other)


def test_careful_annotators_agree_with_the_truth_and_adversaries_do_not():
    careful, adversarial = make_queue(slug="careful"), make_queue(slug="adversarial")

    right = judge_items(careful, num_labels=6, qualities=["careful"]).agreement
    wrong = judge_items(adversarial, num_labels=6, qualities=["adversarial"]).agreement

    assert right > 0.85
    assert wrong < 0.3


def test_qualities_are_given_out_in_turn():
    project = make_queue(num_items=12, overlap=2)

    judge_items(project, num_labels=24, num_annotators=2, qualities=["perfect", "adversarial"])

    wins: dict[str, list[str]] = {"sim-1": [], "sim-2": []}
    for name, chosen, _, outcome in decided(project):
        if outcome == "win":
            wins[name].append(chosen)
    assert RUDE not in wins["sim-1"]
    assert wins["sim-2"].count(RUDE) > wins["sim-2"].count(GOOD)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_labels": 0}, "0 labels"),
        ({"num_labels": 1, "num_annotators": 0}, "0 annotators"),
        ({"num_labels": 1, "qualities": ["average", "drunk"]}, "no quality 'drunk'"),
        ({"num_labels": 1, "qualities": []}, "no quality"),
    ],
)
def test_wrong_options_are_refused_before_anybody_joins(options, reason):
    cast = make_cast()

    with pytest.raises(Invalid, match=reason):
        judge_items(cast.project, **options)

    assert not User.objects.filter(username__startswith="sim-").exists()


def test_every_kind_is_answered_as_the_truth_says():
    project = create_project(slug="tea", creator=make_user("boss"))
    for kind in ("ranking", "rating", "best", "pair", "demonstration"):
        texts = (RUDE, GOOD) if kind == "pair" else (RUDE, GOOD, PLAIN)
        make_item(project, prompt=f"How do I make tea of kind {kind}?", texts=texts, kind=kind)

    judge_items(project, num_labels=5, num_annotators=1, qualities=["perfect"])

    labels = {label.kind: label for label in Label.objects.filter(project=project)}
    best, written = labels["best"].best, labels["demonstration"].demonstration
    assert best is not None
    assert written is not None
    assert (best.text, written.text) == (GOOD, GOOD)
    assert labels["pair"].comparisons.get().chosen.text == GOOD
    assert labels["pair"].strength == 3
    assert labels["rating"].ratings.count() == 3
