"""The OpenAI completions API of another process, as HTTP: requests, what is tried again, and errors that help."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

SHOWN = 300
"""Characters of a server's own words that an error repeats."""


class ServerError(RuntimeError):
    """A server of completions can't be used; names its address, what it said and the remedy."""


class _TryAgain(Exception):
    """The server is at fault or away; another attempt may succeed."""


@dataclass(frozen=True)
class CompletionServer:
    """A server at an address such as ``http://localhost:8000``.

    A request is tried again when the server fails (status 5xx) or the connection is lost, and never when it was refused
    or has taken too long: the server may still be working on it.

    Attributes:
        api_key: sent as a bearer token when not empty.
        timeout_seconds: silence after which a request is given up; longer than a whole completion takes.
        attempts: how often a request is sent at most.
        first_wait_seconds: before the second attempt; doubled before each one more.

    Raises:
        ValueError: the address is no http or https URL, or a number is out of range.
    """

    address: str
    api_key: str = field(default="", repr=False)
    timeout_seconds: float = 600.0
    attempts: int = 5
    first_wait_seconds: float = 0.5

    def __post_init__(self) -> None:
        if not self.address.startswith(("http://", "https://")):
            raise ValueError(f"the server's address is {self.address!r}; give one like http://localhost:8000")
        if not self.timeout_seconds > 0 or self.attempts < 1 or self.first_wait_seconds < 0:
            raise ValueError(
                f"timeout_seconds is {self.timeout_seconds}, attempts {self.attempts}, first_wait_seconds "
                f"{self.first_wait_seconds}; give more than 0, 1 or more, and 0 or more"
            )

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request for completions, checked to hold ``choices``.

        Raises:
            ServerError: the server is away, refuses the request, or answers something else.
        """
        answer: dict[str, Any] = self._json("completions", request)
        choices = answer.get("choices") if isinstance(answer, dict) else None  # type: ignore[redundant-expr]  # any JSON value
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise self._nonsense(json.dumps(answer))
        return answer

    def models(self) -> list[str]:
        """Names that the server answers to: the base model's, and those of its LoRA adapters.

        Raises:
            ServerError: see ``complete``.
        """
        answer = self._json("models", None)
        try:
            return [str(model["id"]) for model in answer["data"]]
        except (TypeError, KeyError) as error:
            raise self._nonsense(json.dumps(answer)) from error

    def load_adapter(self, name: str, folder: Path) -> None:
        """Let a vLLM server load a LoRA adapter from a folder that it can read, under a name that is new to it.

        Raises:
            ServerError: see ``complete``.
        """
        self._send("load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})

    def unload_adapter(self, name: str) -> None:
        """Let a vLLM server forget a LoRA adapter.

        Raises:
            ServerError: see ``complete``.
        """
        self._send("unload_lora_adapter", {"lora_name": name})

    def _json(self, path: str, body: Mapping[str, Any] | None) -> Any:
        answer = self._send(path, body)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise self._nonsense(answer) from error

    def _send(self, path: str, body: Mapping[str, Any] | None) -> str:
        """Send a request, more than once if need be, and return the body of the answer."""
        wait, attempt = self.first_wait_seconds, 1
        while True:
            try:
                return self._attempt(path, body)
            except _TryAgain as trouble:
                if attempt == self.attempts:
                    raise ServerError(
                        f"{self._url(path)} failed {attempt} times: {trouble}. Start the server, or correct its address"
                    ) from trouble.__cause__
                logger.warning("%s: %s; attempt %d follows in %g s", self._url(path), trouble, attempt + 1, wait)
                time.sleep(wait)
                wait, attempt = 2 * wait, attempt + 1

    def _attempt(self, path: str, body: Mapping[str, Any] | None) -> str:
        request = urllib.request.Request(self._url(path), headers={"Content-Type": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
        if self.api_key:
            request.add_header("Authorization", f"Bearer {self.api_key}")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as answer:
                text: str = answer.read().decode("utf-8", errors="replace")
                return text
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (OSError, HTTPException) as error:  # URLError among them
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise ServerError(
                    f"{self._url(path)} said nothing for {self.timeout_seconds:g} s: ask it for fewer or shorter "
                    "completions at once, or wait longer (timeout_seconds; SAMPLING_SERVER_TIMEOUT of Prefloop)"
                ) from error
            raise _TryAgain(f"no connection, or it was cut ({reason})") from error

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        try:
            said = error.read().decode("utf-8", errors="replace")
        except (OSError, HTTPException):
            said = ""
        what = f"status {error.code}, {_short(said) or 'with no explanation'}"
        if error.code >= 500:
            return _TryAgain(what)
        remedy = {
            401: "give the server's API key",
            403: "give the server's API key",
            404: "serve the model (or the LoRA adapter) under this name, or give the name under which it is served",
        }.get(error.code, "see what it asks for, and which kind of server this is")
        return ServerError(f"{error.url} refuses the request: {what}. Remedy: {remedy}")

    def _nonsense(self, answer: str) -> ServerError:
        return ServerError(
            f"{self.address} answers {_short(answer)!r}, which is no OpenAI completions API: correct the address"
        )

    def _url(self, path: str) -> str:
        return f"{self.address.rstrip('/').removesuffix('/v1')}/v1/{path}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
