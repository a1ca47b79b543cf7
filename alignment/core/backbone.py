"""One causal language model and a named adapter for each role: policy, reward, value, preference, past/<version>.

The base with no adapter is the reference policy. Run forward and backward inside one ``with backbone.adapter(name)``;
a backward pass outside still gives the right gradients, also with gradient checkpointing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from alignment.core.batches import Batch
from alignment.core.model import spans
from alignment.core.model.adapter_files import read_adapter, write_adapter
from alignment.core.model.adapters import LoraAdapters, LoraConfig, adapters_of, copy_tensors
from alignment.core.model.attention import attention_of
from alignment.core.model.chunked import MAX_LOGITS, token_logprobs
from alignment.core.model.loading import (
    DTYPES,
    Dtype,
    LoadedModel,
    ModelError,
    choose_device,
    first_id,
    load_model,
    token_logits,
)
from alignment.core.running.memory import Allowances
from alignment.core.running.sharding import gathered, on_one, whole
from alignment.core.text import Template, TemplateError

__all__ = ["Backbone", "LoraConfig", "ModelError"]


class Backbone:
    """A frozen causal language model with trainable adapters in float32; dropout is off everywhere.

    With ``lora=None`` an adapter is a full copy of the weights (full fine-tuning): as many models in memory as roles.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        dtype: Dtype = "float32",
        device: torch.device | str | None = None,
        lora: LoraConfig | None = None,
        gradient_checkpointing: bool = False,
        max_logits: int = MAX_LOGITS,
        sharded: bool = False,
    ) -> None:
        self.device = choose_device(device)
        self.tokenizer = loaded.tokenizer
        self.folder = loaded.folder
        self.digest = loaded.digest
        self.gradient_checkpointing = gradient_checkpointing
        self.allowances = Allowances()
        self._max_logits = max_logits
        self._dtype = DTYPES[dtype]
        self._active: str | None = None
        model = loaded.model.to(self.device)
        self.config = model.config
        self.hidden_size = int(model.config.get_text_config().hidden_size)
        self.vocabulary_size = int(model.get_output_embeddings().weight.shape[0])
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self.context_length: int | None = None if limit is None else int(limit)
        eos_id = first_id(model.config.eos_token_id)
        try:
            self.template = Template.for_tokenizer(self.tokenizer, context_length=self.context_length, eos_id=eos_id)
        except TemplateError as error:
            raise ModelError(str(error)) from error
        self.eos_id = self.template.eos_id
        # Padding is known by masks alone; an id other than EOS makes a mistake with it show.
        pad = self.tokenizer.pad_token_id
        self.pad_id = int(pad) if pad is not None and pad != self.eos_id else int(self.eos_id == 0)
        if gradient_checkpointing:
            # The recomputation runs under the adapter of its forward pass, whichever is active by then.
            settings = {"use_reentrant": False, "context_fn": self._recompute_contexts}
            model.activation_checkpointing_enable(settings)
        # On a GPU many small kernels cost more than one that masks.
        self.attends_by_spans = self.device.type == "cpu" and spans.use_spans(model)
        self._lora = lora
        self._adapters = adapters_of(model, lora=lora, sharded_on=self.device if sharded else None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Backbone:
        """Itself: its models hold on to it, and a copy of one of them is one more model of the same backbone."""
        return self

    @classmethod
    def load(
        cls,
        path_or_id: str | Path,
        *,
        dtype: Dtype = "float32",
        device: torch.device | str | None = None,
        lora: LoraConfig | None = LoraConfig(),  # noqa: B008 (frozen)
        attention: str | None = None,
        gradient_checkpointing: bool = False,
        max_logits: int = MAX_LOGITS,
        sharded: bool = False,
    ) -> Backbone:
        """Open a model folder or hub id; safetensors only, no remote code.

        Args:
            dtype: of the frozen base; what is trained is float32 in any case.
            device: CUDA when there is one, else the CPU, when None; of several processes each takes a GPU of its own.
            lora: the adapters' settings; None means full fine-tuning.
            max_logits: logits held at once by ``logprobs``.
            sharded: cut the weights up over all processes that a launcher has started; see ``sharding``.

        Raises:
            ModelError: the model can't be used; says why and what to do.
        """
        return cls(
            load_model(path_or_id, dtype=dtype, attention=attention),
            dtype=dtype,
            device=device,
            lora=lora,
            gradient_checkpointing=gradient_checkpointing,
            max_logits=max_logits,
            sharded=sharded,
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters, in the order in which they were added."""
        return self._adapters.names()

    @property
    def active(self) -> str | None:
        """The adapter in use; None is the base, the reference policy."""
        return self._active

    def add_adapter(self, name: str, *, copy_from: str | None = None, seed: int = 0) -> None:
        """Add an adapter that starts as the base, bit for bit, or as a copy of another adapter.

        Raises:
            ModelError: the name is taken or empty, or ``copy_from`` is unknown.
        """
        if not name or name in self.adapters:
            raise ModelError(f"there is an adapter {name!r} already" if name else "an adapter needs a name")
        if copy_from is not None:
            self._require(copy_from)
        self._adapters.add(name, copy_from=copy_from, seed=seed, lora=None)

    @contextmanager
    def adapter(self, name: str | None) -> Iterator[Backbone]:
        """Use an adapter inside the block, the base with None, and the one before again behind it.

        Raises:
            ModelError: there is no such adapter.
        """
        if name is not None:
            self._require(name)
        before = self._active
        self._switch(name)
        try:
            yield self
        finally:
            self._switch(before)

    @contextmanager
    def inference(self, name: str | None) -> Iterator[Backbone]:
        """An adapter for use without gradients: eval mode, no graph."""
        with self.adapter(name), torch.no_grad():
            model = self._adapters.model()
            training = model.training
            _set_training(model, False)
            try:
                yield self
            finally:
                _set_training(model, training)

    def gathered(self, *names: str | None) -> AbstractContextManager[None]:
        """These adapters, or the base with None, whole in every process where the model is sharded; all go in together.

        Around passes that the processes don't make in step.
        """
        return gathered(*map(self._adapters.model_of, names))

    def parameters(self, name: str) -> list[nn.Parameter]:
        """What an optimizer of this adapter trains, float32."""
        return list(self.named_parameters(name).values())

    def named_parameters(self, name: str) -> dict[str, nn.Parameter]:
        """The adapter's parameters by name, for a checkpoint."""
        self._require(name)
        return self._adapters.tensors(name)

    def load_parameters(self, name: str, tensors: dict[str, Tensor]) -> None:
        """Put back what ``named_parameters`` gave.

        Raises:
            ModelError: a name or a shape differs.
        """
        copy_tensors(source=tensors, target=self.named_parameters(name), what=f"the state of adapter {name!r}")

    def states(self, batch: Batch) -> Tensor:
        """Last hidden state of every token of the batch, in the model's dtype, (B*T, d)."""
        model = self._adapters.model()
        _set_training(model, self.gradient_checkpointing and torch.is_grad_enabled())
        with self.autocast():
            states: Tensor = model.base_model(
                input_ids=batch.ids,
                attention_mask=attention_of(
                    batch, config=model.config, dtype=self._dtype, by_spans=self.attends_by_spans
                ),
                position_ids=batch.positions,
                use_cache=False,
            ).last_hidden_state
        return states.flatten(0, 1)  # (B*T, d)

    def hidden(self, batch: Batch) -> Tensor:
        """The state that predicts each completion token, float32, (N, L, d); meaningless where mask is False."""
        return self.states(batch)[batch.index].float()

    def last_hidden(self, batch: Batch) -> Tensor:
        """The state at the last real token of each completion, float32, (N, d): where a reward is read."""
        return self.states(batch)[batch.last].float()

    def logits(self, states: Tensor) -> Tensor:
        """Logits of the next token, float32, (..., V), of hidden states (..., d)."""
        with self.autocast():
            return token_logits(self._adapters.model(), states)

    def logprobs(self, batch: Batch, *, temperature: float = 1.0) -> Tensor:
        """log pi(token | what stands before) of each completion token, nats, float32, (N, L), 0 where mask is False.

        The logits are divided by the temperature first, as the sampler does; never more than one chunk of logits.
        """
        states = self.states(batch)[batch.index[batch.mask]]  # (M, d)
        values = token_logprobs(
            states,
            batch.labels[batch.mask],
            logits=self.logits,
            vocabulary_size=self.vocabulary_size,
            temperature=temperature,
            max_logits=self._max_logits,
            frozen=not self._adapters.model().get_output_embeddings().weight.requires_grad,
        )
        empty = torch.zeros(batch.mask.shape, device=values.device)
        return empty.masked_scatter(batch.mask, values)  # (N, L)

    def decoder(self) -> Any:
        """The active transformer without its token head, for the sampler's cached steps."""
        return self._adapters.model().base_model

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 arithmetic over float32 weights, where a full copy of a bfloat16 base is trained."""
        if self._lora is None and self._dtype != torch.float32:
            return torch.autocast(self.device.type, dtype=self._dtype)
        return nullcontext()

    def save_adapter(self, name: str, folder: Path) -> None:
        """Write an adapter as a folder in peft's format (a LoRA one loads with peft on the same base), atomically."""
        self._require(name)
        lora = self._adapters.lora(name) if isinstance(self._adapters, LoraAdapters) else None
        config = self._adapters.peft_config(lora) if lora and isinstance(self._adapters, LoraAdapters) else None
        tensors = whole(self._adapters.tensors(name))
        on_one(lambda: write_adapter(Path(folder), tensors=tensors, base=self.digest, lora=lora, config=config))

    def load_adapter(self, name: str, folder: Path) -> None:
        """Add an adapter from a folder that ``save_adapter`` wrote, with bit-equal weights.

        Raises:
            ModelError: no adapter there, damaged, of another base, of the other kind, or the name is taken.
        """
        folder = Path(folder)
        if not name or name in self.adapters:
            raise ModelError(f"there is an adapter {name!r} already" if name else "an adapter needs a name")
        lora, tensors = read_adapter(folder, base=self.digest)
        if (lora is None) != (self._lora is None):
            kind = "a full copy" if lora is None else "a LoRA adapter"
            raise ModelError(f"{folder} is {kind}; load the backbone with lora={lora}")
        self._adapters.add(name, copy_from=None, seed=0, lora=lora)
        self.load_parameters(name, tensors)

    def _switch(self, name: str | None) -> None:
        self._adapters.use(name)
        self._active = name

    def _require(self, name: str) -> None:
        if name not in self.adapters:
            raise ModelError(f"there is no adapter {name!r}; there are: {', '.join(self.adapters) or 'none'}")

    def _recompute_contexts(self) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), self.adapter(self._active)


def _set_training(model: Any, training: bool) -> None:
    if model.training != training:  # telling every module takes as long as a token
        model.train(training)
