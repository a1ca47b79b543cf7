"""An always-valid test of which of two policies people prefer: look as often as you like. Standard library only.

What is tested is H0: "a judgement that decides between the two prefers the candidate with a chance of at most 1/2,
whatever was said before". The e-value is the mean of the likelihood ratio to 1/2 over chances p spread on (1/2, 1),

    E_n = 2 int_{1/2}^1 p^k (1 - p)^(n - k) dp * 2^n = 2 B(k + 1, n - k + 1) P(Beta(k + 1, n - k + 1) > 1/2) * 2^n

with k wins among n decided judgements. Under H0 it is a supermartingale that begins at 1, because the ratio for each p
is: so it ever reaches 1 / alpha with a chance of at most alpha (Ville, 1939), whenever and however often one looks.

Ties are dropped: what decides is counted. Whether a judgement is a tie may depend on anything; of those that decide H0
speaks, and the subsequence of them is a supermartingale still. A tie as half a win would need a bound on the share of
ties to bet with, and proves no more: a tie is as likely under either.

The unit is one pair: a prompt drawn at random from a fixed set, with a completion that each policy wrote anew for it,
judged once. Later judgements of the same pair are no news of the same kind (who likes the first mostly is liked by the
second, too), so the first one alone is counted: see `first_of_each`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum

LEAST_ALPHA = 1e-9


class Decision(StrEnum):
    """What the judgements so far say of the candidate."""

    PROMOTE = "promote"
    REJECT = "reject"
    FUTILE = "futile"
    GO_ON = "go_on"


def log_e_value(*, wins: int, losses: int) -> float:
    """log E_n against H0 "at most half of the decided judgements are wins"; nats, 0 before the first.

    By P(Beta(k + 1, n - k + 1) > 1/2) = P(Binomial(n + 1, 1/2) <= k) it is a sum of whole numbers,

        E_n = sum_{j <= k} C(n + 1, j) / ((n + 1) C(n, k))

    summed from its largest term on. The mirrored process is that of the losses: swap the arguments.

    Raises:
        ValueError: a negative count.
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"{wins} wins and {losses} losses: counts can't be negative")
    n, k = wins + losses, wins
    return _log_lower_sum(n + 1, k) - math.log(n + 1) - _log_binomial(n, k)


def _log_lower_sum(n: int, k: int) -> float:
    """log sum_{j <= k} C(n, j), of k < n."""
    if 2 * k <= n:
        return _log_binomial(n, k) + math.log(_falling(n, k))
    upper = _log_binomial(n, k + 1) + math.log(_falling(n, n - k - 1))  # sum_{j > k}, by symmetry
    whole = n * math.log(2)
    return whole + math.log1p(-math.exp(upper - whole))


def _falling(n: int, k: int) -> float:
    """sum_{j <= k} C(n, j) / C(n, k), of k <= (n + 1) / 2, where each term is at most the one before."""
    total = term = 1.0
    for j in range(k, 0, -1):
        term *= j / (n - j + 1)
        total += term
        if term < total * 1e-18:
            break
    return total


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known after some judgements, each of which counted once.

    Attributes:
        log_e: for the candidate, nats.
        log_e_against: the mirrored process, for the other one.
    """

    wins: int
    losses: int
    ties: int = 0

    @property
    def decided(self) -> int:
        """Judgements that are counted: those that are no ties."""
        return self.wins + self.losses

    @property
    def judged(self) -> int:
        """Judgements, ties among them."""
        return self.decided + self.ties

    @property
    def log_e(self) -> float:
        """For the candidate, nats."""
        return log_e_value(wins=self.wins, losses=self.losses)

    @property
    def log_e_against(self) -> float:
        """The mirrored process, for the other one, nats."""
        return log_e_value(wins=self.losses, losses=self.wins)


def threshold(alpha: float) -> float:
    """log(1 / alpha): an e-value that reaches it is proof at that level, nats.

    Raises:
        ValueError: alpha is not between 0 and 1/2.
    """
    if not LEAST_ALPHA <= alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; use a share between {LEAST_ALPHA} and 1/2, usually 0.05")
    return math.log(1 / alpha)


def decide(evidence: Evidence, *, alpha: float, most: int) -> Decision:
    """What to do after some judgements: each side has an error of at most ``alpha``, however often this is asked.

    Args:
        most: judged pairs, ties among them, after which nothing is proved any more: asking ends as futile. It bounds
            what a candidate costs, and the chance to be promoted can only become smaller by it.
    """
    enough = threshold(alpha)
    if evidence.log_e >= enough:
        return Decision.PROMOTE
    if evidence.log_e_against >= enough:
        return Decision.REJECT
    return Decision.FUTILE if evidence.judged >= most else Decision.GO_ON


def first_of_each(judged: Iterable[tuple[Hashable, int]]) -> Evidence:
    """The evidence of judgements in the order they came, the first one of each pair alone.

    Args:
        judged: of each the pair it is of, and 1 when the candidate is better, 0 for a tie, -1 otherwise.

    Raises:
        ValueError: an outcome that is none.
    """
    seen: set[Hashable] = set()
    counts = {1: 0, 0: 0, -1: 0}
    for pair, outcome in judged:
        if outcome not in counts:
            raise ValueError(f"an outcome of pair {pair} is {outcome!r}; it must be 1, 0 or -1")
        if pair not in seen:
            seen.add(pair)
            counts[outcome] += 1
    return Evidence(wins=counts[1], losses=counts[-1], ties=counts[0])
