"""Strengths from comparisons with ties (Davidson, 1970), with intervals by prompt, and controlled for length.

With d = strength of the first less that of the second, plus the effect of length times how much longer the first is:

    P(first wins) = e^{d/2} / D    P(tie) = nu / D    P(second wins) = e^{-d/2} / D    D = e^{d/2} + nu + e^{-d/2}

Without ties nu is 0, which is Bradley-Terry. The log-likelihood is concave: Newton's method finds its maximum, and a
small ridge keeps it finite where somebody won everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from alignment.core.statistics.intervals import Floats

Whole = NDArray[np.intp]
RIDGE = 0.02
"""On the sum of squared strengths: a normal prior with a standard deviation of 5 nats."""
MOST_STEPS = 100
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Comparisons, or groups of equal ones: (N,) each.

    Attributes:
        first, second: who was compared, 0 to M - 1.
        wins, ties, losses: how often, or with what weight, the first won, neither did, the second won.
        clusters: what varies together, a prompt or several, as integers from 0.
        longer: how much longer the first one's text is, -1 to 1, 0 for equal lengths.
    """

    first: Whole
    second: Whole
    wins: Floats
    ties: Floats
    losses: Floats
    clusters: Whole
    longer: Floats


def outcomes(
    first: ArrayLike,
    second: ArrayLike,
    wins: ArrayLike,
    ties: ArrayLike,
    losses: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    longer: ArrayLike | None = None,
) -> Outcomes:
    """Comparisons from lists, each its own cluster and of equal lengths when nothing else is said.

    Raises:
        ValueError: lengths differ, somebody is compared with themselves, a count is negative or not finite.
    """
    one, other = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    size = len(one)
    counts = [np.asarray(each, dtype=float) for each in (wins, ties, losses)]
    names = np.arange(size) if clusters is None else np.asarray(clusters)
    lengths = np.zeros(size) if longer is None else np.asarray(longer, dtype=float)
    if any(len(each) != size for each in (other, *counts, names, lengths)):
        raise ValueError(f"first has {size} rows, the others must have as many")
    if (one == other).any():
        raise ValueError(f"{one[one == other][0]} is compared with itself: leave such rows out")
    if size and not min(float(each.min()) for each in counts) >= 0:
        raise ValueError("wins, ties and losses must be 0 or more")
    if not all(np.isfinite(each).all() for each in (*counts, lengths)):
        raise ValueError("wins, ties, losses and lengths must be finite")
    codes = np.unique(names, return_inverse=True)[1].astype(np.intp)
    return Outcomes(one, other, counts[0], counts[1], counts[2], clusters=codes, longer=lengths)


@dataclass(frozen=True, slots=True)
class Fit:
    """What was found.

    Attributes:
        strengths: (M,) in nats, their mean is 0.
        covariance: (M, M) of the strengths, by prompt (the sandwich estimator).
        curvature: (M, M) the inverse of the Hessian alone: what the covariance would be if the model was exact and all
            comparisons independent.
        nu: 1 makes a tie of equals as likely as not; 0 without ties.
        length_effect: nats between a first completion that is all there is and a second that is nothing; with its
            standard error, None when not asked for or when lengths never differ.
    """

    strengths: Floats
    covariance: Floats
    curvature: Floats
    nu: float
    length_effect: tuple[float, float] | None

    def difference(self, first: int, second: int) -> tuple[float, float]:
        """By how many nats the first is stronger, and the standard error.

        The wider of sandwich and curvature: where somebody won everything, the sandwich alone would be sure of it.
        """
        of = [
            float(each[first, first] + each[second, second] - 2 * each[first, second])
            for each in (self.covariance, self.curvature)
        ]
        return float(self.strengths[first] - self.strengths[second]), max(0.0, *of) ** 0.5

    def score(self, difference: float) -> float:
        """Expected share of comparisons won at such a difference, a tie counting one half."""
        log_nu = np.log(self.nu) if self.nu else -np.inf
        win, tie, _ = probabilities(np.array([difference]), log_nu)
        return float(win[0] + tie[0] / 2)

    def win_rate(self, first: int, second: int) -> tuple[float, float, float]:
        """Expected share that the first wins, ties one half, with its 95 % interval (nu taken as known)."""
        middle, error = self.difference(first, second)
        low, high = (self.score(middle + side * Z * error) for side in (-1, 1))
        return self.score(middle), low, high

    def ranks(self) -> list[tuple[int, int]]:
        """The best and the worst place of each that its pairwise 95 % intervals allow; 1 is best."""
        size = len(self.strengths)
        found = []
        for one in range(size):
            ahead = behind = 0
            for other in range(size):
                middle, error = self.difference(other, one)
                ahead += middle - Z * error > 0
                behind += middle + Z * error < 0
            found.append((1 + int(ahead), size - int(behind)))
        return found


def probabilities(difference: Floats, log_nu: float) -> tuple[Floats, Floats, Floats]:
    """P(first wins), P(tie), P(second wins) at differences (N,); they sum to 1."""
    logits = np.stack([difference / 2, np.full_like(difference, log_nu), -difference / 2])
    win, tie, loss = special.softmax(logits, axis=0)
    return win, tie, loss


def fit(of: Outcomes, num: int, *, with_length: bool = False, ridge: float = RIDGE) -> Fit:
    """Strengths of `num` by maximum likelihood with a ridge, and how sure they are.

    Args:
        with_length: estimate what length is worth, too, and take it out of the strengths (Li et al., 2024).
        ridge: on the sum of squares, above 0 where somebody may have won everything or met nobody.

    Raises:
        ValueError: no comparison at all, or somebody outside 0 to num - 1.
    """
    if not len(of.first):
        raise ValueError("there is nothing to compare: no outcomes")
    if max(of.first.max(), of.second.max()) >= num or min(of.first.min(), of.second.min()) < 0:
        raise ValueError(f"outcomes name somebody outside 0 to {num - 1}")
    with_length = with_length and bool(np.abs(of.longer).max() > 0)
    has_ties = bool(of.ties.sum() > 0)
    size = num + with_length + has_ties
    at = np.zeros(size)
    value = _objective(of, at, num, with_length, has_ties, ridge)
    for _ in range(MOST_STEPS):
        scores, hessian = _derivatives(of, at, num, with_length, has_ties, ridge)
        gradient = scores.sum(axis=0) - 2 * ridge * at
        step = linalg.solve(hessian, gradient, assume_a="pos")
        scale = 1.0
        while (moved := _objective(of, at + scale * step, num, with_length, has_ties, ridge)) < value and scale > 1e-8:
            scale /= 2
        at, value = at + scale * step, moved
        if gradient @ step < 1e-12:  # Newton's decrement: twice what there was left to gain
            break
    return _fitted(of, at, num, with_length, has_ties, ridge)


def _fitted(of: Outcomes, at: Floats, num: int, with_length: bool, has_ties: bool, ridge: float) -> Fit:
    scores, hessian = _derivatives(of, at, num, with_length, has_ties, ridge)
    inverse = linalg.inv(hessian)
    groups = len(scores)
    meat = scores.T @ scores * (groups / max(groups - 1, 1))
    covariance = inverse @ meat @ inverse
    center = np.eye(num) - 1 / num
    effect = None
    if with_length:
        effect = float(at[num]), float(max(covariance[num, num], inverse[num, num])) ** 0.5
    return Fit(
        strengths=at[:num] - at[:num].mean(),
        covariance=center @ covariance[:num, :num] @ center,
        curvature=center @ inverse[:num, :num] @ center,
        nu=float(np.exp(at[-1])) if has_ties else 0.0,
        length_effect=effect,
    )


def _difference(of: Outcomes, at: Floats, num: int, with_length: bool) -> Floats:
    found: Floats = at[of.first] - at[of.second]
    return found + at[num] * of.longer if with_length else found


def _objective(of: Outcomes, at: Floats, num: int, with_length: bool, has_ties: bool, ridge: float) -> float:
    """The log-likelihood less the ridge."""
    log_nu = at[-1] if has_ties else -np.inf
    half = _difference(of, at, num, with_length) / 2
    total = np.logaddexp(np.logaddexp(half, -half), log_nu)
    likelihood = of.wins * (half - total) - of.losses * (half + total)
    if has_ties:
        likelihood = likelihood + of.ties * (log_nu - total)
    return float(likelihood.sum() - ridge * (at @ at))


def _derivatives(
    of: Outcomes, at: Floats, num: int, with_length: bool, has_ties: bool, ridge: float
) -> tuple[Floats, Floats]:
    """Each cluster's part (C, P) of the gradient of the log-likelihood, and the objective's negative Hessian (P, P)."""
    win, tie, loss = probabilities(_difference(of, at, num, with_length), at[-1] if has_ties else -np.inf)
    count = of.wins + of.ties + of.losses
    lead = win - loss
    # How the parameters enter: each row's difference by (first, +1), (second, -1), (length, longer); nu by itself.
    columns = [(of.first, np.ones(len(count))), (of.second, -np.ones(len(count)))]
    if with_length:
        columns.append((np.full(len(count), num), of.longer))
    by_difference = (of.wins - of.losses - count * lead) / 2
    by_log_nu = of.ties - count * tie
    scores = np.zeros((int(of.clusters.max()) + 1, len(at)))
    hessian = 2 * ridge * np.eye(len(at))
    for column, factor in columns:
        np.add.at(scores, (of.clusters, column), factor * by_difference)
        for other, other_factor in columns:
            np.add.at(hessian, (column, other), factor * other_factor * count * (win + loss - lead**2) / 4)
        if has_ties:
            mixed = np.bincount(column, -factor * count * lead * tie / 2, len(at))
            hessian[:, -1] += mixed
            hessian[-1, :] += mixed
    if has_ties:
        np.add.at(scores[:, -1], of.clusters, by_log_nu)
        hessian[-1, -1] += float((count * tie * (1 - tie)).sum())
    return scores, hessian


def connected(first: ArrayLike, second: ArrayLike, num: int) -> list[int]:
    """Which of `num` are linked by comparisons, directly or through others: the number of each one's part."""
    from scipy.sparse import coo_array, csgraph

    one, other = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(num, num))
    return [int(each) for each in csgraph.connected_components(graph, directed=False)[1]]
