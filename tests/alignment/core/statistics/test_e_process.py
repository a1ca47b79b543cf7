"""The always-valid test: its values, its errors under continuous looking, and what is counted."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, stats

from alignment.core.statistics.e_process import Decision, Evidence, decide, first_of_each, log_e_value, threshold

ALPHA = 0.05


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (0, 1), (7, 0), (3, 4), (40, 20), (20, 40), (115, 85)])
def test_the_value_is_the_mean_likelihood_ratio_over_chances_above_one_half(wins, losses):
    def ratio(p):
        return 2 * (2 * p) ** wins * (2 * (1 - p)) ** losses

    expected, _ = integrate.quad(ratio, 0.5, 1, epsabs=0, epsrel=1e-11, limit=200)

    assert math.exp(log_e_value(wins=wins, losses=losses)) == pytest.approx(expected, rel=1e-8)


def test_seven_wins_in_a_row_are_proof_and_six_are_not():
    assert math.exp(log_e_value(wins=7, losses=0)) == pytest.approx(255 / 8)
    assert math.exp(log_e_value(wins=6, losses=0)) == pytest.approx(127 / 7)
    assert decide(Evidence(7, 0), alpha=ALPHA, most=100) == Decision.PROMOTE
    assert decide(Evidence(6, 0), alpha=ALPHA, most=100) == Decision.GO_ON
    assert decide(Evidence(0, 7), alpha=ALPHA, most=100) == Decision.REJECT


@pytest.mark.parametrize(("wins", "losses"), [(60_000, 50_000), (50_000, 60_000), (100_000, 0)])
def test_of_a_hundred_thousand_judgements_the_logarithm_is_exact(wins, losses):
    n = wins + losses
    log_beta = math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2)
    expected = (n + 1) * math.log(2) + log_beta + stats.beta.logsf(0.5, wins + 1, losses + 1)

    assert log_e_value(wins=wins, losses=losses) == pytest.approx(expected, rel=1e-7, abs=1e-6)
    assert log_e_value(wins=0, losses=n) == pytest.approx(-math.log(n + 1))


def test_whoever_is_no_better_is_expected_to_gain_nothing_by_the_next_judgement():
    for wins, losses in [(0, 0), (5, 1), (1, 5), (30, 20), (100, 60)]:
        now = math.exp(log_e_value(wins=wins, losses=losses))
        won = math.exp(log_e_value(wins=wins + 1, losses=losses))
        lost = math.exp(log_e_value(wins=wins, losses=losses + 1))

        assert (won + lost) / 2 == pytest.approx(now, rel=1e-9)  # a fair coin: a martingale
        assert 0.4 * won + 0.6 * lost < now


def first_proofs(chance: float, *, worlds: int, most: int) -> np.ndarray:
    """The judgement at which each world has its proof, looked at after each one; 0: never."""
    # Proof is a matter of k and n alone: the fewest wins that are proof, for every n.
    least, k = np.full(most + 1, most + 1), 0
    for n in range(1, most + 1):
        k = max(k, (n + 1) // 2)
        while k <= n and log_e_value(wins=k, losses=n - k) < threshold(ALPHA):
            k += 1
        least[n] = k
    wins = (np.random.default_rng(0).random((worlds, most)) < chance).cumsum(axis=1)
    proved = wins >= least[1:]
    return np.where(proved.any(axis=1), proved.argmax(axis=1) + 1, 0)


def test_looking_after_each_of_4000_judgements_errs_in_at_most_5_percent_where_a_z_test_errs_in_a_third():
    proofs = first_proofs(0.5, worlds=2000, most=4000)
    wins = (np.random.default_rng(1).random((2000, 4000)) < 0.5).cumsum(axis=1)
    seen = np.arange(25, 4001, 25)
    z = (wins[:, seen - 1] - seen / 2) / np.sqrt(seen / 4)

    assert 0.025 < (proofs > 0).mean() <= 0.05  # 0.039 in the literature
    assert 0.30 < (z > 1.645).any(axis=1).mean() < 0.45  # 0.355


@pytest.mark.parametrize(
    ("chance", "found", "median"),
    [(0.52, 0.31, None), (0.55, 1.0, 776), (0.6, 1.0, 172), (0.7, 1.0, 37)],  # Simulated before, 2,000 worlds each
)
def test_a_better_candidate_is_found_as_often_and_as_soon_as_published(chance, found, median):
    proofs = first_proofs(chance, worlds=800, most=4000 if median is None or median > 500 else 1500)

    assert (proofs > 0).mean() == pytest.approx(found, abs=0.05)
    assert median is None or np.median(proofs) == pytest.approx(median, rel=0.12)


def test_ties_are_no_wins_and_no_losses_but_they_are_paid_for():
    evidence = Evidence(wins=12, losses=4, ties=30)

    assert evidence.log_e == Evidence(wins=12, losses=4).log_e
    assert decide(evidence, alpha=ALPHA, most=46) == Decision.FUTILE
    assert decide(evidence, alpha=ALPHA, most=47) == Decision.GO_ON


def test_that_nine_in_ten_are_ties_raises_no_error():
    rng = np.random.default_rng(2)
    outcomes = rng.choice([1, 0, -1], p=[0.05, 0.9, 0.05], size=(200, 2000))
    wins, losses = (outcomes > 0).cumsum(axis=1)[:, ::10], (outcomes < 0).cumsum(axis=1)[:, ::10]

    proved = [
        any(
            log_e_value(wins=int(k), losses=int(m)) >= threshold(ALPHA)
            for k, m in {*zip(w, lost, strict=True)}
            if k > m
        )
        for w, lost in zip(wins, losses, strict=True)
    ]

    assert np.mean(proved) <= 0.05


def test_of_several_judgements_of_a_pair_the_first_is_counted():
    judged = [("a", 1), ("a", -1), ("b", 0), ("b", 1), ("c", -1), ("a", 1)]

    assert first_of_each(judged) == Evidence(wins=1, losses=1, ties=1)


def test_counting_every_judgement_of_a_pair_would_err_far_more_often():
    """Three people who agree about a pair are one piece of news: why the unit is the pair."""
    rng = np.random.default_rng(3)
    worlds, pairs = 200, 90
    promoted = {"first": 0, "every": 0}
    for _ in range(worlds):
        kind = rng.random(pairs) < 0.5  # which of the two the pair's first is, by chance
        outcomes = np.where(np.repeat(kind, 3), 1, -1)
        wins = (outcomes > 0).cumsum()
        n = np.arange(1, len(outcomes) + 1)
        promoted["every"] += any(
            log_e_value(wins=int(k), losses=int(m - k)) >= threshold(ALPHA)
            for k, m in zip(wins[::3], n[::3], strict=True)
            if 2 * k > m
        )
        first = outcomes[::3]
        own = (first > 0).cumsum()
        promoted["first"] += any(
            log_e_value(wins=int(k), losses=m - int(k)) >= threshold(ALPHA)
            for m, k in enumerate(own, start=1)
            if 2 * k > m
        )

    assert promoted["first"] / worlds <= 0.05
    assert promoted["every"] / worlds > 0.1


@pytest.mark.parametrize("alpha", [0, 0.5, 1, -1, math.nan])
def test_an_error_that_is_no_share_is_refused_by_name(alpha):
    with pytest.raises(ValueError, match="alpha is"):
        threshold(alpha)


def test_counts_and_outcomes_that_are_none_are_refused():
    with pytest.raises(ValueError, match="-1 wins"):
        log_e_value(wins=-1, losses=0)
    with pytest.raises(ValueError, match="must be 1, 0 or -1"):
        first_of_each([("a", 2)])


def test_it_needs_neither_torch_nor_scipy():
    code = (
        "import sys, alignment.core.statistics.e_process\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'numpy', 'scipy', 'django'}, loaded\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
