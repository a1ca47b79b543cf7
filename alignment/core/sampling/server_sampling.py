"""Sample from a server that speaks the OpenAI completions API, as the local sampler does: the same ids in and out.

The server must serve the policy itself. A policy is an adapter on the base model: the base is served under its own
name, every other policy as a named LoRA adapter (``ServedAdapter`` brings one there). What the server thinks of a
token's probability is never asked for: log-probabilities come from ``Backbone.logprobs``.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch

from alignment.core.backbone import Backbone
from alignment.core.model.adapter_files import tensors_digest
from alignment.core.records import Message
from alignment.core.rollout import Sampled, encode_prompts
from alignment.core.running.processes import on_first
from alignment.core.sampling.completion_server import CompletionServer, ServerError
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.sampling.server_dialects import DIALECTS, Answer, Dialect, DialectName
from alignment.core.text import Template

logger = logging.getLogger(__name__)

SEEDS = 2**31
"""Seeds are drawn below this: every server takes them."""


@dataclass(frozen=True)
class ServerSampler:
    """A ``Sampler`` on a server.

    The same generator state asks for the same seeds. Whether a server then writes the same completions is its own
    affair: vLLM seeds each completion; ``transformers serve`` has one random state, so set ``concurrency`` to 1.

    Attributes:
        model: name under which the server serves the policy: the base model's, or a LoRA adapter's.
        template: of the policy's backbone; the server must have the same tokenizer.
        dialect: "vllm" takes and gives token ids; "transformers" (``transformers serve``) takes and gives text.
        concurrency: requests under way at once; a request is one prompt with all of its completions.
        ids_from_text: take a completion's ids from its text, which may be other tokens than were drawn. Right where
            only the text matters, that is, for completions that people will read; never for a policy gradient. Without
            it a text whose tokens can't be known is an error.
    """

    server: CompletionServer
    model: str
    template: Template
    dialect: DialectName = "vllm"
    concurrency: int = 16
    ids_from_text: bool = False

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect is {self.dialect!r}; give one of {', '.join(DIALECTS)}")
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}; give 1 or more")

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """See ``Sampler``; ``Sampled.logprob`` is None.

        Raises:
            ServerError: the server is away, refuses, or writes what the policy could not have written.
            ValueError: max_new_tokens leaves no room for a prompt.
        """
        encoded = encode_prompts(self.template, prompts, max_new_tokens=settings.max_new_tokens)
        seeds = torch.randint(SEEDS, (len(prompts),), generator=generator, device=generator.device).tolist()
        return on_first(lambda: self._ask(encoded, settings, seeds))  # the server is asked once for all processes

    def _ask(
        self, prompts: Sequence[list[int]], settings: SamplingSettings, seeds: Sequence[int]
    ) -> list[list[Sampled]]:
        dialect = DIALECTS[self.dialect](self.template, ids_from_text=self.ids_from_text)
        pool = ThreadPoolExecutor(max_workers=self.concurrency)
        try:
            tasks = [
                pool.submit(self._write, dialect, prompt, settings, seed)
                for prompt, seed in zip(prompts, seeds, strict=True)
            ]
            return [task.result() for task in tasks]
        finally:
            pool.shutdown(cancel_futures=True)  # after an error nobody waits for what has not been asked yet

    def _write(self, dialect: Dialect, prompt: list[int], settings: SamplingSettings, seed: int) -> list[Sampled]:
        """All completions of a prompt; a server that gives fewer than were asked for is asked again for the rest."""
        wanted = settings.num_completions
        if settings.temperature == 0:
            wanted = 1  # all are the same, and vLLM refuses to write it more than once
        written: list[Sampled] = []
        while len(written) < wanted:
            # As vLLM seeds the completions of a request: seed, seed + 1, ... whoever counts them.
            body = dialect.request(prompt, settings, count=wanted - len(written), seed=(seed + len(written)) % SEEDS)
            answer = self.server.complete({"model": self.model, **body})
            choices = sorted(answer["choices"], key=lambda choice: choice.get("index", 0))
            if not choices or len(choices) > wanted - len(written):
                raise self._refused(f"{len(choices)} completions instead of {wanted - len(written)}")
            for choice in choices:
                written.append(self._read(dialect, prompt, choice, answer.get("usage") or {}, settings))
        return [written[number % wanted] for number in range(settings.num_completions)]

    def _read(
        self,
        dialect: Dialect,
        prompt: list[int],
        choice: dict[str, Any],
        usage: dict[str, Any],
        settings: SamplingSettings,
    ) -> Sampled:
        answer = Answer(prompt=prompt, choice=choice, usage=usage, max_new_tokens=settings.max_new_tokens)
        try:
            ids, ended = dialect.completion(answer)
        except ServerError as error:
            raise self._refused(str(error)) from error
        return Sampled(
            text=self.template.decode(ids), ids=tuple(ids), ended=ended, logprob=None, prompt_ids=tuple(prompt)
        )

    def _refused(self, why: str) -> ServerError:
        return ServerError(f"model {self.model!r} at {self.server.address} gave {why}")


@dataclass
class ServedAdapter:
    """A ``Sampler`` of an adapter: its weights are brought to a vLLM server, again whenever they have changed.

    Each version is loaded under a name of its own, because a server keeps what it has computed of a prompt by the
    adapter's name and would go on from an older version's (vLLM issue 42125). The one before is then unloaded;
    ``close``, or leaving a ``with`` block, unloads the last one.

    The server must serve the same base model, with ``--enable-lora``, ``--max-lora-rank`` of at least the adapter's
    rank and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment.

    Attributes:
        adapter: None is the base, which is served as ``base_model``.
        folder: where versions are written; the server must see it under the same path.
    """

    server: CompletionServer
    backbone: Backbone
    adapter: str | None
    base_model: str
    folder: Path
    concurrency: int = 16
    _digest: str = field(default="", init=False)
    _loaded: str = field(default="", init=False)

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """See ``ServerSampler``."""
        adapter = self.adapter
        model = self.base_model if adapter is None else on_first(lambda: self._bring(adapter))
        sampler = ServerSampler(self.server, model, self.backbone.template, concurrency=self.concurrency)
        return sampler.sample(prompts, settings=settings, generator=generator)

    def close(self) -> None:
        """Let the server forget the adapter; a server that is away by now is only warned about."""
        if not self._loaded:
            return
        try:
            self.server.unload_adapter(self._loaded)
        except ServerError as error:
            logger.warning("%s keeps the adapter %s: %s", self.server.address, self._loaded, error)
        shutil.rmtree(self.folder / self._loaded, ignore_errors=True)
        self._loaded = self._digest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bring(self, adapter: str) -> str:
        digest = tensors_digest(self.backbone.named_parameters(adapter))
        if digest != self._digest:
            name = f"{adapter.replace('/', '-')}-{digest[:12]}-{secrets.token_hex(4)}"
            self.backbone.save_adapter(adapter, self.folder / name)
            load_adapter(self.server, name=name, folder=self.folder / name)
            self.close()
            self._loaded, self._digest = name, digest
        return self._loaded


def load_adapter(server: CompletionServer, *, name: str, folder: Path) -> None:
    """Let a vLLM server load a LoRA adapter under a name that is new to it.

    Raises:
        ServerError: the folder holds a full copy of the weights, or the server can't load it; says what to do.
    """
    if not (folder / "adapter_config.json").exists():
        raise ServerError(f"{folder} is a full copy of the weights, which is no LoRA adapter: serve it as a model")
    try:
        server.load_adapter(name, folder)
    except ServerError as error:
        if name in server.models():  # it had been loaded when the connection was lost
            return
        raise ServerError(
            f"{server.address} did not load the adapter {folder} ({error}). Start vLLM where it sees this folder, with "
            "--enable-lora, --max-lora-rank of at least the adapter's rank and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
        ) from error
