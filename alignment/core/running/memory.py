"""What to do when the accelerator runs out of memory: half as much in a forward pass, and on.

No result depends on how much went into a forward pass, so a pass that failed is done again in smaller parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Halvings:
    """What is known of the allowances while a run is under way.

    Attributes:
        allowed: whether they may be halved at all.
        amounts: what those that were halved are now, by name: `out_of_memory/learning_tokens`, say.
    """

    allowed: bool = True
    amounts: dict[str, float] = field(default_factory=dict)


_SAID = (
    "DefaultCPUAllocator: can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
_halvings: ContextVar[Halvings | None] = ContextVar("halvings", default=None)


@contextmanager
def watched(*, allowed: bool = True) -> Iterator[Halvings]:
    """Inside, every halving is written into what this gives; with ``allowed`` False there is none."""
    halvings = Halvings(allowed)
    token = _halvings.set(halvings)
    try:
        yield halvings
    finally:
        _halvings.reset(token)


@dataclass
class Allowance:
    """How much may go into one forward pass; halved whenever memory runs out, for the rest of its life.

    Attributes:
        name: `learning`, `scoring` or `sampling`.
        unit: what is counted: `tokens` or `rows`.
        amount: of them, now.
    """

    name: str
    unit: str
    amount: int

    def halve(self, *, used: int, smallest: int, error: RuntimeError) -> None:
        """Allow half of what did not fit.

        Args:
            used: what was in the pass that failed.
            smallest: the least that a pass can have.

        Raises:
            torch.OutOfMemoryError: there is nothing left to halve, or it was forbidden.
        """
        halvings = _halvings.get()
        if used <= smallest or (halvings is not None and not halvings.allowed):
            raise torch.OutOfMemoryError(
                f"{self.name} ran out of memory with {used} {self.unit} in a forward pass"
                f"{' and one example in it' if used <= smallest else ''}; "
                "use a smaller model, shorter completions or fewer of them per prompt"
            ) from error
        self.amount = max(min(used, self.amount) // 2, 1)
        if halvings is not None:
            halvings.amounts[f"out_of_memory/{self.name}_{self.unit}"] = float(self.amount)
        logger.warning("out of memory: %s goes on with %d %s in a forward pass", self.name, self.amount, self.unit)

    def in_parts(
        self,
        items: Sequence[Item],
        *,
        fit: Callable[[Sequence[Item], int], int],
        size: Callable[[Sequence[Item]], int],
        work: Callable[[Sequence[Item]], Sequence[Result]],
    ) -> list[Result]:
        """The result for each item, in order, from as many at once as are allowed.

        Args:
            fit: how many of the first of these items go into an amount, 1 or more.
            size: what a part uses.
            work: one forward pass; done again with fewer items when memory runs out.

        Raises:
            torch.OutOfMemoryError: a single item is too much.
        """
        results: list[Result] = []
        while len(results) < len(items):
            rest = items[len(results) :]
            part = rest[: fit(rest, self.amount)]
            try:
                results += work(part)
                continue
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                self.halve(used=size(part), smallest=size(part[:1]), error=error)
            free()  # here, where the failed pass and its tensors are gone
        return results


def ran_out(error: RuntimeError) -> bool:
    """Whether an error says that there was no memory: torch's own, or one of its libraries' or the CPU's in words."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _SAID)


def free() -> None:
    """Give back what torch keeps of the accelerator's memory."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass
class Allowances:
    """The allowances of passes without gradient on one backbone."""

    scoring: Allowance = field(default_factory=lambda: Allowance("scoring", "tokens", 8192))
    """Log-probabilities, rewards, values, preferences."""
    sampling: Allowance = field(default_factory=lambda: Allowance("sampling", "rows", 64))
    """Completions that are sampled at once: bounds the cache."""
