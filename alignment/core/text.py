"""Conversations to token ids: templates, exactly one EOS, and cutting that is reported.

A prompt and its completion are tokenized apart and joined by ids, so the prompt's ids are always a prefix.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from alignment.core.batches import MAX_ROW_TOKENS, Batch, Encoded, Layout, Side, collate
from alignment.core.records import Message

__all__ = [
    "MAX_ROW_TOKENS",
    "Batch",
    "Encoded",
    "Layout",
    "Side",
    "Template",
    "TemplateError",
    "collate",
]

logger = logging.getLogger(__name__)

OPENING = {"system": "<system>", "user": "<prompt>", "assistant": "<answer>"}
CLOSING = {"system": "</system>", "user": "</prompt>", "assistant": "</answer>"}
TAGS = (*OPENING.values(), *CLOSING.values())
_TAG_START = re.compile(r"<(?=/?(?:system|prompt|answer)>)")
_ESCAPED = re.compile(r"&(?=(?:amp|lt);)")


class TemplateError(ValueError):
    """The tokenizer or its chat template can't carry these messages; says which and what to do."""


@dataclass(frozen=True)
class _Segment:
    """Ids of a piece of the rendered prompt; content may be cut, the template around it may not."""

    ids: list[int]
    content: bool


@dataclass(frozen=True)
class Template:
    """How messages become ids for one tokenizer.

    Attributes:
        tokenizer: of transformers.
        eos_id: the id that ends a completion: what the chat template writes behind an assistant's turn, else the
            tokenizer's EOS.
        context_length: tokens that the model can see, None when unlimited.
    """

    tokenizer: Any
    eos_id: int
    context_length: int | None = None
    _bos: tuple[int, ...] = ()
    _control: dict[str, int] = field(default_factory=dict)
    _cuts: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @classmethod
    def for_tokenizer(cls, tokenizer: Any, *, context_length: int | None = None, eos_id: int | None = None) -> Template:
        """The template of this tokenizer; ``eos_id`` stands in where the tokenizer names no EOS.

        Raises:
            TemplateError: neither the tokenizer nor ``eos_id`` names an EOS.
        """
        literal = tokenizer.chat_template or ""
        control = {
            token.content: number
            for number, token in tokenizer.added_tokens_decoder.items()
            if token.special or (token.content in str(literal) and not token.content.isspace())
        }
        vocabulary = tokenizer.get_vocab()
        control.update({tag: vocabulary[tag] for tag in TAGS if tag in vocabulary})
        eos_id = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else eos_id
        if eos_id is None:
            raise TemplateError(
                f"tokenizer {tokenizer.name_or_path!r} has no EOS, so a completion can't end; "
                "set eos_token in its tokenizer_config.json"
            )
        start = tokenizer("", add_special_tokens=True)["input_ids"][:1]
        bos = tuple(start) if start == [tokenizer.bos_token_id] and start != [eos_id] else ()
        template = cls(tokenizer, int(eos_id), context_length, bos, control)
        if tokenizer.chat_template:
            end_of_turn = template._end_of_turn()
            template = cls(tokenizer, end_of_turn or int(eos_id), context_length, bos, control)
        return template

    def encode_prompt(self, messages: Sequence[Message], *, max_tokens: int | None = None) -> list[int]:
        """Ids of a prompt, up to and including the mark that opens the completion.

        Longer than ``max_tokens`` (default: the context less one token) it is cut on the left. The log tells of the
        first that is cut, of the tenth, the hundredth and so on.

        Raises:
            TemplateError: no messages, or the chat template refuses their roles.
        """
        return self._fit(messages, max_tokens=max_tokens)[0]

    def encode_completion(self, text: str) -> list[int]:
        """Ids of a completion and exactly one EOS behind it; an empty text is the EOS alone."""
        return [*self._encode_text(text), self.eos_id]

    def encode(self, messages: Sequence[Message], completions: Sequence[str]) -> list[Encoded]:
        """A prompt with each of its completions, to fit the context.

        The prompt is cut to leave room for the longest completion, so all completions share the same prompt; a
        completion that would leave less than a quarter of the context to the prompt is cut at its end.
        """
        tokens = [self.encode_completion(text) for text in completions]
        if self.context_length is None:
            prompt, turns, cut = self._fit(messages, max_tokens=None)
            return [Encoded(tuple(prompt), tuple(ids), turns, cut) for ids in tokens]
        longest = max((len(ids) for ids in tokens), default=1)
        room = max(self.context_length - longest, self.context_length // 4, 1)
        prompt, turns, cut = self._fit(messages, max_tokens=room)
        limit = self.context_length - len(prompt)
        lost = [max(0, len(ids) - limit) for ids in tokens]
        if any(lost):
            self._tell("%d completions were cut at their end: %d tokens fit", sum(map(bool, lost)), limit)
        return [
            Encoded(tuple(prompt), tuple(ids[:limit]), turns, cut + missing)
            for ids, missing in zip(tokens, lost, strict=True)
        ]

    def _tell(self, message: str, *values: object) -> None:
        """Warn at the first time, the tenth, the hundredth: each example says for itself what it lost."""
        self._cuts[message] += 1
        number = self._cuts[message]
        if str(number).strip("0") == "1":
            logger.warning(f"{message} (%s)", *values, "the first" if number == 1 else f"number {number}")

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a completion's ids, up to its EOS."""
        kept = list(ids)
        if self.eos_id in kept:
            kept = kept[: kept.index(self.eos_id)]
        text: str = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _fit(self, messages: Sequence[Message], *, max_tokens: int | None) -> tuple[list[int], int, int]:
        """Ids, turns dropped on the left, tokens cut from the turn that stayed."""
        if not messages:
            raise TemplateError("the prompt has no messages; give at least one user turn")
        if max_tokens is None:
            max_tokens = self.context_length - 1 if self.context_length else None
        ids = self._render(messages)
        if max_tokens is None or len(ids) <= max_tokens:
            return ids, 0, 0
        kept = list(messages)
        while len(ids) > max_tokens and (shorter := _without_oldest_turn(kept)):
            kept = shorter
            ids = self._render(kept)
        turns, before = len(messages) - len(kept), len(ids)
        if before > max_tokens:
            ids = _cut(self._segments(kept), max_tokens)
        self._tell(
            "a prompt of %d turns was cut on the left to fit %d tokens: %d turns and %d tokens left out",
            len(messages),
            max_tokens,
            turns,
            max(0, before - max_tokens),
        )
        return ids, turns, max(0, before - max_tokens)

    def _render(self, messages: Sequence[Message]) -> list[int]:
        if self.tokenizer.chat_template and not any(self._control_starts(m.content) for m in messages):
            rendered = self._chat([{"role": m.role, "content": m.content} for m in messages])
            return self._encode_template(rendered)
        return [number for segment in self._segments(messages) for number in segment.ids]

    def _segments(self, messages: Sequence[Message]) -> list[_Segment]:
        """The prompt in pieces: what the template wrote, and what people wrote, each encoded as what it is."""
        if not self.tokenizer.chat_template:
            return self._tagged(messages)
        marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
        chat = [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]
        rendered = self._chat(chat)
        contents = {mark: m.content for m, mark in zip(messages, marks, strict=True)}
        pieces = re.split("(\ue000\\d+\ue001)", rendered)
        return [
            _Segment(self._encode_text(contents[piece]), True)
            if piece in contents
            else _Segment(self._encode_template(piece), False)
            for piece in pieces
            if piece
        ]

    def _tagged(self, messages: Sequence[Message]) -> list[_Segment]:
        segments = [_Segment(list(self._bos), False)]
        for message in messages:
            segments.append(_Segment(self._encode_template(OPENING[message.role]), False))
            segments.append(_Segment(self._encode_text(self._escape(message.content)), True))
            segments.append(_Segment(self._encode_template(CLOSING[message.role]), False))
        segments.append(_Segment(self._encode_template(OPENING["assistant"]), False))
        return segments

    def _escape(self, text: str) -> str:
        """Tags in a text written as text where the tokenizer has no token for them; reversible."""
        if all(tag in self._control for tag in TAGS):
            return text
        return _TAG_START.sub("&lt;", _ESCAPED.sub("&amp;", text))

    def _chat(self, chat: list[dict[str, str]], *, open_turn: bool = True) -> str:
        try:
            return self._apply(chat, open_turn=open_turn)
        except Exception as error:  # jinja's own errors and whatever a template raises
            if chat[0]["role"] == "system" and len(chat) > 1:
                # Some templates know no system role: its text then opens the first turn.
                first = {**chat[1], "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
                return self._chat([first, *chat[2:]], open_turn=open_turn)
            roles = ", ".join(message["role"] for message in chat)
            raise TemplateError(f"the chat template refuses turns of {roles}: {error}") from error

    def _apply(self, chat: list[dict[str, str]], *, open_turn: bool) -> str:
        text: str = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=open_turn)
        return text

    def _end_of_turn(self) -> int | None:
        """The special token that the chat template writes right behind an assistant's turn, if it does."""
        mark = "\ue0000\ue001"
        turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": mark}]
        behind = self._chat(turns, open_turn=False).partition(mark)[2].lstrip()
        ends = [token for token in self._control if behind.startswith(token)]
        return self._control[max(ends, key=len)] if ends else None

    def _encode_template(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _control_starts(self, text: str) -> list[int]:
        """Where the name of a control token begins in the text."""
        if not self._control:
            return []
        names = "|".join(re.escape(token) for token in self._control)
        return [match.start() for match in re.finditer(f"(?={names})", text)]

    def _encode_text(self, text: str) -> list[int]:
        """Ids of a person's or a model's text, in which no string becomes a control token.

        Raises:
            TemplateError: a control token is a single character that the text contains.
        """
        if not text:
            return []
        # Cut behind its first character, the name of a control token is text to every kind of tokenizer.
        cuts = [0, *(start + 1 for start in self._control_starts(text)), len(text)]
        pieces = [text[start:end] for start, end in pairwise(cuts)]
        ids = [number for piece in pieces if piece for number in self._encode_template(piece)]
        found = set(ids) & set(self._control.values())
        if found:
            raise TemplateError(f"the text {text[:80]!r} encodes to control tokens {sorted(found)}; change the text")
        return ids


def _without_oldest_turn(messages: Sequence[Message]) -> list[Message]:
    """One turn less on the left, system kept to the last, so that a user turn comes first; empty when one is left."""
    system = [m for m in messages[:1] if m.role == "system"]
    turns = list(messages[len(system) :])
    if len(turns) <= 1:
        return turns if system and turns else []
    turns = turns[1:]
    while len(turns) > 1 and turns[0].role != "user":
        turns = turns[1:]
    return [*system, *turns]


def _cut(segments: Sequence[_Segment], max_tokens: int) -> list[int]:
    """Cut the content on its left until everything fits; the template's own tokens stay while there is room."""
    excess = sum(len(segment.ids) for segment in segments) - max_tokens
    kept: list[int] = []
    for segment in segments:
        drop = min(excess, len(segment.ids)) if segment.content else 0
        excess -= drop
        kept += segment.ids[drop:]
    return kept[-max_tokens:]
