"""One model cut up over the processes that train it: FSDP, as torch's ``fully_shard`` does it.

Each process holds a part of every weight of the transformer, with its gradient and its optimizer state, and gathers a
layer's weights for as long as the layer computes. Embeddings and token head stay whole, and so do adapters and heads,
which are small beside them. To start it, give ``Backbone.load(..., sharded=True)`` and the launch line of
``processes``; ``lora=None`` shards full fine-tuning, where it saves most.

A layer is gathered by all processes at once or by none. So in learning all make the same number of passes, some of them
for nothing, and what is sampled and scored is computed with the whole model gathered (one at a time, in its own dtype,
without gradients and optimizer state). An error in one process in the middle of a pass ends its program, and the
launcher then ends the others; memory that runs out there is such an error, because the others can't make their passes
smaller at that moment. A checkpoint is whole: the first process gathers it on its CPU, and every one reads all of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from alignment.core.model.loading import ModelError
from alignment.core.running.processes import Team, join, launched, shares, team

Unit = TypeVar("Unit")

_sharded: list[int] = []
"""How many models were cut up in this program."""


def in_use() -> bool:
    """Whether all processes have to make the same passes."""
    return bool(_sharded)


def shard(model: Any, *, device: torch.device) -> None:
    """Cut up the transformer of a causal language model, layer by layer, over all processes.

    Raises:
        ModelError: there is one process only, or torch is too old.
    """
    if launched() < 2:
        raise ModelError("sharded is set and there is one process; start several with torchrun, or set it to False")
    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise ModelError(
            f"torch {torch.__version__} can't shard as it is needed here; use 2.13, or set sharded to False"
        )
    join(cpu=device.type == "cpu")
    transformer = model.base_model
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    kept = {model.get_input_embeddings().weight, model.get_output_embeddings().weight}
    for part in (*_layers(transformer), transformer):
        fully_shard(part, mesh=mesh, reshard_after_forward=True, ignored_params=kept)
        part.set_gradient_divide_factor(1.0)  # losses are sums that were divided by counts over all processes
        part.set_force_sum_reduction_for_comms(True)  # gloo can do nothing else
    _sharded.append(1)


def skeleton(model: nn.Module) -> nn.Module:
    """The structure of a model without its numbers, to make sharded copies from: those can't be copied as they are."""
    numbers = [*model.parameters(), *model.buffers()]
    empty = {id(each): torch.empty_like(each, device="meta") for each in numbers}
    empty |= {id(each): nn.Parameter(empty[id(each)], each.requires_grad) for each in model.parameters()}
    return copy.deepcopy(model, empty)


@torch.no_grad()
def sharded_copy(structure: Any, source: Any, *, device: torch.device) -> Any:
    """A float32 copy of a sharded model, sharded in the same way; each process copies its own part."""
    made = copy.deepcopy(structure).float()
    shard(made, device=device)
    made.to_empty(device=device)
    made.tie_weights()
    for mine, other in zip(made.parameters(), source.parameters(), strict=True):
        mine.copy_(other)
    for mine, other in zip(made.buffers(), source.buffers(), strict=True):
        mine.copy_(other)
    return made


@contextmanager
def gathered(*models: Any) -> Iterator[None]:
    """Inside, these models are whole in every process; all processes go in, and out, together.

    Raises:
        ModelError: the other processes can't go in as well, because this one is in `on_step`, say.
    """
    if in_use() and team().apart:
        raise ModelError(
            "a sharded model computes in all processes at once, and `on_step` is asked in the first one only"
        )
    modules = (module for model in models for module in model.modules() if in_use())
    parts = {id(module): module for module in modules if isinstance(module, FSDPModule)}
    with ExitStack() as stack:
        for part in parts.values():
            part.set_reshard_after_forward(False, recurse=False)
            part.unshard()
            stack.callback(part.set_reshard_after_forward, True, recurse=False)
            stack.callback(part.reshard)
        yield


def whole(value: Any, *, on_all: bool = False) -> Any:
    """A nested state with every sharded tensor gathered, on the CPU; all processes call it with the same state.

    Only the first process keeps the tensors, unless ``on_all`` is set: the others' are empty, and cost no memory.
    """
    if isinstance(value, DTensor):
        gathered_tensor = value.full_tensor()
        kept = on_all or dist.get_rank() == 0
        return gathered_tensor.cpu() if kept else torch.empty(0, dtype=value.dtype)
    if isinstance(value, Mapping):
        return {key: whole(part, on_all=on_all) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(whole(part, on_all=on_all) for part in value)
    return value


def like(tensor: Tensor, target: Tensor) -> Tensor:
    """A whole tensor cut up as ``target`` is, without asking the other processes, which have the same one."""
    if not isinstance(target, DTensor) or isinstance(tensor, DTensor):
        return tensor
    on_device = tensor.to(target.device)
    return distribute_tensor(on_device, target.device_mesh, target.placements, src_data_rank=None)


def optimizer_state_like(state: Mapping[str, Any], parameters: Sequence[nn.Parameter]) -> dict[str, Any]:
    """An optimizer's whole state, as `whole` made it, cut up as its parameters are; they are numbered from 0."""
    return {
        **state,
        "state": {
            number: {
                name: like(value, parameters[number]) if getattr(value, "shape", ()) else value
                for name, value in of_parameter.items()
            }
            for number, of_parameter in state["state"].items()
        },
    }


def on_one(write: Callable[[], None]) -> None:
    """Write something that all processes have; where they are in step only the first one does, and the others wait."""
    if not in_use() or dist.get_rank() == 0:
        write()
    if in_use():
        dist.barrier()


def in_step(
    units: Sequence[Unit],
    *,
    here: Team,
    weight: Callable[[Unit], float],
    batches: Callable[[Sequence[Unit]], list[Sequence[Unit]]],
) -> list[tuple[Sequence[Unit], bool]]:
    """This process's micro-batches, as many as every other process has, and whether each one counts.

    Units of one kind (rollouts, demonstrations) go through the same passes, so kinds are not mixed.
    """
    plan: list[tuple[Sequence[Unit], bool]] = []
    for kind in dict.fromkeys(map(type, units)):
        of_kind = [unit for unit in units if type(unit) is kind]
        by_process = [batches(share) for share in shares(of_kind, weight=weight, parts=here.size)]
        mine = by_process[here.rank]
        idle = max(map(len, by_process)) - len(mine)
        plan += [*((batch, True) for batch in mine), *(([of_kind[0]], False) for _ in range(idle))]
    return plan


@torch.no_grad()
def clip_gradients(parameters: Sequence[nn.Parameter], *, most: float) -> Tensor:
    """Scale gradients down to a norm, over all processes' parts of them; the norm that they had."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    parts = [each.to_local() for each in gradients if isinstance(each, DTensor)]
    if not parts:
        return nn.utils.clip_grad_norm_(parameters, most)
    squares = torch.stack([part.float().square().sum() for part in parts]).sum()
    dist.all_reduce(squares)
    for each in gradients:
        if not isinstance(each, DTensor):
            squares = squares + each.float().square().sum()
    norm = squares.sqrt()
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    for each in gradients:
        (each.to_local() if isinstance(each, DTensor) else each).mul_(factor)
    return norm


def _layers(transformer: nn.Module) -> list[nn.Module]:
    """The blocks of a decoder: the longest list of modules that it has."""
    lists = [list(module) for module in transformer.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])
