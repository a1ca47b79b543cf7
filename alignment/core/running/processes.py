"""Several processes that train one model together, each on its share of every batch.

The program is the one for a single process; every process runs all of it, and a launcher starts them:

    torchrun --nproc-per-node 2 my_training.py                                  one machine, a process per GPU or core
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint FIRST_MACHINE:29500 my_training.py
    accelerate launch --multi-gpu --num-processes 8 my_training.py              the same with accelerate's launcher

Inside ``train`` the processes work together: they agree on what each batch is, share out its forward passes, add up
what came of them, and the first one (rank 0) writes checkpoints and talks to the outside. Checkpoints lie in a folder
that all machines see. Outside ``train`` each process is by itself; ``with together():`` shares out sampling and
scoring there. Losses are sums that are divided once by counts over all processes, and what a step draws depends on its
number alone, so the number of processes changes no result by more than the rounding of sums (samples included, but for
draws that fall within the rounding of two probabilities).
"""

from __future__ import annotations

import atexit
import os
import pickle
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TypeVar

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.tensor import DTensor

Item = TypeVar("Item")
Result = TypeVar("Result")

BUCKET = 2**24
"""Numbers that are added up over the processes at once: 64 MiB in float32."""


LAST_WORDS_SECONDS = 0.5
"""How long a program that ends waits for the threads that talked to the other processes."""


class ProcessFailed(RuntimeError):
    """Another process failed with an error that cannot be raised here as it is."""


@dataclass(frozen=True)
class Team:
    """The processes that work together now, and which of them this one is; 1 process when it works alone.

    ``apart`` says that the others wait for this one meanwhile, or do something else.
    """

    rank: int = 0
    size: int = 1
    apart: bool = False


ALONE = Team()
_KNOWN = "known_to_all_processes"
_team: ContextVar[Team] = ContextVar("team", default=ALONE)


def team() -> Team:
    """The processes that this one works together with."""
    return _team.get()


def launched() -> int:
    """How many processes a launcher has started this program in; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def own_device(device: torch.device | str | None = None) -> torch.device:
    """The device of this process: the one named, CUDA when there is one, else the CPU.

    Under a launcher each process gets a GPU of its own; ``cuda`` without a number is that one.
    """
    named = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if launched() > 1 and named.type == "cuda" and named.index is None and torch.cuda.is_available():
        return join(cpu=False)
    return named


@contextmanager
def together() -> Iterator[None]:
    """Inside, this process works together with all others that a launcher has started; alone without one.

    An error that leaves the block in one process leaves it in all of them: the others hear of it where they next wait.
    """
    if launched() > 1 and not dist.is_initialized():
        join(cpu=not torch.cuda.is_available())
    joined = Team(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else ALONE
    token = _team.set(joined)
    try:
        yield
    except Exception as error:
        if joined.size > 1 and not getattr(error, _KNOWN, False):
            everywhere(partial(_fail, error))
        raise
    finally:
        _team.reset(token)


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process works by itself: nothing that it computes is shared out."""
    token = _team.set(Team(apart=dist.is_initialized()))
    try:
        yield
    finally:
        _team.reset(token)


def everywhere(compute: Callable[[], Result], *, in_step: bool = False) -> list[Result]:
    """What each process computes, by rank, on every process; each works alone at it, and waits for the others then.

    Args:
        in_step: the processes meet in the middle of computing, so one that fails can't tell the others: its program
            ends with the error, and the launcher ends theirs.

    Raises:
        Exception: whatever the first process that failed has raised, on every process.
    """
    here = team()
    if here.size == 1:
        return [compute()]
    outcome: tuple[Result | None, bytes | None, str] = (None, None, "")
    error: Exception | None = None
    try:
        with alone():
            outcome = (compute(), None, "")
    except Exception as raised:
        setattr(raised, _KNOWN, in_step)
        if in_step:
            raise
        error = raised
        outcome = (None, _pickled(raised), f"process {here.rank} of {here.size}: {type(raised).__name__}: {raised}")
    outcomes: list[tuple[Result, bytes | None, str]] = [outcome] * here.size  # type: ignore[list-item]  # all are filled
    dist.all_gather_object(outcomes, outcome)
    for rank, (_, theirs, said) in enumerate(outcomes):
        if said:
            failure = error if error is not None and rank == here.rank else _error_of(theirs, said=said)
            setattr(failure, _KNOWN, True)
            raise failure
    return [result for result, _, _ in outcomes]


def on_first(compute: Callable[[], Result]) -> Result:
    """What the first process computes, on every process; the others only wait for it.

    Raises:
        Exception: what it has raised, on every process.
    """
    rank = team().rank
    return everywhere(lambda: compute() if rank == 0 else None)[0]  # type: ignore[return-value]  # of rank 0


def share(items: Sequence[Item], *, weight: Callable[[Item], float]) -> Sequence[Item]:
    """The items of this process: neighbours, of about the same weight for every process."""
    here = team()
    return items if here.size == 1 else shares(items, weight=weight, parts=here.size)[here.rank]


def shares(items: Sequence[Item], *, weight: Callable[[Item], float], parts: int) -> list[Sequence[Item]]:
    """The items cut into ``parts`` runs of about the same weight; some may be empty."""
    reached = list(accumulate(map(weight, items), initial=0.0))  # weight of all items before each place
    cuts = [bisect_left(reached, reached[-1] * part / parts) for part in range(parts)]
    return [items[start:end] for start, end in zip(cuts, [*cuts[1:], len(items)], strict=True)]


def spread(
    items: Sequence[Item], *, weight: Callable[[Item], float], work: Callable[[Sequence[Item]], Sequence[Result]]
) -> list[Result]:
    """The result for each item, in order, on every process; each process works on a share.

    Every process must call this with the same items. Results are sent from process to process: tensors on the CPU.
    """
    mine = share(items, weight=weight)
    return [result for results in everywhere(lambda: list(work(mine))) for result in results]


@torch.no_grad()
def add_up_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Make each gradient the sum over the processes; one that no process has stays None, as in a single process.

    Those of sharded parameters have been added up on the way back through the model.
    """
    if team().size == 1:
        return
    for bucket in _buckets([each for each in parameters if not isinstance(each, DTensor)]):
        like = bucket[0]
        parts = [torch.zeros_like(each) if each.grad is None else each.grad for each in bucket]
        present = torch.tensor([float(each.grad is not None) for each in bucket], dtype=like.dtype, device=like.device)
        flat = torch.cat([present, *(part.flatten() for part in parts)])
        dist.all_reduce(flat)
        sums = torch.split(flat[len(bucket) :], [each.numel() for each in bucket])
        for each, there, total in zip(bucket, flat[: len(bucket)].tolist(), sums, strict=True):
            each.grad = total.view_as(each).clone() if there else None


@torch.no_grad()
def same_everywhere(tensors: Sequence[Tensor]) -> None:
    """Give every process the first one's values."""
    if team().size > 1:
        for tensor in tensors:
            if not isinstance(tensor, DTensor):  # of a sharded one each process has its own part
                dist.broadcast(tensor.data, src=0)


def _buckets(parameters: Sequence[torch.nn.Parameter]) -> Iterator[list[torch.nn.Parameter]]:
    """Neighbours of one kind, `BUCKET` numbers at most or a single parameter."""
    bucket: list[torch.nn.Parameter] = []
    for each in parameters:
        size = sum(other.numel() for other in bucket) + each.numel()
        if bucket and (size > BUCKET or (each.dtype, each.device) != (bucket[0].dtype, bucket[0].device)):
            yield bucket
            bucket = []
        bucket.append(each)
    if bucket:
        yield bucket


def join(*, cpu: bool) -> torch.device:
    """Meet the other processes, once; the device that this one has among those of its machine."""
    from accelerate import PartialState

    device: torch.device = PartialState(cpu=cpu).device
    atexit.register(_leave)
    return device


def _leave() -> None:
    """Leave the others, and let the threads that talked to them finish while there still is an interpreter.

    A thread of gloo frees the tensors of its last exchange after the exchange is reported as done. That takes Python's
    lock, and asking for it while the interpreter ends aborts the program: "terminate called without an active
    exception", in 1 of 30 programs on a busy machine. Nothing tells when the threads are done; they need milliseconds.
    """
    if dist.is_initialized():
        dist.destroy_process_group()
        time.sleep(LAST_WORDS_SECONDS)


def _fail(error: Exception) -> None:
    raise error


def _pickled(error: Exception) -> bytes | None:
    try:
        return pickle.dumps(error)
    except Exception:  # an error may hold anything; its text is sent in any case
        return None


def _error_of(pickled: bytes | None, *, said: str) -> Exception:
    try:
        error = pickle.loads(pickled) if pickled else None
    except Exception:  # its class can't be built from what it was pickled as
        error = None
    if not isinstance(error, Exception):
        return ProcessFailed(said)
    error.add_note(f"raised in {said.split(':')[0]}")
    return error
