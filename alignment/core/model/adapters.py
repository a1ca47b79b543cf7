"""Trainable parts over one frozen base, by role: low-rank adapters of peft, or full copies.

Everything that knows how peft works is in this file.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from alignment.core.model.loading import ModelError
from alignment.core.running.sharding import like, shard, sharded_copy, skeleton

ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters (Hu et al., 2021): W + (alpha / rank) B A, with B = 0 at the start."""

    rank: int = 16
    """Rank of the update, 1 or more."""
    alpha: float = 32.0
    """Scale of the update times the rank, above 0; peft's examples take twice the rank."""
    targets: tuple[str, ...] = (ALL_LINEAR,)
    """Ends of the names of the layers that get one; all linear layers but the token head by default."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ModelError(f"LoRA rank is {self.rank}; give 1 or more")
        if not self.alpha > 0:
            raise ModelError(f"LoRA alpha is {self.alpha}; give a number above 0")


class Adapters(Protocol):
    """What the backbone needs of its trainable parts."""

    def names(self) -> tuple[str, ...]: ...

    def add(self, name: str, *, copy_from: str | None, seed: int, lora: LoraConfig | None) -> None: ...

    def use(self, name: str | None) -> None: ...

    def model(self) -> Any: ...

    def model_of(self, name: str | None) -> Any: ...

    def tensors(self, name: str) -> dict[str, nn.Parameter]: ...


class LoraAdapters:
    """peft's LoRA layers on one model; each adapter keeps its requires_grad whichever is active.

    peft turns requires_grad off for an adapter that is switched away, and a backward pass after the switch then drops
    its gradients without a word. Here a switch leaves requires_grad as it was.
    """

    def __init__(self, model: Any, lora: LoraConfig) -> None:
        from transformers.pytorch_utils import Conv1D

        self._model = model
        self._lora = lora
        self._keys: dict[str, str] = {}  # adapter name -> name inside peft, where "." and more are forbidden
        self._configs: dict[str, LoraConfig] = {}
        self._layers: list[Any] = []
        self._trainable: list[nn.Parameter] = []
        self._active: str | None = None
        model.requires_grad_(False)
        head = model.get_output_embeddings()
        linear = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, (nn.Linear, Conv1D)) and module is not head
        }
        self._transposed = any(isinstance(module, Conv1D) for module in linear.values())
        self._linear = tuple(linear)

    def names(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def lora(self, name: str) -> LoraConfig:
        """The settings that an adapter was added with."""
        return self._configs[name]

    def add(self, name: str, *, copy_from: str | None, seed: int, lora: LoraConfig | None) -> None:
        from peft import inject_adapter_in_model

        if copy_from is not None:
            lora = self._configs[copy_from]
        lora = lora or self._lora
        key = f"r{len(self._keys)}"
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # The new weights depend on their own seed alone, and nobody else's random numbers move.
            torch.manual_seed(seed)
            # More than one adapter in a model is what is wanted here.
            warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
            inject_adapter_in_model(self.peft_config(lora), self._model, adapter_name=key)
        self._keys[name], self._configs[name] = key, lora
        self._layers = [layer for layer in self._model.modules() if _is_lora(layer)]
        for layer in self._layers:
            for part in (layer.lora_A, layer.lora_B):
                part[key].to(torch.float32)
        self._trainable = [tensor for added in self._keys for tensor in self.tensors(added).values()]
        if copy_from is not None:
            source = self.tensors(copy_from)
            with torch.no_grad():
                for path, tensor in self.tensors(name).items():
                    tensor.copy_(source[path])
        active, self._active = self._active, name  # peft has activated the new one
        self.use(active)

    def peft_config(self, lora: LoraConfig) -> Any:
        """The settings in peft's words."""
        import peft

        settings: Any = peft.LoraConfig
        targets = [path for path in self._linear if _is_target(path, lora.targets)]
        if not targets:
            raise ModelError(f"no linear layer's name ends with one of {', '.join(lora.targets)}")
        return settings(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=0.0,
            target_modules=targets,
            fan_in_fan_out=self._transposed,
            bias="none",
        )

    def use(self, name: str | None) -> None:
        if name == self._active:
            return
        for layer in self._layers:
            layer.enable_adapters(name is not None)
            if name is not None:
                layer.set_adapter(self._keys[name])
        self._active = name
        for tensor in self._trainable:
            tensor.requires_grad_(True)

    def model(self) -> Any:
        return self._model

    def model_of(self, name: str | None) -> Any:
        return self._model

    def tensors(self, name: str) -> dict[str, nn.Parameter]:
        key = self._keys[name]
        return {
            f"{path}.{part}.weight": getattr(layer, part)[key].weight
            for path, layer in self._model.named_modules()
            if _is_lora(layer) and key in layer.lora_A
            for part in ("lora_A", "lora_B")
        }


class FullCopies:
    """Full fine-tuning: each role is a float32 copy of all weights; the base stays as the reference.

    ``sharded_on`` is the device of a base that is about to be sharded: its copies are then sharded as well.
    """

    def __init__(self, model: Any, *, sharded_on: torch.device | None = None) -> None:
        self._base = model.requires_grad_(False)
        self._sharded_on = sharded_on
        self._structure = None if sharded_on is None else skeleton(model)
        self._copies: dict[str, Any] = {}
        self._active: str | None = None

    def names(self) -> tuple[str, ...]:
        return tuple(self._copies)

    def add(self, name: str, *, copy_from: str | None, seed: int, lora: LoraConfig | None) -> None:
        source = self._base if copy_from is None else self._copies[copy_from]
        if self._sharded_on is None:
            made = copy.deepcopy(source).float()
        else:
            made = sharded_copy(self._structure, source, device=self._sharded_on)
        self._copies[name] = made.requires_grad_(True)

    def use(self, name: str | None) -> None:
        self._active = name

    def model(self) -> Any:
        return self.model_of(self._active)

    def model_of(self, name: str | None) -> Any:
        return self._base if name is None else self._copies[name]

    def tensors(self, name: str) -> dict[str, nn.Parameter]:
        return dict(self._copies[name].named_parameters())


def adapters_of(model: Any, *, lora: LoraConfig | None, sharded_on: torch.device | None = None) -> Adapters:
    """Adapters of a model: low-rank ones, or full copies with None; a model is sharded that has a device for it."""
    copies = FullCopies(model, sharded_on=sharded_on) if lora is None else None
    if sharded_on is not None:
        shard(model, device=sharded_on)
    return copies or LoraAdapters(model, lora or LoraConfig())


def copy_tensors(*, source: dict[str, Tensor], target: dict[str, nn.Parameter], what: str) -> None:
    """Write tensors into parameters of the same names and shapes.

    Raises:
        ModelError: a name or a shape differs; nothing is written then.
    """
    for name in sorted(source.keys() ^ target.keys()):
        where = "misses" if name in target else "has an unknown"
        raise ModelError(f"{what} {where} tensor {name}; it was made for other layers")
    for name, tensor in target.items():
        if tensor.shape != source[name].shape:
            found, wanted = tuple(source[name].shape), tuple(tensor.shape)
            raise ModelError(f"{what}: tensor {name} is {found}, the model's is {wanted}")
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(like(source[name], tensor))


def _is_lora(module: nn.Module) -> bool:
    from peft.tuners.lora import LoraLayer

    return isinstance(module, LoraLayer)


def _is_target(path: str, targets: tuple[str, ...]) -> bool:
    return any(target == ALL_LINEAR or path == target or path.endswith(f".{target}") for target in targets)
