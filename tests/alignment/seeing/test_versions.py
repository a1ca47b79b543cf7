"""Curves over versions, and the alarm when proxy and people part."""

from __future__ import annotations

import pytest
from factories import judge, make_cast

from alignment import services
from alignment.models import Evaluation, Policy, Promotion, RewardModel, Run
from alignment.seeing.versions import VersionPoint, model_points, over_optimised, version_points

pytestmark = pytest.mark.django_db


def point(version, *, gain, strength, spread=0.2):
    rates = ["win_rate", "win_rate_low", "win_rate_high", "held_out", "held_out_low", "held_out_high"]
    others = dict.fromkeys([*rates, "kl", "root_kl", "length", "eos_rate", "loss"])
    low, high = (None, None) if strength is None else (strength - spread, strength + spread)
    return VersionPoint(
        version=version,
        is_serving=False,
        gain=gain,
        strength=strength,
        strength_low=low,
        strength_high=high,
        **others,
    )


@pytest.mark.parametrize(
    ("points", "version"),
    [
        ([(1, 0.0, 0.0), (2, 1.0, 0.8), (3, 2.0, 0.1)], 3),
        ([(1, 0.0, 0.0), (2, 1.0, 0.8), (3, 2.0, 0.7)], None),
        ([(1, 0.0, 0.0), (2, 1.0, 0.8), (3, 0.5, 0.1)], None),
        ([(1, 0.0, 0.0), (2, 1.0, 0.8), (3, 1.5, None), (4, 2.0, 0.1)], 4),
        ([(1, 0.0, 0.0)], None),
        ([], None),
    ],
)
def test_a_version_is_over_optimised_when_its_reward_rose_and_people_are_sure_that_it_fell(points, version):
    found = over_optimised([point(number, gain=gain, strength=strength) for number, gain, strength in points])

    assert (found.version if found else None) == version


def test_curves_have_what_runs_evaluations_and_the_gate_stored(cast, run):
    base = Policy.objects.get(version=1)
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": base}
    policy = Policy.objects.create(project=cast.project, version=2, **fields)
    rates = {"win_rate": 0.7, "win_rate_low": 0.6, "win_rate_high": 0.8}
    Evaluation.objects.create(
        policy=policy, against=base, run=run, num_prompts=9, reward=1.5, reward_against=0.25, kl=4.0, length=30,
        length_against=20, eos_rate=0.9, **rates,
    )  # fmt: skip
    guards = [{"name": "kl", "passed": True}, {"name": "held_out", "value": 0.55, "low": 0.4, "high": 0.7}]
    limits = {"alpha": 0.05, "most_pairs": 200, "seed": 1}
    Promotion.objects.create(project=cast.project, candidate=policy, against=base, guards=guards, **limits)
    Run.objects.filter(pk=run.pk).update(results={"policy": {"loss": 0.5}})

    (first, second), basis = version_points(cast.project.pk, kept=None)

    assert (first.version, first.gain, first.kl, first.win_rate) == (1, 0.0, 0.0, None)
    assert (second.gain, second.root_kl, second.length, second.loss) == (1.25, 2.0, 30.0, 0.5)
    assert (second.held_out, second.held_out_low, second.win_rate_high) == (0.55, 0.4, 0.8)
    assert (second.strength, basis) == (None, "all")


def test_reward_models_come_the_oldest_first_with_their_accuracy(cast, run):
    other = services.create_run(project_id=cast.project.pk)
    Run.objects.filter(pk=run.pk).update(snapshot_counts={"train": 12}, results={"reward_model": {"loss": 0.6}})
    fields = {"project": cast.project, "path": "p", "digest": "a" * 64, "base_digest": "b" * 64}
    RewardModel.objects.create(run=other, number=2, **fields)
    interval = {"accuracy": 0.6, "accuracy_low": 0.5, "accuracy_high": 0.7}
    RewardModel.objects.create(run=run, number=1, **fields, **interval)

    first, second = model_points(cast.project.pk)

    assert (first.number, first.judgements, first.accuracy, first.low, first.loss) == (1, 12, 0.6, 0.5, 0.6)
    assert (second.number, second.accuracy, second.loss) == (2, None, None)


def test_more_versions_need_no_more_queries(django_assert_num_queries):
    cast = make_cast(num_items=1)
    judge(cast.project, cast.bob)
    services.ensure_loop(project_id=cast.project.pk)
    base = Policy.objects.get(project=cast.project, version=1)
    for version in range(2, 12):
        made = services.create_run(project_id=cast.project.pk, start=False)
        fields = {"run": made, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": base}
        Policy.objects.create(project=cast.project, version=version, **fields)

    with django_assert_num_queries(4):
        points, _ = version_points(cast.project.pk, kept=None)
        model_points(cast.project.pk)

    assert len(points) == 11
