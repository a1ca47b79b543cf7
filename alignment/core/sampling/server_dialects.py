"""What completion servers take and give: vLLM token ids, `transformers serve` text. Both say less than they draw from.

Every setting is sent, also where it is the API's default: a server would take the model's generation_config instead,
which often says top_k=20 or a repetition penalty, and then log-probabilities would be those of another policy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from alignment.core.sampling.completion_server import ServerError
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import Template, TemplateError

DialectName = Literal["vllm", "transformers"]
VLLM_LOWEST_TEMPERATURE = 0.01
"""Anything between this and 0 is raised to it, with a warning in the server's log only."""


@dataclass(frozen=True)
class Answer:
    """One completion as the server gave it, with the ids of its prompt and what was asked for."""

    prompt: Sequence[int]
    choice: dict[str, Any]
    usage: dict[str, Any]
    max_new_tokens: int

    @property
    def cut(self) -> bool:
        """Whether it was cut at its length instead of ending.

        Raises:
            ServerError: it stopped for another reason.
        """
        reason = self.choice.get("finish_reason")
        if reason not in ("stop", "length"):
            raise ServerError(f"a completion with finish_reason {reason!r}: see the server's log")
        return bool(reason == "length")

    def check_prompt(self, ids: Sequence[int] | None, count: int | None) -> None:
        """Check that the server read the prompt's ids, or as many of them, as far as it says.

        Raises:
            ServerError: it read others.
        """
        if (ids is not None and list(ids) != list(self.prompt)) or (count is not None and count != len(self.prompt)):
            read = count if ids is None else len(ids)
            raise ServerError(
                f"a completion of a prompt of {read} tokens, and {len(self.prompt)} were sent: serve the same model "
                "folder, tokenizer included"
            )


class Dialect(Protocol):
    """How one kind of server is asked and read."""

    def request(self, prompt: Sequence[int], settings: SamplingSettings, *, count: int, seed: int) -> dict[str, Any]:
        """The request for ``count`` completions of a prompt, without the model's name."""

    def completion(self, answer: Answer) -> tuple[list[int], bool]:
        """Ids of a completion, EOS included when it ended by itself, and whether it did.

        Raises:
            ServerError: this policy could not have written it, or its tokens can't be known.
        """


@dataclass(frozen=True)
class VllmDialect:
    """vLLM 0.10.2 or later: ids both ways, several completions a request, EOS is the template's and no other token."""

    template: Template
    ids_from_text: bool = False

    def request(self, prompt: Sequence[int], settings: SamplingSettings, *, count: int, seed: int) -> dict[str, Any]:
        """See ``Dialect``.

        Raises:
            ServerError: vLLM would draw at another temperature.
        """
        if 0 < settings.temperature < VLLM_LOWEST_TEMPERATURE:
            raise ServerError(
                f"vLLM draws at {VLLM_LOWEST_TEMPERATURE} instead of temperature {settings.temperature}; give that or 0"
            )
        return {
            "prompt": list(prompt),
            "n": count,
            "seed": seed,
            "max_tokens": settings.max_new_tokens,
            "temperature": settings.temperature,
            "top_k": settings.top_k,
            "top_p": settings.top_p,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            # The end is the template's, as in training; the server's own list may hold more.
            "ignore_eos": True,
            "stop_token_ids": [self.template.eos_id],
            "return_token_ids": True,
        }

    def completion(self, answer: Answer) -> tuple[list[int], bool]:
        """See ``Dialect``."""
        ids = answer.choice.get("token_ids")
        if not isinstance(ids, list) or not ids:
            raise ServerError(
                "no token ids: use vLLM 0.10.2 or later, or the dialect 'transformers' for servers of text"
            )
        answer.check_prompt(answer.choice.get("prompt_token_ids"), answer.usage.get("prompt_tokens"))
        eos, cut = self.template.eos_id, answer.cut
        if eos in ids[:-1]:
            raise ServerError(f"a completion that goes on behind EOS ({eos}): serve the same model folder")
        ended = ids[-1] == eos
        if not cut and not ended:
            raise ServerError(f"a completion that stops at token {ids[-1]}, EOS is {eos}: serve the same model folder")
        if not ended and len(ids) != answer.max_new_tokens:
            raise ServerError(
                f"a completion cut at {len(ids)} tokens instead of {answer.max_new_tokens}: its context is shorter "
                "than the model's, raise --max-model-len"
            )
        return ids, ended


@dataclass(frozen=True)
class TransformersDialect:
    """`transformers serve`: text both ways, one completion a request.

    The prompt's text must be tokenized to the prompt's ids. A completion's ids are known when its text encodes to as
    many tokens as the server drew, the hidden EOS included.
    """

    template: Template
    ids_from_text: bool = False

    def request(self, prompt: Sequence[int], settings: SamplingSettings, *, count: int, seed: int) -> dict[str, Any]:
        """See ``Dialect``; ``count`` is not sent, the server would ignore it.

        Raises:
            ServerError: no text is tokenized to this prompt.
        """
        greedy = settings.temperature == 0
        drawn = {"temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p}
        generation = {
            "do_sample": not greedy,  # without it the server takes the likeliest token, whatever the temperature
            "max_new_tokens": settings.max_new_tokens,
            "eos_token_id": self.template.eos_id,
            "pad_token_id": self.template.eos_id,
            **({} if greedy else drawn),
        }
        return {
            "prompt": self._text(prompt),
            "seed": seed,
            "max_tokens": settings.max_new_tokens,
            "generation_config": json.dumps(generation),
        }

    def completion(self, answer: Answer) -> tuple[list[int], bool]:
        """See ``Dialect``."""
        text, drawn = answer.choice.get("text"), answer.usage.get("completion_tokens")
        if not isinstance(text, str):
            raise ServerError("a completion without text: give the address of a completions API")
        answer.check_prompt(None, answer.usage.get("prompt_tokens"))
        try:
            ids = self.template.encode_completion(text)[:-1]
        except TemplateError as error:
            raise ServerError(f"a text that can't be tokenized again: {error}") from error
        ended = not answer.cut
        if not self.ids_from_text:
            # One token more than the text has is EOS, which is hidden; a completion may end with its last token.
            ended = drawn == len(ids) + 1 and (not answer.cut or self._only_eos_is_hidden())
            if drawn != len(ids) + ended or not (ended or answer.cut) or self.template.decode(ids) != text:
                raise ServerError(
                    f"a text of {len(ids)} tokens for {drawn} that were drawn, so these can't be known: sample from "
                    "vLLM, which gives their ids, or set ids_from_text where only the text matters"
                )
        return ([*ids, self.template.eos_id] if ended else ids), ended

    def _text(self, prompt: Sequence[int]) -> str:
        tokenizer, ids = self.template.tokenizer, list(prompt)
        plain = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        texts: list[str] = [tokenizer.decode(ids[skipped:], **plain) for skipped in (0, 1)]  # servers may add BOS
        for text in texts:
            if tokenizer(text)["input_ids"] == ids:
                return text
        raise ServerError(
            f"a server of text can't be sent this prompt: {texts[0][:80]!r} would be tokenized to other ids than the "
            f"{len(ids)} that the model learns from; sample from vLLM, which takes ids, or locally"
        )

    def _only_eos_is_hidden(self) -> bool:
        return set(self.template.tokenizer.all_special_ids) <= {self.template.eos_id}


DIALECTS: dict[str, type[VllmDialect] | type[TransformersDialect]] = {
    "vllm": VllmDialect,
    "transformers": TransformersDialect,
}
